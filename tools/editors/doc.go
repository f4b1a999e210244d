// Package editors gives the plugin's editors a place to be looked at and tested without Grafana: a page on loopback that
// mounts the built frontend, and the few calls of Grafana's API that a data source makes, answered by the built backend in
// front of real Prometheus, Loki and Jaeger. The page itself is tests/editors/shell.
package editors
