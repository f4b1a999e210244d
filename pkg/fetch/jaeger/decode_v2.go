package jaeger

import (
	"encoding/binary"
	"strings"
	"time"

	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// takeV2 adds the spans of one message of api_v2 to an answer.
func (a *answer) takeV2(chunk *api_v2.SpansResponseChunk) {
	for i := range chunk.Spans {
		a.link(a.takeSpanV2(&chunk.Spans[i]))
	}
}

// takeSpanV2 translates one span; it belongs to no trace until link.
func (a *answer) takeSpanV2(in *model.Span) *span {
	s := a.add()
	s.trace = traceIDFromModel(in.TraceID)
	s.id, s.parent = spanIDFromModel(in.SpanID), parentV2(in)
	s.name = a.intern(in.OperationName)
	s.start = in.StartTime.UTC()
	s.duration = seconds(in.Duration)
	s.service, s.origin = a.process(in.Process)
	for j := range in.Tags {
		switch tag := &in.Tags[j]; tag.Key {
		case vllm.TagSpanKind:
			s.kind = spanKind(tag.VStr)
		case vllm.TagStatusDescription:
			s.status = tag.VStr
		case vllm.TagScopeName:
			s.fromVLLM = strings.HasPrefix(tag.VStr, vllm.ScopePrefix)
		case vllm.TagStatusCode:
			s.failed = s.failed || tag.VStr == "ERROR"
		default:
			s.attribute(a.keyOf(tag.Key), valueV2(tag))
		}
	}
	for j := range in.Logs {
		for k := range in.Logs[j].Fields {
			s.event(in.Logs[j].Fields[k].Key, valueV2(&in.Logs[j].Fields[k]))
		}
	}
	return s
}

// process gives service and origin of a process; api_v2 repeats it on every span.
func (a *answer) process(p *model.Process) (string, *evidence.Origin) {
	o := origin{names: a.origins.names}
	if p != nil {
		o.Service = p.ServiceName
		for i := range p.Tags {
			o.attribute(p.Tags[i].Key, valueV2(&p.Tags[i]))
		}
	}
	shared := a.origins.intern(o.Origin)
	if p == nil {
		return "", shared
	}
	return a.intern(p.ServiceName), shared
}

func valueV2(kv *model.KeyValue) value {
	switch kv.VType {
	case model.ValueType_STRING:
		return textValue(kv.VStr)
	case model.ValueType_BOOL:
		return truthValue(kv.VBool)
	case model.ValueType_INT64:
		return wholeValue(kv.VInt64)
	case model.ValueType_FLOAT64:
		return realValue(kv.VFloat64)
	}
	return value{}
}

func traceIDFromModel(id model.TraceID) (out traceID) {
	binary.BigEndian.PutUint64(out[:8], id.High)
	binary.BigEndian.PutUint64(out[8:], id.Low)
	return out
}

// parentV2 finds the parent among the references. A FOLLOWS_FROM within the trace, which model.Span.ParentSpanID takes too,
// is an OpenTelemetry link and no parent.
func parentV2(in *model.Span) spanID {
	for i := range in.References {
		if r := &in.References[i]; r.RefType == model.ChildOf && r.TraceID == in.TraceID {
			return spanIDFromModel(r.SpanID)
		}
	}
	return spanID{}
}

func spanIDFromModel(id model.SpanID) (out spanID) {
	binary.BigEndian.PutUint64(out[:], uint64(id))
	return out
}

// spanKind reads Jaeger's span.kind tag, whose spelling is that of evidence.SpanKind; what is none is not known.
func spanKind(tag string) evidence.SpanKind {
	switch kind := evidence.SpanKind(strings.ToLower(tag)); kind {
	case evidence.KindInternal, evidence.KindServer, evidence.KindClient, evidence.KindProducer, evidence.KindConsumer:
		return kind
	}
	return ""
}

// seconds gives a span's duration; a span that ends before it starts has none.
func seconds(d time.Duration) float64 {
	if d < 0 {
		return evidence.NaN
	}
	return float64(d) / float64(time.Second)
}
