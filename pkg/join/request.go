package join

import (
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// Status of a request.
type Status string

// The statuses. StatusUnknown is an answer: the evidence does not tell.
const (
	StatusOK       Status = "ok"
	StatusError    Status = "error"
	StatusAborted  Status = "aborted"
	StatusRejected Status = "rejected"
	StatusUnknown  Status = "unknown"
)

// ModelSource says which evidence named the model of a row.
type ModelSource string

// The sources, in the order in which they are asked.
const (
	ModelFromSpan     ModelSource = "span"     // an attribute of the engine span
	ModelFromResource ModelSource = "resource" // a resource attribute or a log stream's label
	ModelFromInstance ModelSource = "instance" // the metrics of the same instance carry exactly one model
	ModelFromOnly     ModelSource = "only_one" // the span names no instance and the metrics know exactly one
	ModelFromCaller   ModelSource = "caller"   // the parent or root span's request model
	ModelUnknown      ModelSource = ""
)

// Signals is the set of stores that contributed to a row.
type Signals uint8

// The signals.
const (
	SignalTrace Signals = 1 << iota
	SignalLogs
	SignalMetrics
)

// String joins the names of the set with "+", in the order trace, logs, metrics.
func (s Signals) String() string { return signalNames[s&7] }

var signalNames = [8]string{
	"", "trace", "logs", "trace+logs", "metrics", "trace+metrics", "logs+metrics", "trace+logs+metrics",
}

// Request is one row: one sequence that an engine worked on, or a request that never got that far. What the engine span
// tells stays in Span (nil for a request that left none) and is not copied: a million rows have to fit.
//
// Durations are seconds. NaN, evidence.Unknown and "" mean not known.
type Request struct {
	Span   *evidence.RequestSpan
	Caller *evidence.CallerSpan // call that covers the engine's span, or the client span itself when the engine left no span
	// Call is the call to a model whose answer the engine's was; it knows status and model, and may have ended too early to be
	// the Caller.
	Call *evidence.CallerSpan
	Root *evidence.CallerSpan

	Time            time.Time // span start, else the first evidence there is
	RequestID       string    // external id
	ClientRequestID string
	TraceID         string

	Origin      *evidence.Origin // of the span, else of the log lines, else of the metrics' only candidate
	Model       string
	ModelSource ModelSource
	LoRA        string
	Engine      string

	Status       Status
	FinishReason string
	HTTPStatus   int64
	Error        string

	MaxTokens         int64 // from the span or the Received line
	CachedTokens      int64 // from the span or LMCache's line
	Temperature, TopP float64

	TPOT, PreQueue, Unaccounted, TokensPerSecond float64
	CallerDuration, OutsideEngine                float64

	Running, Waiting, KVCacheUsage     float64
	Preemptions                        float64
	GPUUtilization, GPUMemoryUsed      float64
	LogLines, WarningLines, ErrorLines int64

	// OpenFor is how long a request without an end has been open when the evidence ends, in seconds; NaN when it has ended, or
	// when its end may have been missed.
	OpenFor float64

	SLOMet    slo.Verdict // of the limits of its model, all of them jointly
	Signals   Signals
	Ambiguous bool // evidence exists that fits this row and another; it was given to neither
	Unread    bool // its id may be another request's too, in a part of the window that was not read
	counted   bool // its lines say that the engine itself ended it, which its counter of finished requests tells too
	// lastLog is the time of the last line given to this row; a request without span has no other end.
	lastLog time.Time
	logSkew float64   // seconds between span start and Received line; NaN without the pair
	lines   *ownLines // with Input.WithLines
	search  search    // of a beam search, else empty
	// undecided is set when several servers or engines could be the row's, and nothing tells which.
	undecided bool
	place     int32 // index of the instance among the join's instances, -1 = not known
}

// Key names the row within a data source, the same in every join that has the same evidence of it. A request without a
// span has no name of its own, since retries may reuse an id: its place in time tells it apart.
func (r *Request) Key() string {
	if r.Span != nil {
		return SpanKey(r.Span)
	}
	return r.TraceID + "/" + r.RequestID + "@" + strconv.FormatInt(r.Time.UnixNano(), 36)
}

// SpanKey names the row of a span.
func SpanKey(s *evidence.RequestSpan) string { return s.TraceID + "/" + s.SpanID }

// Open reports whether nothing tells that the request is over.
func (r *Request) Open() bool { return r.Span == nil && r.Status == StatusUnknown }

// End is when the request was over as far as the evidence tells; the zero time when it does not.
func (r *Request) End() time.Time {
	switch {
	case r.Span != nil:
		return r.Span.End()
	case r.Caller != nil:
		return r.Caller.End()
	default:
		return r.lastLog
	}
}
