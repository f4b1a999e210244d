// Package simulator is a vLLM fleet that needs no GPU: it emits the metrics,
// log lines and spans that real vLLM servers emit, and writes down the truth
// about every request, so that a join of the three signals can be graded.
//
// Data flows through the packages below in this order:
//
//	traffic    who calls: arrivals, prompt lengths, retries, callers
//	openai     … or a real program calls, over HTTP
//	serving    API servers and the clock of events; one Instance per pod
//	engine     the scheduler: batching, KV blocks, preemption, prefix cache
//	telemetry  what vLLM would say about it: metrics, log lines, spans
//	truth      what really happened
//	ship       into Prometheus, Loki and Jaeger
//
// The fleet lives on a virtual clock. Backfill moves that clock through the
// past as fast as the machine can, Run keeps it at the time of day. Neither
// reads a clock anywhere else, so the same seed gives the same bytes.
//
//	sim, err := simulator.New(simulator.Config{Seed: 1, Loki: lokiURL, ...})
//	defer sim.Close()
//	scrapeConfig := simulator.ScrapeConfigs(sim.ScrapeTargets(), 5*time.Second)
//	err = sim.Backfill(ctx, simulator.Window{From: now.Add(-6*time.Hour), To: now})
//	err = sim.Run(ctx) // until ctx ends
package simulator
