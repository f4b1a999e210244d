// Package integration holds the built plugin against real Prometheus, Loki and Jaeger servers, filled by the simulator,
// whose truth file says what every answer must be. Its tests run with -tags integration.
package integration
