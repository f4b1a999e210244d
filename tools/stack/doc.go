//go:build unix

// Package stack runs a real Prometheus, Loki, Jaeger and, where alerts are
// delivered, Alertmanager on loopback, for the integration tests and the demo: free ports, a throw-away data folder, each
// store on its own, none outliving the process that started it.
//
// Addresses are fixed by New, before any server runs, so that clients can be
// configured at once and find the stores as they come up:
//
//	servers, err := stack.New(stack.Options{OnChange: redraw})
//	defer servers.Close()
//	servers.Launch(ctx) // finds or builds, starts; returns at once
//	<-servers.Prometheus.Ready()
//
// Tests that need them all use Start, or stacktest.Start, and wait.
package stack
