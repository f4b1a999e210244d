// Package vllm holds the nouns of vLLM's telemetry: metric names and their history, request ids, log-line and span
// vocabulary, units. It imports only the standard library and must not know Grafana, a store's protocol or a query.
package vllm
