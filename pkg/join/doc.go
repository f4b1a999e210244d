// Package join makes one row per LLM request out of spans, log events and metric samples. It is pure: values in, values
// out, no I/O, no clock, no logger; so it can be tested with literals, fuzzed, and benchmarked alone.
//
// The order of the steps stands in pipeline.go. Reading order: request.go (the row), pipeline.go, spine.go, attempts.go.
package join
