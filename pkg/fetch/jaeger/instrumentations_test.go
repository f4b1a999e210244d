package jaeger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// shape is the spans that an instrumentation makes for one call to a model, as read in its source, and what to make of them.
type shape struct {
	spans func(s *sketch)
	// caller is the operation of the served call's caller.
	caller string
	// refused counts what a refused call leaves: its attempts.
	refused int
	// rejected says that the spans tell that it was refused, by its status or in words.
	rejected bool
}

// sketch collects the spans of one call.
type sketch struct {
	refused bool
	spans   []testSpan
}

func attrs(pairs ...any) (out []evidence.Attribute) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, evidence.Attribute{Key: pairs[i].(string), Value: pairs[i+1]})
	}
	return out
}

// add puts in a span of some service, a little shorter than its parent.
func (s *sketch) add(id, parent, service, name string, kind evidence.SpanKind, attributes ...evidence.Attribute) *testSpan {
	depth := time.Duration(len(s.spans)) * 5 * time.Millisecond
	took := 2*time.Second - 2*depth
	if s.refused {
		took = 60*time.Millisecond - depth/10
	}
	s.spans = append(s.spans, testSpan{
		trace: "a", id: id, parent: parent, service: service, name: name, kind: kind, start: noon.Add(depth), duration: took, attributes: attributes,
	})
	return &s.spans[len(s.spans)-1]
}

// fail marks the newest span as failed.
func (s *sketch) fail(message string, attributes ...evidence.Attribute) {
	if !s.refused {
		return
	}
	span := &s.spans[len(s.spans)-1]
	span.failed, span.message = true, message
	span.attributes = append(span.attributes, attributes...)
	if message != "" {
		span.events = []evidence.SpanEvent{{Time: span.start, Name: "exception", Attributes: attrs("exception.message", message)}}
	}
}

func (s *sketch) engine(parent string) {
	if !s.refused {
		s.spans = append(s.spans, engineSpan("a", "99", parent, "chatcmpl-B", noon.Add(100*time.Millisecond)))
	}
}

const notFound = "Error code: 404 - {'error': {'message': 'The model does not exist'}}"

var shapes = map[string]shape{
	"opentelemetry-instrumentation-openai-v2": {caller: "chat llama", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "GET /ask", evidence.KindServer, attrs("http.request.method", "GET", "http.route", "/ask", "http.response.status_code", int64(500))...)
		s.add("2", "1", "app", "chat llama", evidence.KindClient, attrs("gen_ai.operation.name", "chat", "gen_ai.provider.name", "openai",
			"gen_ai.request.model", "llama", "server.address", "vllm")...)
		s.fail(notFound, attrs("error.type", "NotFoundError")...)
		s.engine("2")
	}},
	"the same above an instrumented HTTP client, whose span ends with the headers": {caller: "chat llama", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("2", "", "app", "chat llama", evidence.KindClient, attrs("gen_ai.operation.name", "chat", "gen_ai.request.model", "llama")...)
		s.fail(notFound, attrs("error.type", "NotFoundError")...)
		s.add("3", "2", "app", "POST", evidence.KindClient, attrs("http.request.method", "POST", "url.full", "http://vllm:8000/v1/chat/completions",
			"http.response.status_code", int64(404))...).duration = 150 * time.Millisecond
		s.engine("3")
	}},
	"Traceloop's opentelemetry-instrumentation-openai in a workflow": {caller: "openai.chat", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "joke.workflow", evidence.KindInternal, attrs("traceloop.span.kind", "workflow", "traceloop.entity.name", "joke")...)
		s.add("2", "1", "app", "openai.chat", evidence.KindClient, attrs("llm.request.type", "chat", "gen_ai.system", "openai",
			"gen_ai.request.model", "llama", "llm.is_streaming", false, "gen_ai.prompt.0.content", "hello")...)
		s.fail(notFound)
		s.engine("2")
	}},
	"openinference-instrumentation-openai": {caller: "ChatCompletion", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "ChatCompletion", evidence.KindInternal, attrs("openinference.span.kind", "LLM", "llm.system", "openai",
			"llm.model_name", "llama", "llm.invocation_parameters", `{"model":"llama"}`)...)
		s.fail("BadRequestError: " + notFound)
		s.engine("1")
	}},
	"openinference-instrumentation-langchain around it, with a retriever and a tool": {caller: "ChatOpenAI", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "LangGraph", evidence.KindInternal, attrs("openinference.span.kind", "CHAIN")...)
		s.add("2", "1", "app", "VectorStoreRetriever", evidence.KindInternal, attrs("openinference.span.kind", "RETRIEVER", "llm.model_name", "llama")...)
		s.add("3", "1", "app", "search", evidence.KindInternal, attrs("openinference.span.kind", "TOOL", "tool.name", "search", "llm.model_name", "llama")...)
		s.add("4", "1", "app", "ChatOpenAI", evidence.KindInternal, attrs("openinference.span.kind", "LLM", "llm.model_name", "llama")...)
		s.fail(notFound)
		s.add("5", "4", "app", "ChatCompletion", evidence.KindInternal, attrs("openinference.span.kind", "LLM", "llm.model_name", "llama")...)
		s.fail(notFound)
		s.engine("5")
	}},
	"Semantic Kernel in Python": {caller: "chat.completions llama", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "AutoFunctionInvocationLoop", evidence.KindInternal, attrs("sk.available_functions", "a,b")...)
		s.add("2", "1", "app", "chat.completions llama", evidence.KindInternal, attrs("gen_ai.operation.name", "chat.completions", "gen_ai.system", "openai",
			"gen_ai.request.model", "llama")...)
		s.fail(notFound, attrs("error.type", "<class 'openai.NotFoundError'>")...)
		s.engine("2")
	}},
	"Vercel's AI SDK, which tries three times": {caller: "ai.generateText.doGenerate", refused: 3, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "ai.generateText", evidence.KindInternal, attrs("operation.name", "ai.generateText", "ai.operationId", "ai.generateText",
			"ai.model.id", "llama", "ai.model.provider", "vllm.chat")...)
		s.fail(notFound)
		attempt := func(id string) {
			s.add(id, "1", "app", "ai.generateText.doGenerate", evidence.KindInternal, attrs("operation.name", "ai.generateText.doGenerate",
				"ai.operationId", "ai.generateText.doGenerate", "ai.model.id", "llama", "gen_ai.system", "vllm.chat", "gen_ai.request.model", "llama")...)
			s.fail(notFound)
		}
		attempt("2")
		if s.refused {
			attempt("3")
			attempt("4")
		}
		s.engine("2")
	}},
	"LiteLLM's OTel v2: model on all spans, engine below the call": {caller: "chat llama", refused: 1, rejected: true, spans: litellmV2("5")},
	"LiteLLM's OTel v2: model on all spans, engine beside the call": {caller: "POST /v1/chat/completions", refused: 1, rejected: true,
		spans: litellmV2("1")},
	"LiteLLM's OTel v1: the call beside the engine, written when it is over": {caller: "Received Proxy Server Request", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "litellm", "Received Proxy Server Request", evidence.KindServer)
		s.add("2", "1", "litellm", "auth", evidence.KindInternal, attrs("service", "auth", "call_type", "/chat/completions", "gen_ai.request.model", "llama")...)
		s.add("3", "1", "litellm", "redis", evidence.KindInternal, attrs("service", "redis", "call_type", "async_get_cache", "gen_ai.request.model", "llama")...)
		s.add("4", "1", "litellm", "litellm_request", evidence.KindInternal, attrs("gen_ai.operation.name", "acompletion", "gen_ai.system", "hosted_vllm",
			"gen_ai.request.model", "llama", "gen_ai.request.id", "0b1c", "llm.is_streaming", "False")...)
		s.fail("litellm.NotFoundError: NotFoundError: Hosted_vllmException")
		s.add("5", "4", "litellm", "raw_gen_ai_request", evidence.KindInternal, attrs("llm.hosted_vllm.messages", "[]")...)
		s.engine("1")
	}},
	"LangSmith": {caller: "ChatOpenAI", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "RunnableSequence", evidence.KindInternal, attrs("langsmith.span.kind", "chain", "gen_ai.operation.name", "chain", "gen_ai.system", "langchain")...)
		s.add("2", "1", "app", "ChatPromptTemplate", evidence.KindInternal, attrs("langsmith.span.kind", "prompt", "gen_ai.operation.name", "chat", "gen_ai.prompt", "{}")...)
		s.add("3", "1", "app", "Retriever", evidence.KindInternal, attrs("langsmith.span.kind", "retriever", "gen_ai.operation.name", "embeddings", "gen_ai.request.model", "e5")...)
		s.add("4", "1", "app", "ChatOpenAI", evidence.KindInternal, attrs("langsmith.span.kind", "llm", "gen_ai.operation.name", "chat", "gen_ai.request.model", "llama")...)
		s.fail(notFound)
		s.engine("4")
	}},
	"Langfuse": {caller: "summarize", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "answer", evidence.KindInternal, attrs("langfuse.observation.type", "span")...)
		s.add("2", "1", "app", "summarize", evidence.KindInternal, attrs("langfuse.observation.type", "generation", "langfuse.observation.model.name", "llama")...)
		s.fail(notFound)
		s.engine("2")
	}},
	"Pydantic AI": {caller: "chat llama", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "invoke_agent helper", evidence.KindInternal, attrs("gen_ai.operation.name", "invoke_agent", "gen_ai.request.model", "llama", "gen_ai.agent.name", "helper")...)
		s.add("2", "1", "app", "chat llama", evidence.KindClient, attrs("gen_ai.operation.name", "chat", "gen_ai.request.model", "llama", "gen_ai.agent.name", "helper",
			"gen_ai.tool.definitions", "[]")...)
		s.fail(notFound)
		s.add("3", "1", "app", "execute_tool clock", evidence.KindInternal, attrs("gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "clock", "gen_ai.request.model", "llama")...)
		s.engine("2")
	}},
	"Envoy's AI gateway": {caller: "ChatCompletion", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "ai-gateway", "ChatCompletion", evidence.KindInternal, attrs("openinference.span.kind", "LLM", "llm.system", "openai", "llm.model_name", "llama",
			"llm.invocation_parameters", "{}")...)
		s.fail("Error code: 404 - no such model")
		s.engine("1")
	}},
	"an instrumentation that nobody has heard of": {caller: "ask-the-oracle", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "ask-the-oracle", evidence.KindClient, attrs("gen_ai.operation.name", "oracle", "gen_ai.request.model", "llama")...)
		s.fail("", attrs("http.response.status_code", int64(404))...)
		s.engine("1")
	}},
	"one that names nothing but the model": {caller: "oracle", refused: 1, rejected: true, spans: func(s *sketch) {
		s.add("1", "", "app", "oracle", evidence.KindClient, attrs("gen_ai.request.model", "llama")...)
		s.fail("", attrs("http.response.status_code", int64(404))...)
		s.engine("1")
	}},
}

// litellmV2 is the proxy's spans, of which baggage gives the model to all that begin after the login.
func litellmV2(engineBelow string) func(s *sketch) {
	return func(s *sketch) {
		baggage := attrs("gen_ai.request.model", "llama", "litellm.team.id", "t")
		with := func(more ...any) []evidence.Attribute { return append(attrs(more...), baggage...) }
		status := int64(200)
		if s.refused {
			status = 404
		}
		s.add("1", "", "litellm", "POST /v1/chat/completions", evidence.KindServer, attrs("http.request.method", "POST", "http.route", "/v1/chat/completions",
			"http.response.status_code", status)...)
		s.add("2", "1", "litellm", "auth /v1/chat/completions", evidence.KindInternal, with("litellm.service.name", "auth")...)
		s.add("3", "2", "litellm", "postgres select LiteLLM_VerificationTokenView", evidence.KindClient, with("db.system.name", "postgresql", "litellm.service.name", "postgres")...)
		s.add("4", "1", "litellm", "redis get", evidence.KindClient, with("db.system.name", "redis")...)
		s.add("5", "1", "litellm", "chat llama", evidence.KindClient, with("gen_ai.operation.name", "chat", "gen_ai.provider.name", "hosted_vllm")...)
		s.fail("litellm.NotFoundError", attrs("error.type", "NotFoundError")...)
		if !s.refused {
			call := &s.spans[len(s.spans)-1]
			call.attributes = append(call.attributes, attrs("gen_ai.response.id", "chatcmpl-B", "gen_ai.response.finish_reasons", []string{"stop"})...)
		}
		s.add("6", "1", "litellm", "execute_guardrail pii", evidence.KindInternal, with("litellm.guardrail.name", "pii", "gen_ai.operation.name", "acompletion")...)
		s.add("7", "1", "litellm", "publish spend", evidence.KindProducer, with("messaging.system", "kafka")...)
		s.add("8", "1", "litellm", "auth", evidence.KindClient, with()...)
		s.add("9", "1", "litellm", "batch_write_to_db", evidence.KindClient, with("db.system.name", "postgresql")...)
		s.add("10", "1", "litellm", "slack", evidence.KindClient, with("http.request.method", "POST", "url.full", "https://hooks.slack.com/services/x")...)
		s.engine(engineBelow)
	}
}

func TestEveryInstrumentationsCallIsOneRow(t *testing.T) {
	for name, c := range shapes {
		t.Run(name+": served", func(t *testing.T) {
			var s sketch
			c.spans(&s)
			trace := decodeBoth(t, s.spans...)[0]
			require.Len(t, trace.Requests, 1)
			require.Empty(t, trace.Unanswered)
			r := trace.Requests[0]
			require.NotNil(t, r.Caller)
			require.Equal(t, c.caller, r.Caller.Operation)
		})
		t.Run(name+": refused", func(t *testing.T) {
			s := sketch{refused: true}
			c.spans(&s)
			trace := decodeBoth(t, s.spans...)[0]
			require.Empty(t, trace.Requests)
			require.Len(t, trace.Unanswered, c.refused)
			for _, u := range trace.Unanswered {
				require.Equal(t, "llama", u.Model)
				require.Equal(t, c.rejected, u.HTTPStatus == 404 || vllm.RefusalInWords(u.Error), "%d %s", u.HTTPStatus, u.Error)
			}
		})
	}
}

func TestTenServedCallsThroughAProxyAreTenRequests(t *testing.T) {
	for _, below := range []string{"5", "1"} { // below the proxy's call, and beside it
		requests, unanswered := 0, 0
		for i := range 10 {
			var s sketch
			litellmV2(below)(&s)
			for k := range s.spans {
				s.spans[k].trace = fmt.Sprintf("%x", i+1)
			}
			trace := decodeBoth(t, s.spans...)[0]
			requests += len(trace.Requests)
			unanswered += len(trace.Unanswered)
		}
		require.Equal(t, 10, requests)
		require.Zero(t, unanswered)
	}
}

func TestTheCallerCoversTheRequest(t *testing.T) {
	s := time.Second
	handler := testSpan{trace: "a", id: "7", service: "shop", name: "GET /cart", kind: evidence.KindServer, start: noon.Add(-s), duration: 4 * s}
	call := appSpan.under("1", "7")
	startup := testSpan{trace: "a", id: "7", service: "vllm-llama", name: "Overall Loading", kind: evidence.KindInternal, resource: engineSpan("a", "4", "7", "x", noon).resource}
	moved := func(span testSpan, start, duration time.Duration) testSpan {
		span.start, span.duration = noon.Add(start), duration
		return span
	}
	for name, c := range map[string]struct {
		spans        []testSpan
		caller, call string
	}{
		"a call that covers it":                                   {[]testSpan{handler, call}, "chat llama", "chat llama"},
		"a call that ends with the headers: who waited longer":    {[]testSpan{handler, moved(call, 0, s/2)}, "GET /cart", "chat llama"},
		"a call that ends with the headers, and nobody above":     {[]testSpan{moved(appSpan, 0, s/2)}, "", "chat llama"},
		"a call that was over before":                             {[]testSpan{handler, moved(call, -s, s/2)}, "", ""},
		"a call whose clock is three seconds early":               {[]testSpan{moved(appSpan, -3*s, 2*s)}, "", ""},
		"a call whose clock is half a second late":                {[]testSpan{moved(appSpan, s/2, 2*s)}, "", ""},
		"clocks that are kept in step":                            {[]testSpan{moved(appSpan, 40*time.Millisecond, 1700*time.Millisecond)}, "chat llama", "chat llama"},
		"the engine's start, over long ago":                       {[]testSpan{moved(startup, -90*s, 88*s)}, "", ""},
		"the engine's start, still under way":                     {[]testSpan{moved(startup, -s, 88*s)}, "", ""},
		"the HTTP server of the engine's own process is a caller": {[]testSpan{{trace: "a", id: "1", service: "vllm-llama", name: "POST /v1/chat/completions", kind: evidence.KindServer, start: noon, duration: 2 * s, attributes: attrs("http.response.status_code", int64(200))}}, "POST /v1/chat/completions", "POST /v1/chat/completions"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := c.spans[len(c.spans)-1].id
			trace := decodeBoth(t, append(c.spans, engineSpan("a", "4", parent, "chatcmpl-x", noon))...)[0]
			require.Len(t, trace.Requests, 1)
			require.Empty(t, trace.Unanswered)
			operation := func(s *evidence.CallerSpan) string {
				if s == nil {
					return ""
				}
				return s.Operation
			}
			require.Equal(t, c.caller, operation(trace.Requests[0].Caller))
			require.Equal(t, c.call, operation(trace.Requests[0].Call))
		})
	}
	t.Run("a refused call whose trace context a later request carries is a request of its own", func(t *testing.T) {
		refused := moved(appSpan, -30*s, s/10).with(set(vllm.CallerHTTPStatus, int64(429)))
		trace := decodeBoth(t, refused, engineSpan("a", "4", "1", "chatcmpl-x", noon))[0]
		require.Len(t, trace.Unanswered, 1)
		require.Nil(t, trace.Requests[0].Caller)
	})
}

func TestTheNextNamesOfAnEnginesSpan(t *testing.T) {
	renamed := engineSpan("a", "4", "", "chatcmpl-x", noon)
	renamed.name = "chat llama"
	renamed = renamed.with(set(vllm.SpanPromptTokens, nil), set(vllm.SpanCompletionTokens, nil),
		set("gen_ai.usage.input_tokens", int64(11)), set("gen_ai.usage.output_tokens", int64(7)), set("gen_ai.usage.cache_read.input_tokens", int64(3)),
		set("gen_ai.response.finish_reasons", []string{"length"}), set("gen_ai.operation.name", "chat"), set("gen_ai.request.model", "llama"))
	t.Run("sizes, cached tokens, finish reason and model", func(t *testing.T) {
		r := decodeBoth(t, renamed)[0].Requests[0]
		require.Equal(t, []any{int64(11), int64(7), int64(3), "length", "llama"}, []any{r.PromptTokens, r.CompletionTokens, r.CachedTokens, r.FinishReason, r.Model})
	})
	t.Run("below a caller of the same name it is the engine's all the same", func(t *testing.T) {
		below := renamed
		below.parent = "1"
		trace := decodeBoth(t, appSpan, below)[0]
		require.Len(t, trace.Requests, 1)
		require.Empty(t, trace.Unanswered)
		require.Equal(t, "shop", trace.Requests[0].Caller.Service)
	})
	t.Run("an aborted request that has a span and no times", func(t *testing.T) {
		aborted := renamed.with(set(vllm.SpanQueue, nil), set(vllm.SpanPrefill, nil), set(vllm.SpanDecode, nil), set(vllm.SpanTTFT, nil),
			set("gen_ai.response.finish_reasons", `['abort']`))
		r := decodeBoth(t, aborted)[0].Requests[0]
		require.Equal(t, "abort", r.FinishReason)
	})
	t.Run("phases as spans below", func(t *testing.T) {
		bare := engineSpan("a", "4", "", "chatcmpl-x", noon).with(set(vllm.SpanQueue, nil), set(vllm.SpanPrefill, nil), set(vllm.SpanDecode, nil), set(vllm.SpanTTFT, nil))
		phase := func(id, name string, from, to int) testSpan {
			return testSpan{trace: "a", id: id, parent: "4", service: "vllm-llama", name: name, kind: evidence.KindInternal,
				start: noon.Add(time.Duration(from) * time.Millisecond), duration: time.Duration(to-from) * time.Millisecond, attributes: attrs("gen_ai.request.model", "llama", "gen_ai.request.id", "chatcmpl-x")}
		}
		trace := decodeBoth(t, bare, phase("5", "vllm_queue", 0, 100), phase("6", "vllm_prefill", 100, 200), phase("7", "vllm_preempted", 300, 400),
			phase("8", "vllm_decode", 200, 300), phase("9", "vllm_decode", 400, 1600))[0]
		require.Empty(t, trace.Unanswered)
		require.Empty(t, trace.Callers)
		r := trace.Requests[0]
		require.InDeltaSlice(t, []float64{0.1, 0.1, 1.3, 0.2}, []float64{r.Queue, r.Prefill, r.Decode, r.TTFT}, 1e-9)
	})
	for unit, per := range map[string]float64{"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9} {
		t.Run("times in "+unit, func(t *testing.T) {
			r := decodeBoth(t, engineSpan("a", "4", "", "x", noon).with(set(vllm.SpanE2E, 1.6*per), set(vllm.SpanTTFT, 0.08*per), set(vllm.SpanQueue, 0.002*per),
				set(vllm.SpanPrefill, 0.07*per), set(vllm.SpanDecode, 1.5*per)))[0].Requests[0]
			require.InDeltaSlice(t, []float64{1.6, 0.08, 0.002, 0.07, 1.5}, []float64{r.E2E, r.TTFT, r.Queue, r.Prefill, r.Decode}, 1e-9)
			require.Contains(t, r.Note, unit)
		})
	}
	t.Run("a time that no unit explains is unknown", func(t *testing.T) {
		r := decodeBoth(t, engineSpan("a", "4", "", "x", noon).with(set(vllm.SpanQueue, 5000.0)))[0].Requests[0]
		require.NotEqual(t, r.Queue, r.Queue)
		require.Contains(t, r.Note, "queue time exceeds the request")
	})
}

func TestFinishReasonsInAnyDress(t *testing.T) {
	for text, want := range map[string]string{
		"stop": "stop", `["stop"]`: "stop", `['length']`: "length", "('abort',)": "abort", "stop,stop": "stop",
		"FinishReason.LENGTH": "length", "[]": "", "": "", "null": "", `["stop","stop"]`: "stop", `["stop","length"]`: vllm.SeveralReasons, "('stop',)": "stop", `["stop", null]`: vllm.SeveralReasons, `[ "tool_calls" ]`: "tool_calls", "[None]": "",
	} {
		require.Equal(t, want, vllm.FinishReason(text), text)
	}
}
