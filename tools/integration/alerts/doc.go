// Package alerts holds the alert rules and Alertmanager's configuration against the programs that read them: promtool,
// Prometheus, Loki's ruler, amtool and Alertmanager, which delivers to listeners of the tests. Its tests run with
// -tags integration.
package alerts
