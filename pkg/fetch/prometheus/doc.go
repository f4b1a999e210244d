// Package prometheus asks the metrics store, over Prometheus' HTTP API v1 and so also Mimir, Thanos, Cortex and
// VictoriaMetrics. Package promql has the text of queries, and their results as values.
// It answers in domain values (samples, engines, counts), never in frames, and must not know Grafana or the join.
//
// Reading order: client.go (calls), discover.go (which version's names), engine_state.go.
package prometheus
