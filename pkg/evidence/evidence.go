package evidence

import (
	"math"
	"time"
)

// Unknown marks a count that the evidence does not tell.
const Unknown = int64(-1)

// NaN marks a measurement that the evidence does not tell.
var NaN = math.NaN()

// Store names one of the three stores, in messages, metrics and reports.
type Store string

// The stores.
const (
	Prometheus Store = "prometheus"
	Loki       Store = "loki"
	Jaeger     Store = "jaeger"
)

// Title is the store's name as its makers write it.
func (s Store) Title() string {
	switch s {
	case Prometheus:
		return "Prometheus"
	case Loki:
		return "Loki"
	case Jaeger:
		return "Jaeger"
	default:
		return string(s)
	}
}

// Origin says where a signal came from, in the words of its own store translated to the row's columns. One Origin is
// shared by all signals of a process or stream: treat it as read-only.
type Origin struct {
	Service, Environment, Cluster, Namespace, Pod, Instance string
	// Model and LoRA are set only where the signal itself names them (a resource attribute, a metric label).
	Model, LoRA string
	// Engine is the data-parallel rank as vLLM prints it ("0" without data parallelism); empty when the signal has none.
	Engine string
}

// RequestSpan is one engine span (`llm_request`, kind SERVER): one finished sequence.
// Durations are seconds, from the attributes gen_ai.latency.*; NaN when the attribute is absent or not a finite number.
type RequestSpan struct {
	TraceID, SpanID, ParentSpanID string // lower-case hex, 32 and 16 digits; parent empty for a root span
	RequestID                     string // gen_ai.request.id as the span carries it
	Start                         time.Time
	Duration                      float64
	Origin                        *Origin
	Model                         string // gen_ai.request.model or gen_ai.response.model on the span; empty in V1

	PromptTokens, CompletionTokens, CachedTokens, MaxTokens int64
	Temperature, TopP                                       float64
	TTFT, E2E, Queue, Prefill, Decode                       float64

	// FinishReason and LoRA are what newer engines say on the span; empty on those of today.
	FinishReason, LoRA string
	// Error is set when the span has status ERROR: its message, or the word "error".
	Error string
	// Note says which values the span carries that were not believed and are unknown therefore; empty on a sound span.
	Note string
	// SentID is what the client sent as its id to a router above, GatewayID what a gateway above calls the request; empty where
	// no span says so.
	SentID, GatewayID string
	// Caller is the outermost span above that describes a call to a model and covers this span, so that a router between
	// counts as part of the call; without any, the nearest span above that covers this one. A span above that ended too early or
	// began too late made no such call, or its clock is another: it is not the caller.
	Caller *CallerSpan
	// Call is the outermost call to a model above that was under way when this span began, whether or not it covers it: some
	// clients end their span with the headers. It knows the model and the answer, and no time of ours.
	Call *CallerSpan
	// Above is the nearest span above that calls a model, whatever its clock says; only differences of clocks are measured by it.
	Above *CallerSpan
	// Root is the first span of the trace. All of these are nil when the trace does not hold them.
	Root *CallerSpan
}

// MaxDuration is the longest that a request is believed to run. A duration is what some client's exporter wrote: one of years
// would make a store be asked for years, and overflow what counts nanoseconds.
const MaxDuration = 24 * time.Hour

// Seconds turns a length in seconds into a Duration between 0 and MaxDuration; 0 when it is not known.
func Seconds(s float64) time.Duration {
	if !(s > 0) { // NaN as well
		return 0
	}
	return time.Duration(min(s, MaxDuration.Seconds()) * float64(time.Second))
}

// End is when the API server had processed the final output: there the span ends, microseconds after E2E.
func (s *RequestSpan) End() time.Time {
	if s.Duration > 0 {
		return s.Start.Add(Seconds(s.Duration))
	}
	return s.Start.Add(Seconds(s.E2E))
}

// End is when the call was over; its start when its duration is not known.
func (c *CallerSpan) End() time.Time { return c.Start.Add(Seconds(c.Duration)) }

// CallerSpan is a span above the engine: application, router or gateway. A CLIENT (or router) span without an engine span
// below it is evidence of a request that the engine never finished.
type CallerSpan struct {
	TraceID, SpanID, ParentSpanID string
	Service, Operation            string
	Kind                          SpanKind
	Start                         time.Time
	Duration                      float64 // seconds
	Origin                        *Origin
	Model                         string // gen_ai.request.model or vllm.model
	RequestID                     string // gen_ai.response.id, gen_ai.request.id, vllm.request_id, a captured X-Request-Id header
	SentID, GatewayID             string // as of RequestSpan
	HTTPStatus                    int    // 0 = not told
	FinishReason                  string
	Error                         string // error.type, exception message or status message; empty when the span did not fail
	Inference                     bool   // the span describes a call to an LLM (gen_ai.* or vllm.* attributes)
	VLLM                          bool   // the span itself says that the call goes to vLLM (provider, router)
	Shared                        bool   // several requests lie below: its duration is of none of them alone
	// Outer is the outermost call to a model around this one, such as the application's around the router's; nil when none is.
	Outer *CallerSpan
}

// SpanKind is OpenTelemetry's span kind.
type SpanKind string

// The span kinds, spelled as Jaeger's span.kind tag spells them.
const (
	KindInternal SpanKind = "internal"
	KindServer   SpanKind = "server"
	KindClient   SpanKind = "client"
	KindProducer SpanKind = "producer"
	KindConsumer SpanKind = "consumer"
)

// Sample is one scraped value.
type Sample struct {
	UnixMilli int64
	Value     float64
}

// Series is one metric of one engine (or GPU) over time, ascending, as scraped: no interpolation, no step.
type Series struct {
	Metric  string // canonical name from package vllm, not the name of the version at hand
	Origin  *Origin
	Samples []Sample
	// Part are the values of the metric's own labels, such as the reason of finished requests: the parts of one engine's metric.
	Part string
	// Rest are the labels that neither Origin nor Part holds, such as job, by name. Two series of one engine, metric and part that
	// are there at the same time differ in them (or in the address). Shared between series: read-only.
	Rest []Label
}

// Label is one label of a series.
type Label struct{ Name, Value string }

// Target is one engine that the metrics know: the map from instance and engine to model.
type Target struct {
	Origin Origin
	// MaxNumSeqs and the like are not exposed by vLLM; what cache_config_info tells is:
	KVCacheTokens int64
}

// Finished is how many requests the engine itself counted in the window (increase of request_success_total).
type Finished struct {
	Origin Origin
	Reason string // stop, length, abort, error, repetition
	Count  float64
}
