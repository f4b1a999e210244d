// Package serving runs the fleet: callers, pods with their API servers and
// engines, deaths and restarts, all on one clock of events. It decides when a
// counter grows, a line is written and a span ends; what these look like is
// package telemetry's.
//
// A call becomes an operation; an operation makes one attempt, and more when
// attempts fail; an attempt has a prompt or several; a prompt has a sequence
// or several, and each of those is what vLLM calls a request.
package serving
