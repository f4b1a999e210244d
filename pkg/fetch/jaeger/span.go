package jaeger

import (
	"math"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

type (
	traceID [16]byte
	spanID  [8]byte
)

// span is one span as both protocols give it, with only those attributes that tell something about a request. Both
// decoders fill it through attribute, so that they cannot differ in what an attribute means.
type span struct {
	trace      traceID
	id, parent spanID // parent is zero for a root span
	name       string
	service    string // Jaeger's word for the process: service.name
	origin     *evidence.Origin
	kind       evidence.SpanKind
	start      time.Time
	duration   float64 // seconds, NaN when it cannot be
	failed     bool
	status     string // message of the status, for failed spans

	requestID, responseID, routerID, headerID string
	someID, gatewayID                         string // see vllm.FieldSomeID, FieldGatewayID
	requestModel, responseModel               string
	operation                                 string // gen_ai.operation.name
	finishReason, errorType, exception        string
	httpStatus                                int64
	router                                    bool // has attributes of the production-stack router
	toVLLM                                    bool // says that the call goes to vLLM
	fromVLLM                                  bool // its instrumentation scope is one of vLLM's own
	measured                                  bool // has times that only an engine knows
	distrusted                                bool // some of them cannot be
	http, asked, foreign                      bool // as vllm.CallSigns has them
	path                                      string
	declared                                  vllm.CallType
	lora                                      string

	promptTokens, completionTokens, cachedTokens, maxTokens int64
	temperature, topP                                       float64
	sampled                                                 bool // has any sampling attribute
	ttft, e2e, queue, prefill, decode                       float64

	next *span // of the same trace, in order of arrival
}

// unknown is a span about which nothing is known yet.
func unknown() span {
	const n = evidence.Unknown
	nan := math.NaN()
	return span{
		duration:     nan,
		promptTokens: n, completionTokens: n, cachedTokens: n, maxTokens: n,
		temperature: nan, topP: nan, ttft: nan, e2e: nan, queue: nan, prefill: nan, decode: nan,
	}
}

// attribute takes one attribute of the span itself. Resource attributes go to origins. What an attribute means stands in one
// table, vllm.SpanFieldOf.
func (s *span) attribute(key attributeKey, v value) {
	switch key.field {
	case vllm.NoSpanField:
	case vllm.FieldRequestID:
		s.requestID = v.string()
	case vllm.FieldPromptTokens:
		s.promptTokens = v.count()
	case vllm.FieldCompletionTokens:
		s.completionTokens = v.count()
	case vllm.FieldCachedTokens:
		s.cachedTokens = v.count()
	case vllm.FieldTTFT:
		s.ttft = v.seconds()
	case vllm.FieldE2E:
		s.e2e, s.measured = v.seconds(), true
	case vllm.FieldQueue:
		s.queue, s.measured = v.seconds(), true
	case vllm.FieldPrefill:
		s.prefill, s.measured = v.seconds(), true
	case vllm.FieldDecode:
		s.decode, s.measured = v.seconds(), true
	case vllm.FieldMaxTokens:
		s.maxTokens, s.sampled = v.count(), true
	case vllm.FieldTemperature:
		s.temperature, s.sampled = v.measure(), true
	case vllm.FieldTopP:
		s.topP, s.sampled = v.measure(), true
	case vllm.FieldN:
		s.sampled = true
	case vllm.FieldLoRA:
		s.lora = v.string()

	case vllm.FieldRequestModel:
		if key.name == vllm.CallerRequestModel || s.requestModel == "" { // instrumentations beside each other: the conventions' name first
			s.requestModel = v.string()
		}
	case vllm.FieldResponseModel:
		s.responseModel = v.string()
	case vllm.FieldOperation:
		s.operation = v.string()
	case vllm.FieldResponseID:
		s.responseID = v.string()
	case vllm.FieldProvider:
		s.toVLLM = s.toVLLM || strings.EqualFold(v.string(), vllm.Provider) || strings.EqualFold(v.string(), vllm.ProviderLiteLLM)
	case vllm.FieldFinishReason:
		s.finishReason = vllm.FinishReason(v.string())
	case vllm.FieldErrorType:
		s.errorType = v.string()
	case vllm.FieldHTTPStatus:
		s.httpStatus, s.http = v.count(), true
	case vllm.FieldHTTPMethod:
		s.http = true
	case vllm.FieldPath:
		if path := v.string(); s.path == "" || vllm.InferencePath(path) {
			s.path = path
		}
	case vllm.FieldRequestHeader:
		if s.headerID == "" || key.name != vllm.EnvoyRequestID { // a header that was captured says it exactly
			s.headerID = v.string()
		}
	case vllm.FieldSomeID:
		s.someID = v.string()
	case vllm.FieldGatewayID:
		s.gatewayID = v.string()

	case vllm.FieldRouterID:
		s.routerID, s.router, s.toVLLM = v.string(), true, true
	case vllm.FieldRouterModel:
		s.requestModel, s.router = v.string(), true
	case vllm.FieldRouterURL:
		s.router = true

	case vllm.FieldSpanType:
		if t := vllm.CallTypeOf(key.name, v.string()); s.declared == vllm.TypeUnknown || t == vllm.TypeModelCall {
			s.declared = t
		}
	case vllm.FieldAsked:
		s.asked = true
	case vllm.FieldForeign:
		s.foreign = true
	case vllm.FieldError:
		s.failed = s.failed || v.isTrue()
	}
}

// event takes one attribute of an event of the span.
func (s *span) event(key string, v value) {
	if key == vllm.EventExceptionMessage && s.exception == "" {
		s.exception = v.string()
	}
}

// isEngine reports whether this is the engine's span of a request: by its name, or by what only an engine measures, since
// vLLM is about to call the span by operation and model. Start-up spans share the service and neither of the two; a storage
// that lost the kind does not make a request disappear.
func (s *span) isEngine(name string) bool {
	if s.kind != evidence.KindServer && s.kind != "" {
		return false
	}
	return s.name == name || s.measured || s.fromVLLM && !s.http && vllm.EngineSpanName(s.name)
}

// crosses reports whether the span is one end of a call between processes.
func (s *span) crosses() bool { return s.kind == evidence.KindClient || s.kind == evidence.KindServer }

// call decides whether the span describes a call to a model.
func (s *span) call() vllm.CallEvidence {
	if s.operation == "" && s.declared == vllm.TypeUnknown && !s.router && s.requestModel == "" && s.responseModel == "" &&
		s.requestID == "" && s.responseID == "" {
		return vllm.NoCall // nearly all other spans: no rule says yes to these
	}
	return vllm.ModelCall(&vllm.CallSigns{
		Name: s.name, Type: s.declared, Operation: s.operation, Path: s.path, HTTP: s.http, Foreign: s.foreign, Router: s.router,
		Model: s.requestModel != "" || s.responseModel != "", ID: s.requestID != "" || s.responseID != "",
		Asked: s.asked || s.sampled, Crosses: s.crosses(),
	})
}

// origin translates resource attributes to the places of a row.
type origin struct {
	names vllm.LabelNames
	evidence.Origin
}

// oldEnvironment is what semantic conventions before 1.27 call the environment; many deployments still do.
const oldEnvironment = "deployment.environment"

func (o *origin) attribute(key string, v value) {
	if key == "" {
		return
	}
	switch key { // a name that is configured for nothing is empty and equals no key
	case o.names.Model:
		o.Model = v.string()
	case o.names.Environment:
		o.Environment = v.string()
	case o.names.Cluster:
		o.Cluster = v.string()
	case o.names.Namespace:
		o.Namespace = v.string()
	case o.names.Pod:
		o.Pod = v.string()
	case o.names.Instance:
		o.Instance = v.string()
	case o.names.Engine:
		o.Engine = v.string()
	case o.names.Service:
		o.Service = v.string()
	case oldEnvironment:
		if o.Environment == "" {
			o.Environment = v.string()
		}
	}
}
