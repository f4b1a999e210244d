package vllm

// SpanField is what an attribute of a span tells, whatever the attribute is called: the names differ by version,
// instrumentation and convention, and more are coming.
type SpanField uint8

// The fields. Those up to FieldN describe the engine's own span, those after it the spans above; a name that both use has
// one meaning.
const (
	NoSpanField SpanField = iota
	FieldRequestID
	FieldPromptTokens
	FieldCompletionTokens
	FieldCachedTokens
	FieldTTFT
	FieldE2E
	FieldQueue
	FieldPrefill
	FieldDecode
	FieldMaxTokens
	FieldTemperature
	FieldTopP
	FieldLoRA
	FieldN

	FieldRequestModel  // the model that was asked for, by the name that the client used
	FieldResponseModel // the model that answered
	FieldOperation
	FieldResponseID
	FieldProvider
	FieldFinishReason
	FieldErrorType
	FieldHTTPStatus
	FieldHTTPMethod
	FieldPath          // of the URL that was called, or the URL
	FieldRequestHeader // what the client sent as X-Request-Id
	FieldSomeID        // an id of the request by a name that other programs use for other things as well
	FieldGatewayID     // what a gateway calls the request, beside what its client does
	FieldRouterID
	FieldRouterModel
	FieldRouterURL
	FieldSpanType // what the instrumentation says that the span is: CallType
	FieldAsked    // what only a question to a model has: messages, sampling parameters
	FieldForeign  // a database, a queue, a tool: see foreignPrefixes
	FieldError
)

// spanFields is the one table of attribute names. A name that vLLM or a convention changes gets one more line here.
//
// #nosec G101 -- tokens are what a model reads and writes, here
var spanFields = map[string]SpanField{
	// vLLM, all versions; the sizes also by the names of semantic conventions since 1.27
	SpanRequestID:                FieldRequestID,
	SpanPromptTokens:             FieldPromptTokens,
	"gen_ai.usage.input_tokens":  FieldPromptTokens,
	"llm.token_count.prompt":     FieldPromptTokens, // OpenInference
	SpanCompletionTokens:         FieldCompletionTokens,
	"gen_ai.usage.output_tokens": FieldCompletionTokens,
	"llm.token_count.completion": FieldCompletionTokens,
	SpanTTFT:                     FieldTTFT,
	SpanE2E:                      FieldE2E,
	SpanQueue:                    FieldQueue,
	SpanPrefill:                  FieldPrefill,
	SpanDecode:                   FieldDecode,
	SpanMaxTokens:                FieldMaxTokens,
	SpanTemperature:              FieldTemperature,
	SpanTopP:                     FieldTopP,
	SpanN:                        FieldN,

	// No released vLLM sets these. Gateways and forks that know how many prompt tokens came from a cache use them.
	SpanCachedTokens:     FieldCachedTokens,
	SpanCacheReadTokens:  FieldCachedTokens,
	SpanCacheReadTokens2: FieldCachedTokens,
	"gen_ai.usage.prompt_tokens_details.cached_tokens": FieldCachedTokens,
	"gen_ai.usage.input_tokens_details.cached_tokens":  FieldCachedTokens,
	"gen_ai.usage.details.cached_tokens":               FieldCachedTokens,
	"llm.token_count.prompt_details.cache_read":        FieldCachedTokens,

	"gen_ai.request.lora":      FieldLoRA,
	"gen_ai.request.lora_name": FieldLoRA,
	"vllm.lora_name":           FieldLoRA,
	"vllm.lora":                FieldLoRA,

	// which model
	CallerRequestModel:                FieldRequestModel,
	"llm.model_name":                  FieldRequestModel, // OpenInference, as are the next four
	"llm.request.model_name":          FieldRequestModel,
	"embedding.model_name":            FieldRequestModel,
	"reranker.model_name":             FieldRequestModel,
	"llm.response.model_name":         FieldResponseModel,
	"ai.model.id":                     FieldRequestModel, // Vercel's AI SDK
	"langfuse.observation.model.name": FieldRequestModel,
	"llm.request.model":               FieldRequestModel, // Traceloop before it followed the conventions
	SpanResponseModel:                 FieldResponseModel,
	"ai.response.model":               FieldResponseModel,

	// what for, and how it ended
	CallerOperationName:             FieldOperation,
	CallerResponseID:                FieldResponseID,
	"ai.response.id":                FieldResponseID,
	CallerProvider:                  FieldProvider,
	CallerSystem:                    FieldProvider,
	"llm.provider":                  FieldProvider,
	"llm.system":                    FieldProvider,
	"ai.model.provider":             FieldProvider,
	CallerFinishReasons:             FieldFinishReason,
	"gen_ai.response.finish_reason": FieldFinishReason, // Semantic Kernel, Traceloop
	"llm.response.finish_reason":    FieldFinishReason,
	"llm.finish_reason":             FieldFinishReason,
	"ai.response.finishReason":      FieldFinishReason,
	CallerErrorType:                 FieldErrorType,
	TagError:                        FieldError,

	// HTTP, by the conventions of before and after 1.23
	CallerHTTPStatus:           FieldHTTPStatus,
	CallerHTTPStatusOld:        FieldHTTPStatus,
	"http.request.method":      FieldHTTPMethod,
	"http.method":              FieldHTTPMethod,
	"url.full":                 FieldPath,
	"http.url":                 FieldPath,
	"url.path":                 FieldPath,
	"http.target":              FieldPath,
	"http.route":               FieldPath,
	CallerRequestHeader:        FieldRequestHeader,
	CallerRequestHeader2:       FieldRequestHeader,
	CallerRequestHeader3:       FieldRequestHeader,
	EnvoyRequestID:             FieldRequestHeader,
	"x-request-id":             FieldRequestHeader,
	"x_request_id":             FieldRequestHeader,
	"http.x_request_id":        FieldRequestHeader,
	"http.request_id":          FieldSomeID,
	"request_id":               FieldSomeID,
	"request.id":               FieldSomeID,
	"http.request.id":          FieldSomeID,
	"litellm.call_id":          FieldGatewayID,
	"litellm_call_id":          FieldGatewayID,
	"metadata.litellm_call_id": FieldGatewayID,

	RouterRequestID:  FieldRouterID,
	RouterModel:      FieldRouterModel,
	RouterBackendURL: FieldRouterURL,

	"gen_ai.input.messages":         FieldAsked,
	"gen_ai.output.type":            FieldAsked,
	"gen_ai.request.stream":         FieldAsked,
	"gen_ai.request.top_k":          FieldAsked,
	"gen_ai.request.seed":           FieldAsked,
	"gen_ai.request.stop_sequences": FieldAsked,
	"gen_ai.prompt":                 FieldAsked,
	"gen_ai.prompt.0.content":       FieldAsked,
	"llm.invocation_parameters":     FieldAsked,
	"llm.prompts.0.prompt.text":     FieldAsked,
	"ai.prompt.messages":            FieldAsked,
}

func init() {
	for key := range callTypes {
		spanFields[key] = FieldSpanType
	}
}

// SpanFieldOf says what an attribute tells; NoSpanField for the many that tell nothing about a request.
func SpanFieldOf(key string) SpanField {
	if f, ok := spanFields[key]; ok {
		return f
	}
	if foreign(key) {
		return FieldForeign
	}
	return NoSpanField
}

// Phase is a part of a request's time in the engine.
type Phase uint8

// The phases that some engines write as spans below the request's own.
const (
	NoPhase Phase = iota
	PhaseQueue
	PhasePrefill
	PhaseDecode
	PhasePreempted
)

// phaseSpans are the names of such spans: proposed for vLLM, and those of its forks and of engines that took over its front.
var phaseSpans = map[string]Phase{
	"queue": PhaseQueue, "vllm_queue": PhaseQueue, "llm_queue": PhaseQueue, "waiting": PhaseQueue,
	"prefill": PhasePrefill, "vllm_prefill": PhasePrefill, "llm_prefill": PhasePrefill,
	"decode": PhaseDecode, "vllm_decode": PhaseDecode, "llm_decode": PhaseDecode,
	"preempted": PhasePreempted, "vllm_preempted": PhasePreempted, "llm_preempted": PhasePreempted,
}

// PhaseOf says which phase a span below an engine's request span describes.
func PhaseOf(spanName string) Phase { return phaseSpans[spanName] }
