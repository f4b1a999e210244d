package ship

import (
	"context"
	"net/http"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// OTLP exports spans by OTLP over HTTP as protobuf.
type OTLP struct {
	URL    string // base, without /v1/traces
	Client *http.Client
}

// Send implements Sender.
func (o OTLP) Send(ctx context.Context, spans []*telemetry.Span) error {
	body, err := proto.Marshal(Export(spans))
	if err != nil {
		return Rejected{err.Error()}
	}
	return post(ctx, o.Client, o.URL+"/v1/traces", map[string]string{"Content-Type": "application/x-protobuf"}, body)
}

// Export groups spans by resource and scope, as an exporter does.
func Export(spans []*telemetry.Span) *collector.ExportTraceServiceRequest {
	type scopeKey struct {
		resource *telemetry.Resource
		scope    string
	}
	resources := map[*telemetry.Resource]*trace.ResourceSpans{}
	scopes := map[scopeKey]*trace.ScopeSpans{}
	request := &collector.ExportTraceServiceRequest{}
	for _, s := range spans {
		key := scopeKey{s.Resource, s.Scope}
		scope := scopes[key]
		if scope == nil {
			rs := resources[s.Resource]
			if rs == nil {
				rs = &trace.ResourceSpans{Resource: &resource.Resource{Attributes: keyValues(s.Resource.Attributes)}}
				resources[s.Resource] = rs
				request.ResourceSpans = append(request.ResourceSpans, rs)
			}
			scope = &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: s.Scope}}
			scopes[key] = scope
			rs.ScopeSpans = append(rs.ScopeSpans, scope)
		}
		scope.Spans = append(scope.Spans, span(s))
	}
	return request
}

// Bits of OTLP's span flags: whether the parent is known to be remote, and that it is.
const (
	parentRemoteKnown = 0x100
	parentRemote      = 0x200
)

func span(s *telemetry.Span) *trace.Span {
	out := &trace.Span{
		TraceId: s.TraceID[:], SpanId: s.SpanID[:], Name: s.Name, Kind: trace.Span_SpanKind(s.Kind),
		StartTimeUnixNano: nanos(s.Start), EndTimeUnixNano: nanos(s.End),
		Attributes: keyValues(s.Attributes), Status: &trace.Status{}, Flags: parentRemoteKnown,
	}
	if s.Parent != (telemetry.SpanID{}) {
		out.ParentSpanId = s.Parent[:]
		if s.Remote {
			out.Flags |= parentRemote
		}
	}
	if s.Error {
		out.Status.Code, out.Status.Message = trace.Status_STATUS_CODE_ERROR, s.Message
	}
	return out
}

func nanos(t time.Time) uint64 { return uint64(t.UnixNano()) }

func keyValues(attributes []telemetry.Attribute) []*common.KeyValue {
	out := make([]*common.KeyValue, len(attributes))
	for i, a := range attributes {
		out[i] = &common.KeyValue{Key: a.Key, Value: anyValue(a.Value)}
	}
	return out
}

func anyValue(v any) *common.AnyValue {
	switch v := v.(type) {
	case string:
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}
	case int64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}
	case float64:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v}}
	case bool:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v}}
	case []string:
		array := &common.ArrayValue{}
		for _, s := range v {
			array.Values = append(array.Values, anyValue(s))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: array}}
	}
	panic("unknown type of attribute value") // a bug in this module, not input
}

// SpanSize is roughly what a span weighs in a Buffer.
func SpanSize(s *telemetry.Span) int { return 120 + 48*len(s.Attributes) }
