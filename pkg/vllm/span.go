package vllm

import "slices"

// RequestSpanName is the name of the span that the API server writes for each finished sequence. It is constant: neither
// the endpoint nor the model is part of it, and start-up spans share its service, so a search filters by this name.
const RequestSpanName = "llm_request"

// Attributes of the request span. V1 (0.10.2 and later) sets those marked so on every span unless a reason is given;
// V0 set the scheduler and model-forward times instead of prefill, decode and inference. All durations are seconds.
//
// #nosec G101 -- tokens are what a model reads and writes, here
const (
	SpanRequestID        = "gen_ai.request.id"              // external id; 0.10.2 to 0.13: with "<i>_" in front for n > 1
	SpanPromptTokens     = "gen_ai.usage.prompt_tokens"     // tokens, those from the prefix cache included
	SpanCompletionTokens = "gen_ai.usage.completion_tokens" // tokens of this sequence
	SpanTTFT             = "gen_ai.latency.time_to_first_token"
	SpanE2E              = "gen_ai.latency.e2e"
	SpanQueue            = "gen_ai.latency.time_in_queue"           // engine's monotonic clock
	SpanPrefill          = "gen_ai.latency.time_in_model_prefill"   // V1: first token − scheduled
	SpanDecode           = "gen_ai.latency.time_in_model_decode"    // V1: last token − first token
	SpanInference        = "gen_ai.latency.time_in_model_inference" // V1: last token − scheduled
	SpanMaxTokens        = "gen_ai.request.max_tokens"              // absent when 0
	SpanTemperature      = "gen_ai.request.temperature"             // absent when 0.0, which is greedy sampling, not unknown
	SpanTopP             = "gen_ai.request.top_p"
	SpanN                = "gen_ai.request.n" // V1: always 1, also for the children of an n > 1 request

	SpanResponseModel = "gen_ai.response.model"                // V0: the model's path; on callers: the served name
	SpanScheduler     = "gen_ai.latency.time_in_scheduler"     // V0 only
	SpanModelForward  = "gen_ai.latency.time_in_model_forward" // V0 with --collect-detailed-traces
	SpanModelExecute  = "gen_ai.latency.time_in_model_execute" // V0 with --collect-detailed-traces
	SpanNumSequences  = "gen_ai.usage.num_sequences"           // V0 only

	// SpanCachedTokens is set by no released vLLM; gateways and forks that know it use these names of the semantic
	// conventions and of OpenInference.
	SpanCachedTokens     = "gen_ai.usage.cached_tokens"
	SpanCacheReadTokens  = "gen_ai.usage.cache_read.input_tokens"
	SpanCacheReadTokens2 = "gen_ai.usage.cache_read_input_tokens"
)

// Attributes of spans above the engine, by OpenTelemetry's semantic conventions for generative AI and for HTTP (the old
// HTTP name beside the new one: both are met in the field).
const (
	CallerOperationName  = "gen_ai.operation.name"
	CallerProvider       = "gen_ai.provider.name"
	CallerSystem         = "gen_ai.system" // the provider's name before semantic conventions 1.37
	Provider             = "vllm"          // what they say of a call to vLLM; clients of the OpenAI library say "openai"
	ProviderLiteLLM      = "hosted_vllm"   // what LiteLLM says
	CallerRequestModel   = "gen_ai.request.model"
	CallerResponseID     = "gen_ai.response.id" // the HTTP response's id: IDResponse
	CallerFinishReasons  = "gen_ai.response.finish_reasons"
	CallerErrorType      = "error.type"
	CallerHTTPStatus     = "http.response.status_code"
	CallerHTTPStatusOld  = "http.status_code"
	CallerRequestHeader  = "http.request.header.x-request-id"
	CallerRequestHeader2 = "http.request.header.x_request_id" // SDKs that write header names as identifiers
	CallerRequestHeader3 = "http.request.header.X-Request-Id" // SDKs that write them as they came
	EnvoyRequestID       = "guid:x-request-id"                // Envoy, and what is made of it: Istio, Envoy Gateway, Envoy AI Gateway
)

// SentIDAttributes are the attributes under which a store may know what a client sent to a router as its id, those first that
// are met most. headers says which of them SDKs write as lists.
func SentIDAttributes() (names []string, headers map[string]bool) {
	for name, field := range spanFields {
		switch field {
		case FieldRequestHeader, FieldSomeID, FieldGatewayID, FieldRouterID:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, map[string]bool{CallerRequestHeader: true, CallerRequestHeader2: true, CallerRequestHeader3: true}
}

// Attributes of the production-stack router, which puts the client's own id on its spans.
const (
	RouterRequestID  = "vllm.request_id" // IDClient
	RouterModel      = "vllm.model"
	RouterBackendURL = "vllm.backend_url"
)

// Names of spans above the engine. llm-d's carry gen_ai.request.id too, but there it is the raw X-Request-Id.
const (
	RouterSpanPrefix  = "router "         // production-stack, SERVER: "router /v1/chat/completions"
	RouterProcessSpan = "process_request" // production-stack, CLIENT: the parent of llm_request
	GatewaySpan       = "gateway.request" // llm-d endpoint picker, SERVER
)

// Attributes by which Jaeger's storage carries what OpenTelemetry has as fields of a span.
const (
	TagSpanKind          = "span.kind"
	TagError             = "error"
	TagStatusCode        = "otel.status_code" // "OK" or "ERROR"
	TagStatusDescription = "otel.status_description"
	TagScopeName         = "otel.scope.name" // of an engine: ScopePrefix
	TagScopeVersion      = "otel.scope.version"
	TagTraceState        = "w3c.tracestate"
	TagEventName         = "event" // among the fields of a log, which is what Jaeger calls an event

	EventExceptionMessage = "exception.message" // attribute of the event that records an exception
)

// ScopePrefix begins the names of vLLM's own instrumentation scopes (vllm.tracing.otel, vllm.llm_engine).
const ScopePrefix = "vllm."

// ResourceServiceName is the resource attribute that Jaeger calls the service.
const ResourceServiceName = "service.name"
