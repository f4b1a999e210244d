package serving

import (
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// callerResource is an application instrumented with the OpenTelemetry SDK.
func (c *Cluster) callerResource(service, environment string) *telemetry.Resource {
	key := service + "/" + environment
	if c.callers[key] == nil {
		c.callers[key] = telemetry.NewResource("python", "1.45.2", service, []telemetry.Attribute{
			{Key: "deployment.environment.name", Value: environment},
		}, nil)
	}
	return c.callers[key]
}

// environment is the caller's: that of the pods it talks to.
func (a *attempt) environment() string {
	if a.instance != nil {
		return a.instance.Environment
	}
	return a.op.model().Environments[0]
}

// namespace likewise.
func (a *attempt) namespace() string {
	if a.instance != nil {
		return a.instance.Namespace
	}
	return place(a.op.model(), 0).Namespace
}

// requestedModel is the name in the request's body: an adapter's, if one is used.
func (op *operation) requestedModel() string {
	if op.call.LoRA != "" {
		return op.call.LoRA
	}
	return op.model().Name
}

// operationName in the words of the GenAI semantic conventions.
func (op *operation) operationName() string {
	switch op.call.Endpoint {
	case traffic.Completions:
		return "text_completion"
	case traffic.Embeddings, traffic.Pooling:
		return "embeddings"
	case traffic.Classify, traffic.Score, traffic.Rerank, traffic.Transcriptions, traffic.Translations:
		return strings.TrimPrefix(op.call.Endpoint[strings.LastIndexByte(op.call.Endpoint, '/'):], "/")
	}
	return "chat"
}

// errorType is empty for an attempt that went well.
func (a *attempt) errorType() string {
	switch a.status {
	case truth.StatusAborted:
		return "APITimeoutError"
	case truth.StatusOK, truth.StatusUnfinished:
		return ""
	}
	switch a.httpStatus {
	case 400:
		return "BadRequestError"
	case 401:
		return "AuthenticationError"
	case 404:
		return "NotFoundError"
	}
	return "InternalServerError"
}

// sendCallerSpans emits the client span and, where a router stands between,
// the router's two. It says what became of the client span.
func (a *attempt) sendCallerSpans() string {
	op, c := a.op, a.op.cluster
	model := op.requestedModel()
	attributes := []telemetry.Attribute{
		{Key: "gen_ai.operation.name", Value: op.operationName()},
		{Key: "gen_ai.provider.name", Value: "vllm"},
		{Key: "gen_ai.request.model", Value: model},
		{Key: "gen_ai.request.max_tokens", Value: int64(op.call.MaxTokens)},
		{Key: "gen_ai.request.temperature", Value: op.call.Temperature},
		{Key: "server.address", Value: op.model().Short + "." + a.namespace() + ".svc"},
		{Key: "server.port", Value: int64(8000)},
	}
	if op.call.RequestID != "" {
		attributes = append(attributes, telemetry.Attribute{Key: "http.request.header.x-request-id", Value: []string{op.call.RequestID}})
	}
	if a.httpStatus != 0 {
		attributes = append(attributes, telemetry.Attribute{Key: "http.response.status_code", Value: int64(a.httpStatus)})
	}
	if a.status == truth.StatusOK {
		attributes = append(attributes, a.usage()...)
	}
	failure := a.errorType()
	if failure != "" {
		attributes = append(attributes, telemetry.Attribute{Key: "error.type", Value: failure})
	}
	if op.routed() {
		a.routerSpans = a.sendRouterSpans()
	}
	return c.send(&telemetry.Span{
		Resource: c.callerResource(op.call.Caller.Service, a.environment()), Scope: "opentelemetry.instrumentation.openai_v2",
		Name: op.operationName() + " " + model, Kind: telemetry.Client,
		TraceID: op.trace, SpanID: a.client, Parent: op.root,
		Start: c.wall(a.sentAt), End: c.wall(a.ended),
		Attributes: attributes, Error: failure != "", Message: a.err,
	})
}

// usage is what the response's body told the caller.
func (a *attempt) usage() []telemetry.Attribute {
	input, output := 0, 0
	for _, p := range a.prompts {
		input += p.spec.Tokens
		for _, s := range p.sequences {
			output += s.Generated
		}
	}
	return []telemetry.Attribute{
		{Key: "gen_ai.response.id", Value: a.responseID},
		{Key: "gen_ai.usage.input_tokens", Value: int64(input)},
		{Key: "gen_ai.usage.output_tokens", Value: int64(output)},
	}
}

// sendRouterSpans emits what the production-stack router records: the model
// and the caller's request id as they came. It says whether both went out.
func (a *attempt) sendRouterSpans() string {
	op, c := a.op, a.op.cluster
	resource := c.callerResource("vllm-router", a.environment())
	path := op.call.Endpoint
	backend := "http://unavailable:8000"
	if a.instance != nil {
		backend = "http://" + a.instance.Name + ":8000"
	}
	common := []telemetry.Attribute{
		{Key: "http.method", Value: "POST"},
		{Key: "http.url", Value: "http://vllm-router" + path},
		{Key: "vllm.request_id", Value: op.call.RequestID},
		{Key: "vllm.backend_url", Value: backend},
		{Key: "http.status_code", Value: int64(a.httpStatus)},
	}
	failed := a.errorType() != ""
	start, end := c.wall(a.sentAt+op.call.Network/2), c.wall(a.ended).Add(-time.Microsecond)
	outer := c.send(&telemetry.Span{
		Resource: resource, Scope: "vllm-router", Name: "router " + path, Kind: telemetry.Server,
		TraceID: op.trace, SpanID: a.router, Parent: a.client, Remote: true, Start: start, End: end, Error: failed,
		Attributes: append([]telemetry.Attribute{
			{Key: "http.target", Value: path},
			{Key: "vllm.model", Value: op.requestedModel()},
		}, common...),
	})
	inner := c.send(&telemetry.Span{
		Resource: resource, Scope: "vllm-router", Name: "process_request", Kind: telemetry.Client,
		TraceID: op.trace, SpanID: a.process, Parent: a.router,
		Start: start.Add(500 * time.Microsecond), End: end.Add(-100 * time.Microsecond), Error: failed,
		Attributes: append([]telemetry.Attribute{{Key: "vllm.is_streaming", Value: op.call.Stream}}, common...),
	})
	if outer == truth.Lost {
		return outer
	}
	return inner
}

// sendRoot emits the caller's own spans: its retrieval and its root.
func (op *operation) sendRoot(last *attempt) string {
	c := op.cluster
	resource := c.callerResource(op.call.Caller.Service, last.environment())
	start := c.wall(op.started)
	if op.call.Caller.Retrieves {
		c.send(&telemetry.Span{
			Resource: resource, Scope: "rag-handler", Name: "retrieve", Kind: telemetry.Internal,
			TraceID: op.trace, SpanID: c.spanID(), Parent: op.root,
			Start: start, End: start.Add(op.call.Before),
			Attributes: []telemetry.Attribute{{Key: "db.operation.name", Value: "search"}, {Key: "retrieval.documents", Value: int64(4)}},
		})
	}
	status := int64(200)
	if last.errorType() != "" {
		status = 502
	}
	return c.send(&telemetry.Span{
		Resource: resource, Scope: "opentelemetry.instrumentation.fastapi", Name: op.call.Caller.Operation, Kind: telemetry.Server,
		TraceID: op.trace, SpanID: op.root, Start: start, End: c.wall(op.ended),
		Error: status >= 500,
		Attributes: []telemetry.Attribute{
			{Key: "http.request.method", Value: "POST"},
			{Key: "http.response.status_code", Value: status},
		},
	})
}
