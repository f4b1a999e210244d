// Package logs holds the Loki client against a real Loki: what it answers at its limits, and in which order. Its tests run
// with -tags integration.
package logs
