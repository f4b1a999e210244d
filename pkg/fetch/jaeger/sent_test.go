package jaeger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestWhatAClientSentToARouterStandsOnItsSpans(t *testing.T) {
	span := func(id, parent, service, name string, kind evidence.SpanKind, attributes ...evidence.Attribute) testSpan {
		return testSpan{trace: "1", id: id, parent: parent, service: service, name: name, kind: kind, start: noon}.with(attributes...)
	}
	engine := func(parent string) testSpan { return engineSpan("1", "e", parent, "chatcmpl-9f3c1a7e00c0ffee", noon) }
	url := set("http.url", "http://gateway.example/v1/chat/completions")
	for name, c := range map[string]struct {
		spans        []testSpan
		sent, beside string
	}{
		"Envoy": {spans: []testSpan{
			span("1", "", "envoy", "ingress", evidence.KindServer, url, set("guid:x-request-id", "user_42")),
			span("2", "1", "envoy", "router vllm egress", evidence.KindClient, url, set("guid:x-request-id", "user_42")), engine("2"),
		}, sent: "user_42"},
		"a captured header": {spans: []testSpan{span("1", "", "gateway", "POST", evidence.KindServer, url, set("http.request.header.x_request_id", `["a \"b\""]`)), engine("1")}, sent: `a "b"`},
		"the production stack": {spans: []testSpan{
			span("1", "", "router", "router /v1/chat/completions", evidence.KindServer, set(vllm.RouterRequestID, "x-1")),
			span("2", "1", "router", "process_request", evidence.KindClient, set(vllm.RouterModel, "llama")), engine("2"),
		}, sent: "x-1"},
		"a proxy's own name beside": {spans: []testSpan{
			span("1", "", "litellm", "litellm_request", evidence.KindClient, set(vllm.CallerRequestModel, "llama"), set("gen_ai.operation.name", "chat"), set("litellm.call_id", "0c9e")), engine("1"),
		}, beside: "0c9e"},
		"the nearest to the client is the client's": {spans: []testSpan{
			span("1", "", "edge", "POST", evidence.KindServer, url, set("http.request.header.x-request-id", "outer")),
			span("2", "1", "envoy", "egress", evidence.KindClient, url, set("guid:x-request-id", "inner")), engine("2"),
		}, sent: "outer"},
		"another request of the application is not this one": {spans: []testSpan{
			span("1", "", "shop", "POST /ask", evidence.KindServer, set("http.route", "/ask"), set("http.request.header.x-request-id", "browser"), set("request_id", "order")),
			span("2", "1", "shop", "POST", evidence.KindClient, url), engine("2"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			traces := decodeBoth(t, c.spans...)
			require.Len(t, traces, 1)
			require.Len(t, traces[0].Requests, 1)
			require.Equal(t, c.sent, traces[0].Requests[0].SentID)
			require.Equal(t, c.beside, traces[0].Requests[0].GatewayID)
		})
	}
}
