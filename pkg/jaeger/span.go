package jaeger

import (
	"strings"

	"math"
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
	requestModel, responseModel               string
	operation                                 string // gen_ai.operation.name
	finishReason, errorType, exception        string
	httpStatus                                int64
	generative, router                        bool // has attributes of a model call, of the production-stack router
	toVLLM                                    bool // says that the call goes to vLLM

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

// attribute takes one attribute of the span itself. Resource attributes go to origins.
func (s *span) attribute(key string, v value) {
	switch key {
	case vllm.SpanRequestID:
		s.requestID, s.generative = v.string(), true
	case vllm.SpanPromptTokens:
		s.promptTokens = v.count()
	case vllm.SpanCompletionTokens:
		s.completionTokens = v.count()
	case vllm.SpanCachedTokens, vllm.SpanCacheReadTokens, vllm.SpanCacheReadTokens2:
		s.cachedTokens = v.count()
	case vllm.SpanTTFT:
		s.ttft = v.seconds()
	case vllm.SpanE2E:
		s.e2e = v.seconds()
	case vllm.SpanQueue:
		s.queue = v.seconds()
	case vllm.SpanPrefill:
		s.prefill = v.seconds()
	case vllm.SpanDecode:
		s.decode = v.seconds()
	case vllm.SpanMaxTokens:
		s.maxTokens, s.sampled = v.count(), true
	case vllm.SpanTemperature:
		s.temperature, s.sampled = v.measure(), true
	case vllm.SpanTopP:
		s.topP, s.sampled = v.measure(), true
	case vllm.SpanN:
		s.sampled = true

	case vllm.CallerRequestModel:
		s.requestModel, s.generative = v.string(), true
	case vllm.SpanResponseModel:
		s.responseModel, s.generative = v.string(), true
	case vllm.CallerOperationName:
		s.operation = v.string()
	case vllm.CallerResponseID:
		s.responseID, s.generative = v.string(), true
	case vllm.CallerProvider, vllm.CallerSystem:
		s.generative = true
		s.toVLLM = s.toVLLM || strings.EqualFold(v.string(), vllm.Provider)
	case vllm.CallerFinishReasons:
		s.finishReason = v.string()
	case vllm.CallerErrorType:
		s.errorType = v.string()
	case vllm.CallerHTTPStatus, vllm.CallerHTTPStatusOld:
		s.httpStatus = v.count()
	case vllm.CallerRequestHeader, vllm.CallerRequestHeader2:
		s.headerID = v.string()

	case vllm.RouterRequestID:
		s.routerID, s.router, s.toVLLM = v.string(), true, true
	case vllm.RouterModel:
		s.requestModel, s.router = v.string(), true
	case vllm.RouterBackendURL:
		s.router = true

	case vllm.TagError:
		s.failed = s.failed || v.isTrue()
	}
}

// event takes one attribute of an event of the span.
func (s *span) event(key string, v value) {
	if key == vllm.EventExceptionMessage && s.exception == "" {
		s.exception = v.string()
	}
}

// isEngine reports whether this is the engine's span of a request. Start-up spans share the service, not the name; a
// storage that lost the kind does not make a request disappear.
func (s *span) isEngine(name string) bool {
	return s.name == name && (s.kind == evidence.KindServer || s.kind == "")
}

// isInference reports whether the span describes a call to a model.
func (s *span) isInference() bool {
	if s.operation != "" {
		return vllm.InferenceOperation(s.operation)
	}
	return s.generative || s.router
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
