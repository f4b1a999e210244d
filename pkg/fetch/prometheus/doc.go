// Package prometheus asks the metrics store, over Prometheus' HTTP API v1 and so also Mimir, Thanos, Cortex and
// VictoriaMetrics. It owns PromQL: every builder escapes what it is given, and names are those that the store really has.
// It answers in domain values (samples, engines, counts), never in frames, and must not know Grafana or the join.
//
// Reading order: client.go (calls), names.go (which version's names), promql.go and macros.go (text), engine_state.go.
package prometheus
