package telemetry

import "time"

// Span is one finished span, ready for OTLP.
type Span struct {
	Resource   *Resource
	Scope      string
	Name       string
	Kind       SpanKind
	TraceID    TraceID
	SpanID     SpanID
	Parent     SpanID // zero is a root
	Remote     bool   // the parent is in another process
	Start, End time.Time
	Attributes []Attribute
	Error      bool
	Message    string // of the status
}

// TraceID and SpanID as in W3C trace context.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// SpanKind with OTLP's numbers.
type SpanKind int

// Span kinds.
const (
	Internal SpanKind = 1
	Server   SpanKind = 2
	Client   SpanKind = 3
)

// Attribute is a key with a string, int64 or float64.
type Attribute struct {
	Key   string
	Value any
}

// Resource is the process that a span comes from.
type Resource struct{ Attributes []Attribute }

// NewResource names a service, with what its operator set in
// OTEL_RESOURCE_ATTRIBUTES and what the process adds itself.
func NewResource(language, sdkVersion, service string, operator, process []Attribute) *Resource {
	attributes := []Attribute{
		{"telemetry.sdk.language", language},
		{"telemetry.sdk.name", "opentelemetry"},
		{"telemetry.sdk.version", sdkVersion},
	}
	attributes = append(attributes, operator...)
	attributes = append(attributes, Attribute{"service.name", service})
	return &Resource{Attributes: append(attributes, process...)}
}

// Request is what an llm_request span says.
type Request struct {
	ID                string // external, or the child's in old versions
	Phases            Phases
	PromptTokens      int
	CompletionTokens  int
	Sampling          Sampling
	TraceID           TraceID
	SpanID, Parent    SpanID
	Arrival, Finished time.Time
}

// RequestSpan renders llm_request. It names neither model nor outcome, n is
// always 1, and what is falsy in Python is left out: temperature 0 above all.
func RequestSpan(v Version, resource *Resource, r Request) *Span {
	attributes := make([]Attribute, 0, 13)
	attributes = append(attributes,
		Attribute{"gen_ai.latency.time_to_first_token", r.Phases.TTFT.Seconds()},
		Attribute{"gen_ai.latency.e2e", r.Phases.E2E.Seconds()},
		Attribute{"gen_ai.latency.time_in_queue", r.Phases.Queue.Seconds()},
		Attribute{"gen_ai.usage.prompt_tokens", int64(r.PromptTokens)},
		Attribute{"gen_ai.usage.completion_tokens", int64(r.CompletionTokens)},
		Attribute{"gen_ai.latency.time_in_model_prefill", r.Phases.Prefill.Seconds()},
		Attribute{"gen_ai.latency.time_in_model_decode", r.Phases.Decode.Seconds()},
		Attribute{"gen_ai.latency.time_in_model_inference", (r.Phases.Prefill + r.Phases.Decode).Seconds()},
		Attribute{"gen_ai.request.id", r.ID})
	if r.Sampling.TopP != 0 {
		attributes = append(attributes, Attribute{"gen_ai.request.top_p", r.Sampling.TopP})
	}
	if r.Sampling.MaxTokens != 0 {
		attributes = append(attributes, Attribute{"gen_ai.request.max_tokens", int64(r.Sampling.MaxTokens)})
	}
	if r.Sampling.Temperature != 0 {
		attributes = append(attributes, Attribute{"gen_ai.request.temperature", r.Sampling.Temperature})
	}
	attributes = append(attributes, Attribute{"gen_ai.request.n", int64(1)})
	return &Span{
		Resource: resource, Scope: v.ScopeName(), Name: "llm_request", Kind: Server,
		TraceID: r.TraceID, SpanID: r.SpanID, Parent: r.Parent, Remote: r.Parent != SpanID{},
		Start: r.Arrival, End: r.Finished, Attributes: attributes,
	}
}

// startupSpans are the INTERNAL spans of a starting server: how long before
// readiness each began and ended, and its parent's place in the list.
var startupSpans = []struct {
	name, scope, function string
	from, to              float64
	parent                int
	remote                bool // begun in a process of its own
}{
	{"AsyncMPClient init", "vllm.v1.engine.core_client", "AsyncMPClient.__init__", 38, 1.4, 1, false},
	{"Overall Loading", "vllm.v1.engine.core_client", "EngineCoreClient.make_async_mp_client", 38, 1.4, -1, false},
	{"EngineCoreProc init", "vllm.v1.engine.core", "EngineCoreProc.__init__", 33, 2, 0, true},
	{"Executor init", "vllm.v1.executor.abstract", "Executor.__init__", 33, 20, 2, false},
	{"Worker init", "vllm.v1.worker.worker_base", "WorkerWrapperBase.init_worker", 33, 32, 3, true},
	{"Loading (GPU)", "vllm.v1.worker.gpu_model_runner", "GPUModelRunner.load_model", 31, 20, 3, false},
	{"Load model", "vllm.model_executor.model_loader.base_loader", "BaseModelLoader.load_model", 31, 20.5, 5, false},
	{"Initialize model", "vllm.model_executor.model_loader.utils", "initialize_model", 31, 30, 6, false},
	{"Prepare model", "vllm.v1.engine.core", "EngineCore._initialize_kv_caches", 20, 2, 2, false},
	{"Allocate KV cache", "vllm.v1.worker.gpu_worker", "Worker.initialize_from_config", 10, 9.6, 8, true},
}

// StartupSpans renders the spans of a start that ended at ready. A search by
// service finds them among the requests.
func StartupSpans(resource *Resource, ready time.Time, trace TraceID, newID func() SpanID) []*Span {
	ids := make([]SpanID, len(startupSpans))
	for i := range ids {
		ids[i] = newID()
	}
	before := func(s float64) time.Time { return ready.Add(-time.Duration(s * float64(time.Second))) }
	spans := make([]*Span, len(startupSpans))
	for i, s := range startupSpans {
		spans[i] = &Span{
			Resource: resource, Scope: s.scope, Name: s.name, Kind: Internal,
			TraceID: trace, SpanID: ids[i], Start: before(s.from), End: before(s.to),
			Attributes: []Attribute{
				{"code.function", s.function}, {"code.namespace", s.scope},
				{"code.filepath", "/usr/local/lib/python3.12/dist-packages/" + slashed(s.scope) + ".py"},
				{"code.lineno", "100"},
			},
		}
		if s.parent >= 0 {
			spans[i].Parent, spans[i].Remote = ids[s.parent], s.remote
		}
	}
	return spans
}

func slashed(module string) string {
	b := []byte(module)
	for i, c := range b {
		if c == '.' {
			b[i] = '/'
		}
	}
	return string(b)
}
