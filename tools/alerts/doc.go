// Package alerts owns the alert rules: their thresholds, labels and words stand here once, and the files that Prometheus,
// Loki's ruler, Grafana, Kubernetes and promtool read are written from them (go run ./cmd/alerts). It must not know how a rule is
// delivered; that is Alertmanager's configuration.
package alerts
