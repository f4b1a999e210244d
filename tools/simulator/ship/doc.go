// Package ship brings telemetry to real servers: spans to Jaeger by OTLP,
// log lines to Loki by push, samples of the past to Prometheus by remote
// write. It knows the stores' protocols and limits, not what the data means.
//
// Each store has a Buffer of its own, so that one that is down, slow or not
// built yet holds up none of the others.
package ship
