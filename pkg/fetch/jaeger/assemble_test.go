package jaeger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Spans above the engine as they are met: an application by GenAI conventions, the production-stack router's two.
var (
	appSpan = testSpan{
		trace: "a", id: "1", service: "shop", name: "chat llama", kind: evidence.KindClient, start: noon, duration: 2 * time.Second,
		attributes: []evidence.Attribute{
			set(vllm.CallerOperationName, "chat"), set(vllm.CallerRequestModel, "llama"), set(vllm.CallerResponseID, "chatcmpl-B"),
			set(vllm.CallerFinishReasons, []string{"stop"}),
		},
	}
	routerSpan = testSpan{
		trace: "a", id: "2", parent: "1", service: "vllm-router", name: "router /v1/chat/completions", kind: evidence.KindServer,
		start: noon, duration: 1900 * time.Millisecond,
		attributes: []evidence.Attribute{
			set(vllm.RouterRequestID, "B"), set(vllm.RouterModel, "llama"), set(vllm.CallerHTTPStatusOld, int64(200)),
		},
	}
	forwardSpan = testSpan{
		trace: "a", id: "3", parent: "2", service: "vllm-router", name: "process_request", kind: evidence.KindClient,
		start: noon, duration: 1800 * time.Millisecond,
		attributes: []evidence.Attribute{set(vllm.RouterRequestID, "B"), set(vllm.RouterBackendURL, "http://llama-0:8000")},
	}
)

// under gives the span another id and parent.
func (s testSpan) under(id, parent string) testSpan {
	s.id, s.parent = id, parent
	return s
}

func (s testSpan) inTrace(trace string) testSpan {
	s.trace = trace
	return s
}

func TestCallersOfARequest(t *testing.T) {
	engine := engineSpan("a", "4", "3", "chatcmpl-B", noon)
	trace := decodeBoth(t, engine, forwardSpan, appSpan, routerSpan)[0] // in no helpful order
	require.Len(t, trace.Requests, 1)
	require.Empty(t, trace.Unanswered)
	r := trace.Requests[0]
	require.Same(t, r.Root, r.Caller, "the application made the call, the router is part of it")
	require.Equal(t, evidence.CallerSpan{
		TraceID: "0000000000000000000000000000000a", SpanID: "0000000000000001", Service: "shop", Operation: "chat llama",
		Kind: evidence.KindClient, Start: noon, Duration: 2, Origin: &evidence.Origin{Service: "shop"},
		Model: "llama", RequestID: "chatcmpl-B", FinishReason: "stop", Inference: true,
	}, *r.Root)
	require.Equal(t, 200, trace.Callers[2].HTTPStatus)
}

func TestWhatStandsAboveAnEngineSpan(t *testing.T) {
	for name, c := range map[string]struct {
		spans        []testSpan
		caller, root string // operations
	}{
		"nothing above a root span":         {[]testSpan{engineSpan("a", "4", "", "x", noon)}, "", ""},
		"parent and root are the same span": {[]testSpan{appSpan, engineSpan("a", "4", "1", "x", noon)}, "chat llama", "chat llama"},
		"what called the model is not what began the trace": {
			[]testSpan{{trace: "a", id: "7", service: "shop", name: "GET /cart", kind: evidence.KindServer, start: noon}, appSpan.under("1", "7"), engineSpan("a", "4", "1", "x", noon)},
			"chat llama", "GET /cart",
		},
		"no call to a model above: the parent counts": {
			[]testSpan{{trace: "a", id: "7", service: "shop", name: "GET /cart", kind: evidence.KindServer, start: noon, duration: 3 * time.Second}, engineSpan("a", "4", "7", "x", noon)},
			"GET /cart", "GET /cart",
		},
		"the parent was never stored":         {[]testSpan{appSpan, engineSpan("a", "4", "3", "x", noon)}, "", "chat llama"},
		"nothing but the engine was stored":   {[]testSpan{engineSpan("a", "4", "3", "x", noon)}, "", ""},
		"the chain ends where spans are lost": {[]testSpan{forwardSpan, engineSpan("a", "4", "3", "x", noon)}, "process_request", "process_request"},
		"a circle of parents":                 {[]testSpan{routerSpan.under("2", "3"), forwardSpan, engineSpan("a", "4", "3", "x", noon)}, "process_request", "process_request"},
		"a span that is its own parent":       {[]testSpan{engineSpan("a", "4", "4", "x", noon)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			traces := decodeBoth(t, c.spans...)
			require.Len(t, traces[0].Requests, 1)
			r := traces[0].Requests[0]
			operation := func(s *evidence.CallerSpan) string {
				if s == nil {
					return ""
				}
				return s.Operation
			}
			require.Equal(t, c.caller, operation(r.Caller))
			require.Equal(t, c.root, operation(r.Root))
		})
	}
}

func TestCallsWithoutAnEngineSpanBelow(t *testing.T) {
	failed := forwardSpan.with(set(vllm.CallerHTTPStatusOld, int64(503)))
	failed.failed = true
	failed.events = []evidence.SpanEvent{{Time: noon, Name: "exception", Attributes: []evidence.Attribute{set("exception.message", "connection reset")}}}
	agent := testSpan{
		trace: "a", id: "9", service: "shop", name: "invoke_agent", kind: evidence.KindClient, start: noon,
		attributes: []evidence.Attribute{set(vllm.CallerOperationName, "invoke_agent"), set(vllm.CallerRequestModel, "llama")},
	}
	step := testSpan{
		trace: "a", id: "8", parent: "2", service: "epp", name: "llm_d.epp.scorer.prefix_cache", kind: evidence.KindInternal, start: noon,
		attributes: []evidence.Attribute{set(vllm.SpanRequestID, "B")},
	}
	for name, c := range map[string]struct {
		spans []testSpan
		want  []string // span ids
	}{
		"an answered call is none":                             {[]testSpan{appSpan, engineSpan("a", "4", "1", "x", noon)}, nil},
		"a call that nothing answered":                         {[]testSpan{appSpan}, []string{"1"}},
		"one attempt counts once, below all its routers":       {[]testSpan{appSpan, routerSpan, failed}, []string{"3"}},
		"the failed one of two attempts":                       {[]testSpan{appSpan, routerSpan, failed, forwardSpan.under("5", "2"), engineSpan("a", "4", "5", "x", noon)}, []string{"3"}},
		"an agent's span is no call to a model":                {[]testSpan{agent}, nil},
		"a plain HTTP span is no call to a model":              {[]testSpan{{trace: "a", id: "7", service: "shop", name: "GET /", kind: evidence.KindServer, start: noon}}, nil},
		"a gateway's inner step is no call of its own":         {[]testSpan{routerSpan.under("2", ""), step, engineSpan("a", "4", "2", "x", noon)}, nil},
		"a call before the window belongs to another search":   {[]testSpan{{trace: "a", id: "1", service: "shop", name: "chat", kind: evidence.KindClient, start: noon.Add(-2 * time.Hour), attributes: appSpan.attributes}}, nil},
		"a router that rejects leaves only its own outer span": {[]testSpan{routerSpan.under("2", "")}, []string{"2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, u := range decodeBoth(t, c.spans...)[0].Unanswered {
				got = append(got, u.SpanID[15:])
			}
			require.Equal(t, c.want, got)
		})
	}
	t.Run("an attempt knows what only the spans above it tell", func(t *testing.T) {
		u := decodeBoth(t, appSpan, routerSpan, failed)[0].Unanswered[0]
		require.Equal(t, "llama", u.Model)
		require.Equal(t, "B", u.RequestID)
		require.Equal(t, 503, u.HTTPStatus)
		require.Equal(t, "connection reset", u.Error)
	})
}

func TestScopeKeepsWhatItCannotTell(t *testing.T) {
	known := engineSpan("a", "1", "", "x", noon)
	silent := known.under("2", "")
	silent.resource = nil
	for name, c := range map[string]struct {
		scope vllm.Scope
		want  int
	}{
		"no scope":                            {vllm.Scope{}, 2},
		"the pod that the resource names":     {vllm.Scope{Pods: []string{"llama-0"}}, 2},
		"another pod":                         {vllm.Scope{Pods: []string{"llama-1"}}, 1},
		"another environment":                 {vllm.Scope{Environments: []string{"dev"}}, 1},
		"a namespace that no resource names":  {vllm.Scope{Namespaces: []string{"ml"}}, 2},
		"all but the pod that it names":       {vllm.Scope{Where: []vllm.Condition{{Key: "pod", Op: vllm.IsNot, Values: []string{"llama-0"}}}}, 1},
		"pods by an expression":               {vllm.Scope{Where: []vllm.Condition{{Key: "pod", Op: vllm.Matches, Values: []string{"llama-.*"}}}}, 2},
		"an instance that no resource names":  {vllm.Scope{Instances: []string{"10.0.0.1:8000"}}, 2},
		"a model is the join's to decide":     {vllm.Scope{Models: []string{"other"}}, 2},
		"an engine is not on spans":           {vllm.Scope{Engines: []string{"1"}}, 2},
		"a service is chosen with the search": {vllm.Scope{Services: []string{"other"}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
			require.NoError(t, a.takeV2(chunkBytes(known, silent)))
			w := everything
			w.places = placesOf(c.scope)
			require.Len(t, assembleAll(a, w)[0].Requests, c.want)
		})
	}
}

func TestATraceOfManySpansIsAssembledByIndex(t *testing.T) {
	spans := []testSpan{appSpan}
	for i := range 100 {
		spans = append(spans, engineSpan("a", fmt.Sprintf("%x", 16+i), "1", fmt.Sprintf("chatcmpl-%d", i), noon))
	}
	trace := decodeBoth(t, spans...)[0]
	require.Len(t, trace.Requests, 100)
	for i := range trace.Requests {
		require.Same(t, &trace.Callers[0], trace.Requests[i].Caller)
	}
}
