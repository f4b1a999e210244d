package world

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// tracedCall is one call of a traced application, as the simulated fleet traces it: the application's root and client span, and the
// engine's spans below, if the engine answered.
type tracedCall struct {
	root, client *telemetry.Span
	engines      []*telemetry.Span
	routed       bool // a router's spans lie between
	failed       bool
	model        string
}

func isEngines(s *telemetry.Span) bool { return s.Name == "llm_request" }

// callsOf finds the calls of a trace.
func callsOf(spans []*telemetry.Span) (calls []*tracedCall) {
	byID := map[telemetry.SpanID]*telemetry.Span{}
	for _, s := range spans {
		byID[s.SpanID] = s
	}
	of := map[telemetry.SpanID]*tracedCall{}
	for _, s := range spans {
		if s.Scope == "opentelemetry.instrumentation.openai_v2" {
			model, _ := attribute(s, "gen_ai.request.model").(string)
			of[s.SpanID] = &tracedCall{root: byID[s.Parent], client: s, failed: s.Error, model: model}
			calls = append(calls, of[s.SpanID])
		}
	}
	for _, s := range spans {
		up, routed := byID[s.Parent], false
		for up != nil && up.Scope == "vllm-router" {
			up, routed = byID[up.Parent], true
		}
		if up == nil || of[up.SpanID] == nil {
			continue
		}
		if isEngines(s) {
			of[up.SpanID].engines = append(of[up.SpanID].engines, s)
		}
		of[up.SpanID].routed = of[up.SpanID].routed || routed || s.Scope == "vllm-router"
	}
	return calls
}

// onTracedCalls is a world's pipeline that changes each call, and gives the spans that it adds.
func onTracedCalls(change func(c *tracedCall, newID func() telemetry.SpanID) []*telemetry.Span) func(*rand.Rand) simulator.Pipeline {
	return func(random *rand.Rand) simulator.Pipeline {
		newID := func() (id telemetry.SpanID) {
			binary.BigEndian.PutUint64(id[:], random.Uint64()|1)
			return id
		}
		return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
			for _, c := range callsOf(spans) {
				spans = append(spans, change(c, newID)...)
			}
			return spans
		}}
	}
}

// setOn replaces or adds an attribute; a nil value takes it away.
func setOn(s *telemetry.Span, key string, value any) {
	var out []telemetry.Attribute
	for _, a := range s.Attributes {
		if a.Key != key {
			out = append(out, a)
		}
	}
	if value != nil {
		out = append(out, telemetry.Attribute{Key: key, Value: value})
	}
	s.Attributes = out
}

// within makes a span inside another one's time, for a part of it.
func within(outer *telemetry.Span, resource *telemetry.Resource, id telemetry.SpanID, name string, kind telemetry.SpanKind, from, to float64, attributes ...telemetry.Attribute) *telemetry.Span {
	length := outer.End.Sub(outer.Start)
	return &telemetry.Span{
		Resource: resource, Scope: "world", Name: name, Kind: kind, TraceID: outer.TraceID, SpanID: id, Parent: outer.SpanID,
		Start: outer.Start.Add(time.Duration(from * float64(length))), End: outer.Start.Add(time.Duration(to * float64(length))),
		Attributes: attributes,
	}
}

// litellm puts LiteLLM's proxy between a call and the engine: its spans of login, database, cache, guardrail and log all name
// the model, and the one call to the engine is one of them.
func litellm(c *tracedCall, newID func() telemetry.SpanID) []*telemetry.Span {
	if c.routed {
		return nil
	}
	resource := telemetry.NewResource("python", "1.30.0", "litellm-proxy", nil, nil)
	model := telemetry.Attribute{Key: "gen_ai.request.model", Value: c.model}
	with := func(more ...telemetry.Attribute) []telemetry.Attribute { return append(more, model) }
	kv := func(key string, value any) telemetry.Attribute { return telemetry.Attribute{Key: key, Value: value} }
	server := within(c.client, resource, newID(), "POST /v1/chat/completions", telemetry.Server, 0, 1,
		kv("http.request.method", "POST"), kv("http.route", "/v1/chat/completions"))
	if status := attribute(c.client, "http.response.status_code"); status != nil {
		server.Attributes = append(server.Attributes, kv("http.response.status_code", status))
	}
	in := func(name string, kind telemetry.SpanKind, from, to float64, attributes ...telemetry.Attribute) *telemetry.Span {
		return within(server, resource, newID(), name, kind, from, to, attributes...)
	}
	upstream := in("chat "+c.model, telemetry.Client, 0, 1, with(kv("gen_ai.operation.name", "acompletion"), kv("gen_ai.provider.name", "hosted_vllm"))...)
	if c.failed {
		upstream.Error, upstream.Message = true, c.client.Message
		upstream.Attributes = append(upstream.Attributes, kv("error.type", attribute(c.client, "error.type")))
	} else if id := attribute(c.client, "gen_ai.response.id"); id != nil {
		upstream.Attributes = append(upstream.Attributes, kv("gen_ai.response.id", id))
	}
	for _, e := range c.engines {
		e.Parent = upstream.SpanID
	}
	return []*telemetry.Span{
		server, upstream,
		in("auth", telemetry.Internal, 0, 0.001, with(kv("litellm.service.name", "auth"))...),
		in("postgres select LiteLLM_VerificationTokenView", telemetry.Client, 0, 0.001, with(kv("db.system.name", "postgresql"))...),
		in("redis get", telemetry.Client, 0, 0.001, with(kv("db.system.name", "redis"))...),
		in("execute_guardrail pii", telemetry.Internal, 0, 0.001, with(kv("litellm.guardrail.name", "pii"))...),
		in("batch_write_to_db", telemetry.Client, 0.999, 1, with(kv("db.system.name", "postgresql"))...),
	}
}

// hasEngineSpan says that the engine's span of a request is in the store, under its caller's.
func hasEngineSpan(r *truth.Record) bool { return r.Evidence.EngineSpan == truth.Emitted }

func init() {
	Add(
		World{Name: "callers_behind_litellm", Doc: "LiteLLM's proxy stands before the engines and puts the model on its spans of database, cache, login and guardrail.",
			Source: "BerriAI/litellm#35193, BerriAI/litellm#28909", Pipeline: onTracedCalls(litellm)},
		World{Name: "startup_span_under_way", Doc: "Requests without a caller carry the trace context of the engine's start, of 88 s, over or still under way.",
			Source: "vllm-project/vllm#38672",
			Pipeline: func(random *rand.Rand) simulator.Pipeline {
				n := 0
				return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
					if len(spans) != 1 || !isEngines(spans[0]) {
						return spans
					}
					e := spans[0]
					start := &telemetry.Span{
						Resource: e.Resource, Scope: "vllm.v1.engine.core", Name: "Overall Loading", Kind: telemetry.Internal,
						TraceID: e.TraceID, Start: e.Start.Add(-90 * time.Second), End: e.Start.Add(-2 * time.Second),
					}
					binary.BigEndian.PutUint64(start.SpanID[:], random.Uint64()|1)
					if n++; n%2 == 0 {
						start.Start, start.End = e.Start.Add(-time.Second), e.Start.Add(87*time.Second)
					}
					e.Parent = start.SpanID
					return append(spans, start)
				}}
			}},
		World{Name: "callers_clock_late_3s", Doc: "The applications' hosts are three seconds ahead of the engines'.", Names: []string{"caller_clock"},
			Pipeline: func(*rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
					for _, s := range spans {
						if !strings.HasPrefix(s.Scope, "vllm.") {
							s.Start, s.End = s.Start.Add(3*time.Second), s.End.Add(3*time.Second)
						}
					}
					return spans
				}}
			},
			Undecidable: []Undecidable{
				{Columns: []string{"caller_service", "caller_duration", "outside_engine", "http_status"}, Of: hasEngineSpan, Why: "by its clock the caller was not there all the time"},
				{Columns: []string{"time"}, Why: "only a clock that is off tells when it came in"},
			}},
		World{Name: "phases_as_spans", Doc: "The engine's phases are spans below the request's, and no attributes.", Source: "vllm-project/vllm#44402", Pipeline: phaseSpans,
			Undecidable: []Undecidable{{Columns: []string{"pre_queue"}, Why: "spans are on the wall clock, to a microsecond"}}},
	)
}

// phaseSpans takes the phases from the attributes and makes spans of them.
func phaseSpans(random *rand.Rand) simulator.Pipeline {
	return simulator.Pipeline{Trace: func(spans []*telemetry.Span) []*telemetry.Span {
		for _, s := range spans {
			if !isEngines(s) {
				continue
			}
			ttft, ok := attribute(s, "gen_ai.latency.time_to_first_token").(float64)
			queue, _ := attribute(s, "gen_ai.latency.time_in_queue").(float64)
			prefill, _ := attribute(s, "gen_ai.latency.time_in_model_prefill").(float64)
			decode, _ := attribute(s, "gen_ai.latency.time_in_model_decode").(float64)
			if !ok || prefill > 1000 {
				continue // it was given up before its first token
			}
			seconds := func(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
			at := s.Start.Add(seconds(ttft - queue - prefill))
			for _, p := range []struct {
				name, attribute string
				took            float64
			}{
				{"vllm_queue", "gen_ai.latency.time_in_queue", queue}, {"vllm_prefill", "gen_ai.latency.time_in_model_prefill", prefill},
				{"vllm_decode", "gen_ai.latency.time_in_model_decode", decode},
			} {
				setOn(s, p.attribute, nil)
				phase := &telemetry.Span{
					Resource: s.Resource, Scope: s.Scope, Name: p.name, Kind: telemetry.Internal, TraceID: s.TraceID, Parent: s.SpanID,
					Start: at, End: at.Add(seconds(p.took)), Attributes: []telemetry.Attribute{{Key: "gen_ai.request.id", Value: attribute(s, "gen_ai.request.id")}},
				}
				binary.BigEndian.PutUint64(phase.SpanID[:], random.Uint64()|1)
				at = phase.End
				spans = append(spans, phase)
			}
		}
		return spans
	}}
}
