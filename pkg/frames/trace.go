package frames

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Trace shows one trace as Grafana's trace view wants it: fields by exact name, times in milliseconds with fraction. Below
// each engine span stand rows for the phases of its request, made from its attributes and tagged as derived, because vLLM
// writes no spans for them. Spans come parents first. No spans give a frame without rows.
func Trace(spans []evidence.Span) *data.Frame {
	t := newTraceRows()
	taken := make(map[string]bool, len(spans))
	for i := range spans {
		taken[spans[i].SpanID] = true
	}
	for i := range spans {
		t.add(&spans[i])
		for _, p := range phases(spans[i].Request) {
			if !p.placed() {
				continue
			}
			child := p.span(&spans[i], taken)
			t.add(&child)
		}
	}
	return t.frame()
}

// span makes a row of a phase. Its id is a hash, so the same trace gives the same ids each time, and no other span's.
func (p phase) span(engine *evidence.Span, taken map[string]bool) evidence.Span {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%s/%s", engine.TraceID, engine.SpanID, p.name) // a hash never fails
	sum := h.Sum64()
	id := fmt.Sprintf("%016x", sum)
	for ; taken[id] || sum == 0; id = fmt.Sprintf("%016x", sum) {
		sum++
	}
	taken[id] = true
	return evidence.Span{
		TraceID: engine.TraceID, SpanID: id, ParentSpanID: engine.SpanID,
		Operation: p.name, Service: engine.Service, Resource: engine.Resource, Kind: evidence.KindInternal,
		Start: engine.Start.Add(seconds(p.from)), Duration: seconds(p.length),
		Attributes: []evidence.Attribute{
			{Key: "derived", Value: true}, {Key: "vllm.phase", Value: p.name}, {Key: "derived.from", Value: p.explain},
		},
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// traceRows are the columns of the frame under construction.
type traceRows struct {
	traceID, spanID, operation, service, kind            []string
	statusMessage, scopeName, scopeVersion, state        []string
	parent                                               []*string
	start, duration                                      []float64
	status                                               []int64
	serviceTags, logs, references, tags, warnings, stack []json.RawMessage
}

func newTraceRows() *traceRows { return &traceRows{} }

func (t *traceRows) add(s *evidence.Span) {
	var parent *string
	if s.ParentSpanID != "" {
		parent = &s.ParentSpanID
	}
	t.traceID = append(t.traceID, s.TraceID)
	t.spanID = append(t.spanID, s.SpanID)
	t.parent = append(t.parent, parent)
	t.operation = append(t.operation, s.Operation)
	t.service = append(t.service, s.Service)
	t.kind = append(t.kind, string(s.Kind))
	t.start = append(t.start, milliseconds(s.Start))
	t.duration = append(t.duration, float64(s.Duration)/float64(time.Millisecond))
	t.status = append(t.status, int64(s.Status))
	t.statusMessage = append(t.statusMessage, s.StatusMessage)
	t.scopeName = append(t.scopeName, s.ScopeName)
	t.scopeVersion = append(t.scopeVersion, s.ScopeVersion)
	t.state = append(t.state, s.TraceState)
	t.serviceTags = append(t.serviceTags, encode(keyValues(s.Resource)))
	t.tags = append(t.tags, encode(spanTags(s)))
	t.logs = append(t.logs, encode(traceLogs(s.Events)))
	t.references = append(t.references, encode(traceReferences(s.Links)))
	t.warnings = append(t.warnings, encode(append([]string{}, spanWarnings(s)...)))
	t.stack = append(t.stack, encode(stackTraces(s.Events)))
}

// frame fixes the order of the fields.
func (t *traceRows) frame() *data.Frame {
	frame := data.NewFrame("trace",
		data.NewField("traceID", nil, t.traceID),
		data.NewField("spanID", nil, t.spanID),
		data.NewField("parentSpanID", nil, t.parent),
		data.NewField("operationName", nil, t.operation),
		data.NewField("serviceName", nil, t.service),
		data.NewField("kind", nil, t.kind),
		data.NewField("startTime", nil, t.start),
		data.NewField("duration", nil, t.duration),
		data.NewField("statusCode", nil, t.status),
		data.NewField("statusMessage", nil, t.statusMessage),
		data.NewField("serviceTags", nil, t.serviceTags),
		data.NewField("tags", nil, t.tags),
		data.NewField("logs", nil, t.logs),
		data.NewField("references", nil, t.references),
		data.NewField("warnings", nil, t.warnings),
		data.NewField("stackTraces", nil, t.stack),
		data.NewField("instrumentationLibraryName", nil, t.scopeName),
		data.NewField("instrumentationLibraryVersion", nil, t.scopeVersion),
		data.NewField("traceState", nil, t.state),
	)
	frame.Meta = &data.FrameMeta{
		PreferredVisualization: data.VisTypeTrace,
		Custom:                 map[string]any{"traceFormat": "jaeger"}, // which tags the view reads its icons from
	}
	return frame
}

type (
	keyValue struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	}
	traceLog struct {
		Timestamp float64    `json:"timestamp"` // ms
		Name      string     `json:"name,omitempty"`
		Fields    []keyValue `json:"fields"`
	}
	traceReference struct {
		TraceID string     `json:"traceID"`
		SpanID  string     `json:"spanID"`
		Tags    []keyValue `json:"tags,omitempty"`
	}
)

// spanTags are the attributes, and the tag by which the view draws a span as failed.
func spanTags(s *evidence.Span) []keyValue {
	tags := keyValues(s.Attributes)
	if s.Status != evidence.StatusError {
		return tags
	}
	for i := range tags {
		if tags[i].Key == "error" {
			tags[i].Value = true
			return tags
		}
	}
	return append(tags, keyValue{"error", true})
}

// spanWarnings are Jaeger's, and our own on values that we did not believe.
func spanWarnings(s *evidence.Span) []string {
	if s.Request == nil || s.Request.Note == "" {
		return s.Warnings
	}
	return append(append([]string{}, s.Warnings...), s.Request.Note)
}

func keyValues(attributes []evidence.Attribute) []keyValue {
	out := make([]keyValue, 0, len(attributes))
	for _, a := range attributes {
		out = append(out, keyValue{a.Key, shown(a.Value)})
	}
	return out
}

// shown gives a value that JSON carries and a browser keeps: NaN and infinities do not exist there, and whole numbers
// beyond 2^53 lose their last digits.
func shown(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case int64:
		if v > 1<<53 || v < -(1<<53) {
			return fmt.Sprint(v)
		}
	}
	return v
}

func traceLogs(events []evidence.SpanEvent) []traceLog {
	out := make([]traceLog, 0, len(events))
	for _, e := range events {
		out = append(out, traceLog{Timestamp: milliseconds(e.Time), Name: e.Name, Fields: keyValues(e.Attributes)})
	}
	return out
}

func traceReferences(links []evidence.SpanLink) []traceReference {
	out := make([]traceReference, 0, len(links))
	for _, l := range links {
		out = append(out, traceReference{TraceID: l.TraceID, SpanID: l.SpanID, Tags: keyValues(l.Attributes)})
	}
	return out
}

func stackTraces(events []evidence.SpanEvent) []string {
	out := []string{}
	for _, e := range events {
		for _, a := range e.Attributes {
			if text, ok := a.Value.(string); ok && a.Key == "exception.stacktrace" {
				out = append(out, text)
			}
		}
	}
	return out
}

// milliseconds since 1970; a float64 keeps a quarter of a microsecond of today's times.
func milliseconds(t time.Time) float64 {
	return float64(t.UnixMilli()) + float64(t.Nanosecond()%int(time.Millisecond))/float64(time.Millisecond)
}

// encode makes the JSON of a cell. All that is passed in consists of strings, booleans, finite numbers and slices of
// them, which never fail to encode; a cell must not be empty, so should one fail, it shows nothing.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("[]")
	}
	return b
}
