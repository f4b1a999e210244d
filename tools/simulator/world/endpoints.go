package world

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// everyEndpoint are those whose ids are made in ways of their own.
var everyEndpoint = []string{
	traffic.ChatCompletions, traffic.Completions, traffic.Messages, traffic.Responses, traffic.Embeddings, traffic.Classify,
	traffic.Score, traffic.Rerank, traffic.Pooling, traffic.Transcriptions, traffic.Translations,
}

func init() {
	endpoints := func(id func(n int) string, endpoint func(n int) string) func(c *simulator.Config) {
		return func(c *simulator.Config) {
			n := 0
			c.Calls = then(c, func(call *traffic.Call) {
				n++
				call.RequestID, call.Endpoint = id(n), endpoint(n)
				switch one(call, 1); call.Endpoint {
				case traffic.ChatCompletions, traffic.Messages, traffic.Responses: // one prompt each
				default:
					one(call, 1+n%7/6)
				}
			})
		}
	}
	each := func(n int) string { return everyEndpoint[n%len(everyEndpoint)] }
	Add(
		World{Name: "ids_endpoints", Doc: "Every endpoint is in use, with ids that end in a number: each makes vLLM's ids of them in its own way.",
			Config: endpoints(func(n int) string { return fmt.Sprintf("user_%d-%d", n%5, n) }, each)},
		World{Name: "ids_endpoints_0_13", Doc: "Every endpoint of vLLM 0.13, with ids that end in eight hexadecimal digits; the engine adds nothing to them.",
			Config: func(c *simulator.Config) {
				c.VLLMVersion = "0.13.0"
				endpoints(func(n int) string { return fmt.Sprintf("job-%08x", n*7919) }, each)(c)
			}},
		World{Name: "ids_batch_chat", Doc: "Traced applications send batches of conversations; others number their requests with an underscore.",
			Config: func(c *simulator.Config) {
				n := 0
				c.Calls = then(c, func(call *traffic.Call) {
					n++
					if call.RequestID = fmt.Sprintf("job_%d", n); call.Caller.Traced && n%3 == 0 {
						call.RequestID, call.Endpoint = fmt.Sprintf("batch%d", n), traffic.BatchChat
						one(call, 2+n%3)
					}
				})
			}},
		World{Name: "ids_behind_envoy", Source: "envoyproxy/envoy (tracing), vllm-project/production-stack",
			Doc:      "A gateway of Envoy's gives each call an id of its own and leaves the client's on its span.",
			Pipeline: behind("envoy", "guid:x-request-id", "http.url")},
		World{Name: "ids_behind_litellm", Source: "BerriAI/litellm (OpenTelemetry callback)",
			Doc: "A LiteLLM proxy forwards no header, so that vLLM makes ids up; the proxy's call id is on its span.",
			Config: func(c *simulator.Config) {
				c.EngineDeaths, c.EnginePauses = 0, 0
				c.Calls = then(c, func(call *traffic.Call) {
					call.RequestID, call.FailAfter, call.Patience = "", 0, time.Hour // what leaves no engine span has no id in common with its call
				})
			},
			Pipeline: behind("litellm", "litellm.call_id", "gen_ai.request.model")},
		World{Name: "beam_search", Doc: "One completion in three is a beam search: a request of the engine for each beam of each step, with ids of their own.",
			Config: func(c *simulator.Config) {
				n := 0
				c.Calls = then(c, func(call *traffic.Call) {
					if n++; n%3 == 0 && call.Endpoint == traffic.Completions {
						call.RequestID = fmt.Sprintf("%s%d", beamBase, n)
						one(call, 1)
					}
				})
			}, Pipeline: beams},
	)
}

// one makes a call one of so many prompts and one sequence each.
func one(call *traffic.Call, prompts int) {
	call.N = 1
	call.Prompts = call.Prompts[:1]
	call.Prompts[0].Outputs = call.Prompts[0].Outputs[:1]
	for n := range prompts - 1 {
		p := call.Prompts[0]
		p.Tokens, p.Outputs = p.Tokens+n+1, slices.Clone(p.Outputs)
		p.Outputs[0] += n + 1
		call.Prompts = append(call.Prompts, p)
	}
}

// behind puts a proxy's span between callers and engines, with an id in one attribute and another that says what it is. The id that
// a client sent is that of the truth; where it sent none, it is the proxy's own.
func behind(service, attribute, what string) func(*rand.Rand) simulator.Pipeline {
	own := func(trace string) string { return "call-" + trace[:12] }
	return func(*rand.Rand) simulator.Pipeline {
		return simulator.Pipeline{
			Trace: func(spans []*telemetry.Span) []*telemetry.Span {
				out := slices.Clone(spans)
				proxies := map[telemetry.SpanID]*telemetry.Span{} // one a call, however many sequences it has
				for _, s := range spans {
					if s.Name != "llm_request" || s.Parent == (telemetry.SpanID{}) {
						continue
					}
					if proxy := proxies[s.Parent]; proxy != nil {
						if end := s.End.Add(200 * time.Microsecond); end.After(proxy.End) {
							proxy.End = end
						}
						s.Parent = proxy.SpanID
						continue
					}
					id := own(fmt.Sprintf("%x", s.TraceID))
					for _, a := range s.Attributes {
						if base, ok := strings.CutPrefix(fmt.Sprint(a.Value), "chatcmpl-"); ok && a.Key == "gen_ai.request.id" && attribute != "litellm.call_id" {
							id = base
						}
					}
					proxy := &telemetry.Span{
						Resource: telemetry.NewResource("go", "1.40.0", service, nil, nil), Scope: service, Name: "egress", Kind: telemetry.Client,
						TraceID: s.TraceID, SpanID: derived(s.SpanID, service), Parent: s.Parent, Remote: true,
						Start: s.Start.Add(-200 * time.Microsecond), End: s.End.Add(200 * time.Microsecond),
						Attributes: []telemetry.Attribute{{Key: attribute, Value: id}, {Key: what, Value: "http://vllm.example/v1/chat/completions"}},
					}
					if what == "gen_ai.request.model" {
						proxy.Name, proxy.Attributes[1] = "litellm_request", telemetry.Attribute{Key: what, Value: "hosted_vllm/llama"}
					}
					proxies[s.Parent] = proxy
					s.Parent = proxy.SpanID
					out = append(out, proxy)
				}
				return out
			},
			Truth: func(r *truth.Record) {
				if r.ClientRequestID == "" && r.ParentSpanID != "" && r.Evidence.EngineSpan == truth.Emitted {
					r.ClientRequestID = own(r.TraceID)
				}
			},
		}
	}
}

// derived makes a span id of another.
func derived(id telemetry.SpanID, salt string) (out telemetry.SpanID) {
	h := fnv.New64a()
	_, _ = h.Write(append(id[:], salt...)) // never fails
	binary.BigEndian.PutUint64(out[:], h.Sum64())
	return out
}

const (
	beamBase  = "beam-of-"
	beamSteps = 4
	beamWidth = 2
)

// beamIDs are the ids of a search's beams, step by step: one in the first, beamWidth in each further one.
func beamIDs(response string) (ids []string) {
	for step := range beamSteps {
		h := fnv.New64a()
		_, _ = fmt.Fprint(h, response, step) // never fails
		for k := range min(step+1, beamWidth) {
			ids = append(ids, fmt.Sprintf("%s-%016x-beam-%d", response, h.Sum64(), k))
		}
	}
	return ids
}

var samplingParams = regexp.MustCompile(`SamplingParams\(.*, max_tokens=(\d+),.*\), lora_request`)

// beams makes beam searches of completions, as vLLM 0.32 was recorded to do them.
func beams(*rand.Rand) simulator.Pipeline {
	search := regexp.MustCompile(`cmpl-` + beamBase + `\d+`)
	return simulator.Pipeline{
		Line: func(l line, ship ship) {
			response := search.FindString(l.Text)
			if response == "" {
				ship(l)
				return
			}
			ids := beamIDs(response)
			switch {
			case strings.Contains(l.Text, "Added request "):
				for _, id := range ids {
					one := l
					one.Text = strings.Replace(l.Text, response+"-0", id, 1)
					ship(one)
				}
				return
			case strings.Contains(l.Text, "Received request "):
				l.Text = samplingParams.ReplaceAllString(l.Text, "BeamSearchParams(beam_width=2, max_tokens=$1, ignore_eos=False, temperature=0.0, length_penalty=1.0, include_stop_str_in_output=False), lora_request")
			case strings.Contains(l.Text, "internal error"):
			default:
				l.Text = strings.Replace(l.Text, response+"-0", ids[len(ids)-1], 1)
			}
			ship(l)
		},
		Trace: func(spans []*telemetry.Span) (out []*telemetry.Span) {
			for _, s := range spans {
				out = append(out, beamSpans(s)...)
			}
			return out
		},
		Truth: func(r *truth.Record) {
			if !strings.HasPrefix(r.ExternalID, "cmpl-"+beamBase) {
				return
			}
			r.ExternalID = strings.TrimSuffix(r.ExternalID, "-0")
			greedy := 0.0
			r.Temperature = &greedy
			if r.Evidence.LogLines > 0 {
				r.Evidence.LogLines += len(beamIDs("")) - 1
			}
			if r.Evidence.EngineSpan != truth.Emitted {
				return
			}
			r.CompletionTokens = len(beamIDs(""))
			if r.E2E != nil && r.TTFT != nil {
				decode := *r.E2E - *r.TTFT
				perToken := decode / (beamSteps - 1)
				r.Decode, r.TPOT = &decode, &perToken
			}
		},
	}
}

// beamSpans are the steps of a search in place of its span: the first takes its phases, the others share the rest of its time.
func beamSpans(s *telemetry.Span) []*telemetry.Span {
	value := func(key string) any {
		for _, a := range s.Attributes {
			if a.Key == key {
				return a.Value
			}
		}
		return nil
	}
	id, _ := value("gen_ai.request.id").(string)
	response, ok := strings.CutSuffix(id, "-0")
	if !ok || !strings.HasPrefix(id, "cmpl-"+beamBase) {
		return []*telemetry.Span{s}
	}
	ttft, _ := value("gen_ai.latency.time_to_first_token").(float64)
	e2e, _ := value("gen_ai.latency.e2e").(float64)
	var out []*telemetry.Span
	place := 0
	for step := range beamSteps {
		from, to := 0.0, ttft
		if step > 0 {
			each := (e2e - ttft) / (beamSteps - 1)
			from, to = ttft+float64(step-1)*each, ttft+float64(step)*each
		}
		for range min(step+1, beamWidth) {
			beam := *s
			beam.Start = s.Start.Add(time.Duration(from * float64(time.Second)))
			beam.End = s.Start.Add(time.Duration(to * float64(time.Second))).Add(50 * time.Microsecond)
			beam.Attributes = slices.Clone(s.Attributes)
			for i := range beam.Attributes {
				a := &beam.Attributes[i]
				switch a.Key {
				case "gen_ai.request.id":
					a.Value = beamIDs(response)[place]
				case "gen_ai.usage.completion_tokens", "gen_ai.request.max_tokens":
					a.Value = int64(1)
				case "gen_ai.request.temperature":
					a.Key = "gen_ai.request.unused" // greedy, which vLLM leaves out
				case "gen_ai.latency.e2e":
					a.Value = to - from
				case "gen_ai.latency.time_in_model_decode":
					a.Value = 0.0
				case "gen_ai.latency.time_to_first_token":
					if step > 0 {
						a.Value = to - from
					}
				}
			}
			if place > 0 {
				beam.SpanID = derived(s.SpanID, fmt.Sprint(place))
			}
			out = append(out, &beam)
			place++
		}
	}
	return out
}
