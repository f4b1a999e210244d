package evidence

import "time"

// Span is one span of one trace with all that its store knows, for showing the trace as a whole. Joins use RequestSpan
// and CallerSpan, which hold only what they need.
type Span struct {
	TraceID, SpanID, ParentSpanID string // lower-case hex, 32 and 16 digits; parent empty for a root span
	Operation, Service            string
	Resource                      []Attribute // of the process
	Attributes                    []Attribute
	Start                         time.Time
	Duration                      time.Duration
	Kind                          SpanKind
	Status                        StatusCode
	StatusMessage                 string
	ScopeName, ScopeVersion       string // instrumentation scope
	TraceState                    string
	Events                        []SpanEvent
	Links                         []SpanLink // references other than the parent
	Warnings                      []string   // the store's own remarks
	// Request is the same span as the join sees it, for engine spans; nil for all others.
	Request *RequestSpan
}

// Attribute is one key and its value: string, bool, int64, float64, or a slice of such values.
type Attribute struct {
	Key   string
	Value any
}

// SpanEvent is something that happened at one moment of a span.
type SpanEvent struct {
	Time       time.Time
	Name       string
	Attributes []Attribute
}

// SpanLink points to a span that is related but not the parent.
type SpanLink struct {
	TraceID, SpanID string
	Attributes      []Attribute
}

// StatusCode is OpenTelemetry's span status.
type StatusCode int

// The span statuses, with OpenTelemetry's numbers.
const (
	StatusUnset StatusCode = 0
	StatusOK    StatusCode = 1
	StatusError StatusCode = 2
)
