package world

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// Worlds in which the telemetry is sound and the service is not.
func init() {
	Add(
		World{Name: "engine_hangs", Doc: "One replica's engine stops computing; its server takes requests in, answers /health and /metrics, and its clients wait ten minutes.",
			Delay: 11 * time.Minute, Config: func(c *simulator.Config) {
				c.EngineDeaths, c.EnginePauses = -1, -1
				c.Hangs = append(c.Hangs, simulator.Hang{Pod: "vllm-llama-3-1-8b-0", At: 7 * time.Minute})
				c.Calls = then(c, func(call *traffic.Call) { call.Patience, call.Retries = 10*time.Minute, 0 })
			}},
		World{Name: "requests_of_four_minutes", Doc: "A model answers batch work at length: each request takes some four minutes.",
			Delay: 8 * time.Minute, Config: func(c *simulator.Config) {
				c.EngineDeaths, c.EnginePauses = -1, -1
				eachModel(c, func(m *simulator.Model) { m.LoRAs, m.Engine.Step.Base = nil, 110*time.Millisecond })
				c.Models, c.Rate = c.Models[:1], 0.15
				c.Calls = then(c, func(call *traffic.Call) {
					call.Patience, call.Rejection, call.FailAfter, call.MaxTokens = time.Hour, nil, 0, 4096
					for p := range call.Prompts {
						for n := range call.Prompts[p].Outputs {
							call.Prompts[p].Outputs[n] = 1800 + 17*(n+p)
						}
					}
				})
			}},
		World{Name: "spans_out_of_order", Doc: "A collector exports the spans of a trace in any order, callers first.",
			Pipeline: func(random *rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
					spans = slices.Clone(spans)
					random.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
					return spans
				}}
			}},
	)
}
