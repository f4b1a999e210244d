package world

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

type span = telemetry.Span

// attribute is a span's value of a key; nil without it.
func attribute(s *span, key string) any {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return nil
}

// isCall says that a span is the simulated caller's call to a model, which the OpenAI instrumentation of OpenTelemetry wrote.
func isCall(s *span) bool { return s.Scope == "opentelemetry.instrumentation.openai_v2" }

// written are the attributes of a call as somebody else writes them: the keys renamed, those that are named by "" left out.
func written(s *span, keys map[string]string, more ...telemetry.Attribute) {
	var kept []telemetry.Attribute
	for _, a := range s.Attributes {
		key, named := keys[a.Key]
		switch {
		case !named:
			kept = append(kept, a)
		case key != "":
			kept = append(kept, telemetry.Attribute{Key: key, Value: a.Value})
		}
	}
	s.Attributes = append(kept, more...)
}

// onCalls is a world in which each call to a model is written another way. The change may give further spans of the trace.
func onCalls(change func(random *rand.Rand, call *span) (more []*span)) func(*rand.Rand) simulator.Pipeline {
	return func(random *rand.Rand) simulator.Pipeline {
		return simulator.Pipeline{Trace: func(spans []*span) []*span {
			for _, s := range slices.Clone(spans) {
				if isCall(s) {
					spans = append(spans, change(random, s)...)
				}
			}
			return spans
		}}
	}
}

// child is a further span of a trace, below that parent.
func child(random *rand.Rand, of *span, name string, kind telemetry.SpanKind, attributes ...telemetry.Attribute) *span {
	s := &span{
		Resource: of.Resource, Scope: of.Scope, Name: name, Kind: kind, TraceID: of.TraceID, Parent: of.Parent,
		Start: of.Start.Add(100 * time.Microsecond), End: of.Start.Add(700 * time.Microsecond), Attributes: attributes,
	}
	binary.BigEndian.PutUint64(s.SpanID[:], random.Uint64()|1)
	return s
}

// inPython is an exception of OpenAI's library for Python, as instrumentations write it into a span's status.
func inPython(call *span) string {
	if status, ok := attribute(call, "http.response.status_code").(int64); ok && status >= 400 {
		return fmt.Sprintf("%v: Error code: %d - {'error': {'message': %q}}", attribute(call, "error.type"), status, call.Message)
	}
	return fmt.Sprint(attribute(call, "error.type")) + ": Request timed out."
}

// inTypeScript is one of Vercel's AI SDK.
func inTypeScript(call *span) string {
	status, _ := attribute(call, "http.response.status_code").(int64)
	if words := http.StatusText(int(status)); status >= 400 {
		return "AI_APICallError: " + words
	}
	return "AbortError: This operation was aborted"
}

// unrecorded is what instrumentations other than OpenTelemetry's own do not write down of a call.
var unrecorded = Undecidable{
	Columns: []string{"http_status", "client_request_id"},
	Why:     "the instrumentation writes neither the HTTP status nor the request's headers",
}

// nameless calls, of which the request left no span.
var withoutIDs = Undecidable{
	Columns: []string{"second row", "trace_id", "caller_service", "caller_duration"}, Of: withoutSpan,
	Why: "the instrumentation writes no id, so that nothing says that the call and the lines of a request without a span are one",
}

func init() {
	litellm := func(random *rand.Rand, call *span) []*span {
		model := telemetry.Attribute{Key: "gen_ai.request.model", Value: attribute(call, "gen_ai.request.model")}
		written(call, map[string]string{"gen_ai.operation.name": ""}, telemetry.Attribute{Key: "gen_ai.operation.name", Value: "acompletion"})
		call.Name = "acompletion " + fmt.Sprint(model.Value)
		return []*span{
			child(random, call, "auth /v1/chat/completions", telemetry.Internal, model, telemetry.Attribute{Key: "user_api_key_alias", Value: "team-a"}),
			child(random, call, "redis", telemetry.Client, model, telemetry.Attribute{Key: "db.system.name", Value: "redis"}, telemetry.Attribute{Key: "db.operation.name", Value: "GET"}),
			child(random, call, "postgresql INSERT", telemetry.Client, model, telemetry.Attribute{Key: "db.system.name", Value: "postgresql"}, telemetry.Attribute{Key: "db.collection.name", Value: "spend_logs"}),
			child(random, call, "publish spend", telemetry.Client, model, telemetry.Attribute{Key: "messaging.system", Value: "kafka"}),
		}
	}
	Add(
		World{Name: "callers_litellm", Doc: "LiteLLM's proxy writes the request's model on its spans of auth, cache, database and queue too, and calls the operation acompletion.",
			Source: "BerriAI/litellm#35193", Pipeline: onCalls(litellm)},
		World{Name: "callers_openinference", Doc: "Callers are instrumented with OpenInference: INTERNAL spans that name the model in llm.model_name.",
			Source: "envoyproxy/ai-gateway", Undecidable: []Undecidable{unrecorded, withoutIDs},
			Pipeline: onCalls(func(_ *rand.Rand, call *span) []*span {
				if call.Error {
					call.Message = inPython(call)
				}
				call.Name, call.Kind = "ChatCompletion", telemetry.Internal
				written(call, map[string]string{
					"gen_ai.request.model": "llm.model_name", "gen_ai.provider.name": "llm.system", "gen_ai.operation.name": "", "server.address": "", "server.port": "",
					"gen_ai.request.max_tokens": "", "gen_ai.request.temperature": "", "http.request.header.x-request-id": "", "http.response.status_code": "",
					"gen_ai.response.id": "", "gen_ai.usage.input_tokens": "llm.token_count.prompt", "gen_ai.usage.output_tokens": "llm.token_count.completion", "error.type": "",
				}, telemetry.Attribute{Key: "openinference.span.kind", Value: "LLM"}, telemetry.Attribute{Key: "llm.invocation_parameters", Value: `{"temperature": 0.7}`})
				return nil
			})},
		World{Name: "callers_semantic_kernel", Doc: "Callers are instrumented with Semantic Kernel, whose operation is chat.completions on INTERNAL spans.",
			Undecidable: []Undecidable{unrecorded, withoutIDs},
			Pipeline: onCalls(func(_ *rand.Rand, call *span) []*span {
				call.Name, call.Kind = "chat.completions "+fmt.Sprint(attribute(call, "gen_ai.request.model")), telemetry.Internal
				written(call, map[string]string{
					"gen_ai.operation.name": "", "gen_ai.provider.name": "gen_ai.system", "server.address": "", "server.port": "",
					"http.request.header.x-request-id": "", "http.response.status_code": "",
				}, telemetry.Attribute{Key: "gen_ai.operation.name", Value: "chat.completions"})
				return nil
			})},
		World{Name: "callers_vercel", Doc: "Callers use Vercel's AI SDK: ai.generateText around ai.generateText.doGenerate, both with the model.",
			Source: "vercel/ai#12123", Undecidable: []Undecidable{unrecorded, withoutIDs},
			Pipeline: onCalls(func(random *rand.Rand, call *span) []*span {
				model := attribute(call, "gen_ai.request.model")
				outer := child(random, call, "ai.generateText", telemetry.Internal,
					telemetry.Attribute{Key: "ai.operationId", Value: "ai.generateText"}, telemetry.Attribute{Key: "operation.name", Value: "ai.generateText"},
					telemetry.Attribute{Key: "ai.model.id", Value: model}, telemetry.Attribute{Key: "ai.model.provider", Value: "openai.chat"})
				outer.Start, outer.End = call.Start.Add(-100*time.Microsecond), call.End.Add(100*time.Microsecond)
				call.Parent, call.Name, call.Kind = outer.SpanID, "ai.generateText.doGenerate", telemetry.Internal
				if call.Error {
					call.Message = inTypeScript(call)
				}
				outer.Error, outer.Message = call.Error, call.Message
				written(call, map[string]string{
					"gen_ai.operation.name": "", "gen_ai.provider.name": "gen_ai.system", "server.address": "", "server.port": "",
					"http.request.header.x-request-id": "", "http.response.status_code": "", "error.type": "",
				}, telemetry.Attribute{Key: "ai.operationId", Value: "ai.generateText.doGenerate"}, telemetry.Attribute{Key: "ai.model.id", Value: model})
				return []*span{outer}
			})},
		World{Name: "callers_alias", Doc: "Callers and the router know the models by names of their own.", Source: "vllm-project/production-stack#389",
			Pipeline: onCalls(func(_ *rand.Rand, call *span) []*span {
				for i, a := range call.Attributes {
					if a.Key == "gen_ai.request.model" {
						name := fmt.Sprint(a.Value)
						alias := "prod-" + strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
						call.Attributes[i].Value = alias
						call.Name = strings.Replace(call.Name, name, alias, 1)
					}
				}
				return nil
			})},
		World{Name: "callers_span_ends_early", Doc: "The HTTP client's instrumentation ends the span of a call when the response's headers are there.",
			Source: "opentelemetry-python-contrib#2304", Pipeline: func(random *rand.Rand) simulator.Pipeline {
				p := onCalls(func(_ *rand.Rand, call *span) []*span {
					if !call.Error {
						call.End = call.Start.Add(min(call.End.Sub(call.Start), 15*time.Millisecond))
					}
					return nil
				})(random)
				p.Truth = func(r *truth.Record) {
					if r.Evidence.CallerSpan == truth.Emitted && r.Status == truth.StatusOK {
						r.Evidence.CallerSpan = truth.Lost // what a reader wants of the caller, its span no longer tells
					}
				}
				return p
			}},
		World{Name: "startup_span_as_parent", Doc: "vLLM keeps the trace context of its start, so that a start-up span of 88 s is the parent of requests without one of their own.",
			Source: "vllm-project/vllm#38672", Pipeline: func(random *rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: func(spans []*span) []*span {
					for _, s := range slices.Clone(spans) {
						if s.Name == "llm_request" && s.Parent == (telemetry.SpanID{}) {
							start := child(random, s, "Overall Loading", telemetry.Internal, telemetry.Attribute{Key: "code.function", Value: "EngineCoreClient.make_async_mp_client"})
							start.Start, start.End = s.Start.Add(-20*time.Minute), s.Start.Add(-20*time.Minute).Add(88*time.Second)
							s.Parent, s.Remote = start.SpanID, true
							spans = append(spans, start)
						}
					}
					return spans
				}}
			}},
		World{Name: "next_names", Doc: "A vLLM to come: the engine's span is called by operation and model, and counts input and output tokens.",
			Source: "vllm-project/vllm#47633", Pipeline: func(*rand.Rand) simulator.Pipeline {
				return simulator.Pipeline{Trace: func(spans []*span) []*span {
					for _, s := range spans {
						if s.Name != "llm_request" {
							continue
						}
						operation := "chat"
						if strings.HasPrefix(fmt.Sprint(attribute(s, "gen_ai.request.id")), "cmpl-") {
							operation = "text_completion"
						}
						s.Name = operation + " served-model"
						written(s, map[string]string{
							"gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens", "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
						}, telemetry.Attribute{Key: "gen_ai.operation.name", Value: operation})
					}
					return spans
				}}
			}},
	)
}
