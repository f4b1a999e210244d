package jaeger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ErrTraceID is what GetTrace says of a trace id that is none: nothing is asked then.
var ErrTraceID = errors.New("a trace id is 1 to 32 hexadecimal digits, not all zero")

// maxTraceSpans is what a browser still draws as one waterfall, with patience.
const maxTraceSpans = 20_000

// maxWarning is, in bytes, as much of a remark of Jaeger's on a span as is shown.
const maxWarning = 300

// GetTrace gives all spans of one trace, parents before children and siblings by start. An unknown trace is an empty
// answer, not an error. It always speaks api_v2, which keeps Jaeger's own warnings.
func (c *Client) GetTrace(ctx context.Context, traceID string) ([]evidence.Span, evidence.StoreReport) {
	report := evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
	id, err := parseTraceID(traceID)
	if err != nil {
		report.Err = backend.DownstreamError(err)
		return nil, report
	}
	var spans []evidence.Span
	var a *answer
	err = c.sized(func(size messageSize) error {
		if a != nil {
			a.settle(0)
		}
		a, spans = newAnswer(ctx, &origins{names: c.store.Labels}), nil
		call, err := c.call(ctx, stageGetTrace, "trace "+id.String(), func(ctx context.Context) (int, error) {
			a.ctx = ctx
			err := c.receive(ctx, getTraceV2, &api_v2.GetTraceRequest{TraceID: id, RawTraces: true}, size, c.taker(a, func(message []byte) error {
				return a.spansV2(message, func(in *model.Span) error {
					if len(spans) == maxTraceSpans {
						return errEnough
					}
					if err := a.charge(wholeSize(in)); err != nil { // kept: the spans are shown
						return err
					}
					whole, err := c.wholeSpan(ctx, a, in)
					if err == nil {
						spans = append(spans, whole)
					}
					return err
				})
			}))
			if errors.Is(err, errEnough) {
				report.Truncated, err = true, nil
			}
			return len(spans), err
		})
		if errors.Is(err, upstream.ErrNotFound) {
			err, call.Err = nil, ""
		}
		report.Calls = append(report.Calls, call)
		return err
	})
	report.Seen, report.Err = len(spans), err
	if report.Truncated {
		report.Reason = fmt.Sprintf("Jaeger: the trace has more than %d spans; the rest was not read.", maxTraceSpans)
	}
	return parentsFirst(spans), report
}

// parseTraceID reads what users paste: any case, leading zeros left out, as Jaeger's own JSON does.
func parseTraceID(s string) (model.TraceID, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 32 {
		return model.TraceID{}, ErrTraceID
	}
	var id model.TraceID
	b, err := hex.DecodeString(strings.Repeat("0", 32-len(s)) + s)
	if err != nil {
		return model.TraceID{}, ErrTraceID
	}
	if err := id.Unmarshal(b); err != nil || id == (model.TraceID{}) {
		return model.TraceID{}, ErrTraceID
	}
	return id, nil
}

// wholeSpan translates a span with everything that Jaeger says of it.
func (c *Client) wholeSpan(ctx context.Context, a *answer, in *model.Span) (evidence.Span, error) {
	s, err := a.takeSpanV2(in)
	if err != nil {
		return evidence.Span{}, err
	}
	out := evidence.Span{
		TraceID: hex.EncodeToString(s.trace[:]), SpanID: hex.EncodeToString(s.id[:]), ParentSpanID: s.parentHex(),
		Operation: in.OperationName, Service: s.service, Start: s.start, Duration: max(in.Duration, 0), Kind: s.kind,
		Attributes: make([]evidence.Attribute, 0, len(in.Tags)),
	}
	for _, text := range in.Warnings {
		out.Warnings = append(out.Warnings, upstream.Words(ctx, c.store, text, maxWarning))
	}
	if in.Process != nil {
		out.Resource = attributes(in.Process.Tags)
	}
	if s.failed {
		out.Status, out.StatusMessage = evidence.StatusError, s.status
	}
	for i := range in.Tags {
		switch tag := &in.Tags[i]; tag.Key { // OpenTelemetry's own fields, which Jaeger stores as tags
		case vllm.TagSpanKind, vllm.TagStatusDescription:
		case vllm.TagStatusCode:
			if tag.VStr == "OK" && !s.failed {
				out.Status = evidence.StatusOK
			}
		case vllm.TagScopeName:
			out.ScopeName = tag.VStr
		case vllm.TagScopeVersion:
			out.ScopeVersion = tag.VStr
		case vllm.TagTraceState:
			out.TraceState = tag.VStr
		default:
			out.Attributes = append(out.Attributes, attribute(tag))
		}
	}
	for i := range in.Logs {
		event := evidence.SpanEvent{Time: in.Logs[i].Timestamp.UTC()}
		for _, a := range attributes(in.Logs[i].Fields) {
			if name, ok := a.Value.(string); ok && a.Key == vllm.TagEventName && event.Name == "" {
				event.Name = name
				continue
			}
			event.Attributes = append(event.Attributes, a)
		}
		out.Events = append(out.Events, event)
	}
	for _, r := range in.References {
		link, trace := spanIDFromModel(r.SpanID), traceIDFromModel(r.TraceID)
		if trace == s.trace && link == s.parent {
			continue
		}
		out.Links = append(out.Links, evidence.SpanLink{TraceID: hex.EncodeToString(trace[:]), SpanID: hex.EncodeToString(link[:])})
	}
	if s.isEngine(c.span) {
		r := s.requestSpan(out.TraceID)
		out.Request = &r
	}
	return out, nil
}

// errEnough ends a call whose further spans are not shown.
var errEnough = errors.New("enough")

// wholeSize is how many bytes a whole span takes beside its texts.
func wholeSize(in *model.Span) (bytes int64) {
	const span, attribute, event, link = 768, 64, 128, 96
	bytes = span + int64(len(in.Tags))*attribute + int64(len(in.References))*link + int64(len(in.Warnings))*maxWarning
	if in.Process != nil {
		bytes += int64(len(in.Process.Tags)) * attribute
	}
	for i := range in.Logs {
		bytes += event + int64(len(in.Logs[i].Fields))*attribute
	}
	return bytes
}

func attributes(tags []model.KeyValue) []evidence.Attribute {
	out := make([]evidence.Attribute, 0, len(tags))
	for i := range tags {
		out = append(out, attribute(&tags[i]))
	}
	return out
}

func attribute(kv *model.KeyValue) evidence.Attribute {
	a := evidence.Attribute{Key: kv.Key}
	switch kv.VType {
	case model.ValueType_BOOL:
		a.Value = kv.VBool
	case model.ValueType_INT64:
		a.Value = kv.VInt64
	case model.ValueType_FLOAT64:
		a.Value = kv.VFloat64
	case model.ValueType_BINARY:
		a.Value = fmt.Sprintf("%d bytes", len(kv.VBinary))
	default:
		a.Value = kv.VStr
	}
	return a
}

// parentsFirst orders spans as a waterfall shows them. What hangs on a parent that is not there, or on itself, is a root.
func parentsFirst(spans []evidence.Span) []evidence.Span {
	slices.SortStableFunc(spans, func(a, b evidence.Span) int { return a.Start.Compare(b.Start) })
	children := map[string][]int{}
	known := make(map[string]bool, len(spans))
	for i := range spans {
		known[spans[i].SpanID] = true
	}
	var roots []int
	for i := range spans {
		if p := spans[i].ParentSpanID; p != "" && p != spans[i].SpanID && known[p] {
			children[p] = append(children[p], i)
		} else {
			roots = append(roots, i)
		}
	}
	out := make([]evidence.Span, 0, len(spans))
	taken := make([]bool, len(spans))
	walk := func(from []int) {
		stack := slices.Clone(from)
		slices.Reverse(stack)
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if taken[i] {
				continue
			}
			taken[i] = true
			out = append(out, spans[i])
			for _, child := range slices.Backward(children[spans[i].SpanID]) {
				stack = append(stack, child)
			}
			delete(children, spans[i].SpanID) // spans of one id have their children once
		}
	}
	walk(roots)
	for i := range spans { // circles of parents have no root: take them as they come
		walk([]int{i})
	}
	return out
}
