package world

import (
	"math/rand/v2"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// byCollector is the stream of lines as an OpenTelemetry collector pushes it to Loki's OTLP endpoint: its names are resource
// attributes, of which Loki makes labels (k8s_pod_name).
func byCollector(from *telemetry.LogStream) *telemetry.LogStream {
	to := &telemetry.LogStream{Tenant: from.Tenant, OTLP: true}
	for _, l := range []telemetry.Label{
		{Name: "deployment.environment.name", Value: label(from, "environment")},
		{Name: "k8s.cluster.name", Value: label(from, "cluster")},
		{Name: "k8s.container.name", Value: label(from, "container")},
		{Name: "k8s.namespace.name", Value: label(from, "namespace")},
		{Name: "k8s.pod.name", Value: label(from, "pod")},
		{Name: "service.name", Value: "vllm"},
	} {
		if l.Value != "" {
			to.Labels = append(to.Labels, l)
		}
	}
	return to
}

var podAlone = Undecidable{Columns: []string{"instance"}, Of: withoutSpan, Why: "a collector's stream names the pod, and the request has no span"}

func withoutSpan(r *truth.Record) bool { return r.Evidence.EngineSpan != truth.Emitted }

func init() {
	Add(
		World{Name: "lines_by_otlp", Doc: "An OpenTelemetry collector ships the lines to Loki's OTLP endpoint.", Source: "grafana.com/docs/loki: send-data/otel",
			Undecidable: []Undecidable{podAlone},
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				other := streams(byCollector)
				return func(l line, ship ship) {
					l.Stream = other(l.Stream)
					l.Metadata = append(l.Metadata, telemetry.Label{Name: "log.iostream", Value: "stderr"})
					ship(l)
				}
			})},
		World{Name: "lines_moved_to_otlp", Doc: "A move from Promtail to a collector: first the one, for four minutes both, then the other.", Names: []string{"duplicate_lines"},
			Undecidable: []Undecidable{podAlone},
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				other := streams(byCollector)
				var began time.Time
				return func(l line, ship ship) {
					if began.IsZero() {
						began = l.Time
					}
					since := l.Time.Sub(began)
					if since < 8*time.Minute {
						ship(l)
					}
					if since > 4*time.Minute {
						l.Stream = other(l.Stream)
						ship(l)
					}
				}
			})},
		World{Name: "log_clock_of_two_nodes", Doc: "The clock of one node is 4 s early, that of another 9 s late, the others are right.", Names: []string{"log_skew"},
			Delay: 10 * time.Second,
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				return func(l line, ship ship) {
					switch label(l.Stream, "pod") {
					case "vllm-qwen3-32b-0":
						l.Time = l.Time.Add(-4 * time.Second)
					case "vllm-llama-3-1-8b-1":
						l.Time = l.Time.Add(9 * time.Second)
					}
					ship(l)
				}
			})},
		World{Name: "log_clock_set_right", Doc: "The clock that stamps the lines was 6 s early until somebody set it right, minutes ago.", Names: []string{"log_delay|log_skew?"},
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				var began time.Time
				return func(l line, ship ship) {
					if began.IsZero() {
						began = l.Time
					}
					if l.Time.Sub(began) < 6*time.Minute {
						l.Time = l.Time.Add(-6 * time.Second)
					}
					ship(l)
				}
			})},
		World{Name: "lines_fall_behind", Doc: "A shipper that stamps lines itself falls up to 90 s behind while traffic is heavy, and catches up.", Names: []string{"log_delay|log_skew"},
			Delay: 100 * time.Second,
			Pipeline: onLines(func(*rand.Rand) func(line, ship) {
				var began time.Time
				last := map[*telemetry.LogStream]time.Time{}
				return func(l line, ship ship) {
					if began.IsZero() {
						began = l.Time
					}
					late := l.Time.Sub(began) / 4 // up to 90 s after six minutes, then less
					if late > 90*time.Second {
						late = max(180*time.Second-late, 0)
					}
					l.Time = l.Time.Add(late)
					if before := last[l.Stream]; !l.Time.After(before) {
						l.Time = before.Add(time.Microsecond)
					}
					last[l.Stream] = l.Time
					ship(l)
				}
			})},
		World{Name: "callers_clock_early", Doc: "The callers' hosts are two seconds behind the GPU nodes: their spans begin and end too early.",
			Names: []string{"caller_clock"}, Source: "opentelemetry-python-contrib#2304",
			Undecidable: []Undecidable{{
				Columns: []string{"caller_service", "caller_duration", "outside_engine", "http_status"},
				Why:     "by the clocks the caller had ended before the engine had: a retry's caller looks the same",
			}},
			Pipeline: func(*rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
					for _, s := range spans {
						if s.Scope != "vllm.tracing.otel" && s.Scope != "vllm.llm_engine" {
							s.Start, s.End = s.Start.Add(-2*time.Second), s.End.Add(-2*time.Second)
						}
					}
					return spans
				}}
			}},
		World{Name: "crash_loop", Doc: "Engines run out of memory every few minutes and come back.",
			Config: func(c *simulator.Config) { c.EngineDeaths = 12 }},
		World{Name: "pauses", Doc: "An operator pauses engines every few minutes, which aborts what they have in work.",
			Config: func(c *simulator.Config) { c.EnginePauses = 12 }},
		World{Name: "overload", Doc: "Ten times the usual traffic comes in waves: queues, preemptions, clients that give up.",
			Config: func(c *simulator.Config) { c.Profile, c.Rate = simulator.Overload, 0.4 }},
		World{Name: "clean_0_10_2", Doc: "Nothing is odd: vLLM 0.10.2, the first of the V1 engine with spans.",
			Config: func(c *simulator.Config) { c.VLLMVersion = "0.10.2" }},
		World{Name: "clean_0_9", Doc: "Nothing is odd: vLLM 0.9, whose V1 engine writes no spans.", Names: []string{"request_spans"},
			Config: func(c *simulator.Config) { c.VLLMVersion = "0.9.2" }},
		World{Name: "clean_0_20", Doc: "Nothing is odd: vLLM 0.20.",
			Config: func(c *simulator.Config) { c.VLLMVersion = "0.20.0" }},
	)
}
