package world

import (
	"math/rand/v2"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// withoutRequests is vLLM without --enable-log-requests, which is its default since 0.10.1: no line names a request.
func withoutRequests() simulator.Pipeline {
	return simulator.Pipeline{
		Line: func(l line, ship ship) {
			if l.About == nil {
				ship(l)
			}
		},
		Truth: func(r *truth.Record) {
			r.Evidence.LogLinesLost += r.Evidence.LogLines
			r.Evidence.LogLines, r.Evidence.ErrorLines = 0, 0
		},
	}
}

func init() {
	Add(
		World{Name: "engine_hangs_unlogged", Doc: "One replica's engine stops computing, and no line names a request: only gauges and counters tell of what it holds.",
			Delay: 11 * time.Minute, Names: []string{"request_ids_in_logs"}, Config: func(c *simulator.Config) {
				c.EngineDeaths, c.EnginePauses, c.Rate = -1, -1, 15      // the engine has work when it stops
				eachModel(c, func(m *simulator.Model) { m.LoRAs = nil }) // whose adapters they are, only lines tell
				c.Hangs = append(c.Hangs, simulator.Hang{Pod: "vllm-llama-3-1-8b-0", At: 7 * time.Minute})
				c.Calls = then(c, func(call *traffic.Call) {
					call.Patience, call.Retries, call.Rejection, call.FailAfter = 10*time.Minute, 0, nil, 0
				})
			},
			Pipeline: func(*rand.Rand) simulator.Pipeline { return withoutRequests() }},
		World{Name: "traces_head_10_none_refused", Doc: "Head sampling of one trace in ten where nobody is refused: every failure has its lines.",
			Names: []string{"traces_sampled"}, Config: func(c *simulator.Config) {
				c.EngineDeaths, c.EnginePauses = -1, -1
				c.Calls = then(c, func(call *traffic.Call) { call.Rejection = nil })
			},
			Pipeline: onTraces(func(random *rand.Rand, _ []*telemetry.Span) bool { return random.IntN(10) == 0 })},
	)
}
