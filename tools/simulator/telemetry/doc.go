// Package telemetry renders what a vLLM server says about itself, byte for
// byte where that matters: the Prometheus text with its odd names, the log
// lines with both forms of the request id, and the llm_request spans with
// their omissions. What differs between vLLM versions is decided by a Version
// and written down in tables.
//
// It holds numbers and renders them. When a counter grows is decided in
// package serving; where the result goes, in package ship.
package telemetry
