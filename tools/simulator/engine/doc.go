// Package engine is vLLM's V1 scheduler without the model: continuous batching
// under a sequence cap and a token budget, chunked prefill, KV blocks with
// preemption by recomputation, and a prefix cache.
//
// An Engine is passive. Its owner tells it the time and drives it in turns of
// StartStep and FinishStep; it knows no clock, no HTTP and no telemetry.
// Times are durations since the start of the simulation.
package engine
