package world

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// onTraces is a world's pipeline that keeps some traces whole and drops the others.
func onTraces(keep func(random *rand.Rand, spans []*telemetry.Span) bool) func(*rand.Rand) simulator.Pipeline {
	return func(random *rand.Rand) simulator.Pipeline {
		return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
			if keep(random, spans) {
				return spans
			}
			return nil
		}}
	}
}

func init() {
	Add(
		World{Name: "traces_head_10", Doc: "Head sampling: callers decide for one trace in ten, whatever comes of it.", Names: []string{"traces_sampled"},
			Pipeline: onTraces(func(random *rand.Rand, _ []*telemetry.Span) bool { return random.IntN(10) == 0 })},
		World{Name: "traces_tail_slow", Doc: "Tail sampling by latency: traces of more than four seconds, and one in twenty of the others.",
			Names: []string{"traces_sampled"}, Source: "opentelemetry-collector-contrib processor/tailsamplingprocessor",
			Pipeline: onTraces(func(random *rand.Rand, spans []*telemetry.Span) bool {
				lucky := random.IntN(20) == 0
				return lucky || took(spans) > 4*time.Second
			})},
		World{Name: "traces_keep_errors", Doc: "Tail sampling by status: traces with an error, and one in ten of the others.",
			Names: []string{"traces_sampled"}, Source: "opentelemetry-collector-contrib processor/tailsamplingprocessor",
			Pipeline: onTraces(func(random *rand.Rand, spans []*telemetry.Span) bool {
				lucky := random.IntN(10) == 0
				for _, s := range spans {
					if s.Error {
						return true
					}
				}
				return lucky
			})},
		World{Name: "no_traces", Doc: "vLLM runs without --otlp-traces-endpoint and no caller is traced; the Jaeger is there for others.",
			Names:    []string{"request_spans", "store_blind"},
			Pipeline: onTraces(func(*rand.Rand, []*telemetry.Span) bool { return false })},
		World{Name: "no_caller_spans", Doc: "Only vLLM exports spans; its callers send traceparent and export to somebody else.",
			Pipeline: func(*rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: func(spans []*telemetry.Span) (kept []*telemetry.Span) {
					for _, s := range spans {
						if strings.HasPrefix(s.Scope, "vllm.") { // the router's is vllm-router
							kept = append(kept, s)
						}
					}
					return kept
				}}
			}},
	)
}

// took is from the first start to the last end.
func took(spans []*telemetry.Span) time.Duration {
	start, end := spans[0].Start, spans[0].End
	for _, s := range spans {
		if s.Start.Before(start) {
			start = s.Start
		}
		if s.End.After(end) {
			end = s.End
		}
	}
	return end.Sub(start)
}
