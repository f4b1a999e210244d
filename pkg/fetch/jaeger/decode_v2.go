package jaeger

import (
	"encoding/binary"
	"reflect"
	"strings"
	"time"

	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// chunkSpans is the number of the spans in SpansResponseChunk, the message of api_v2.
const chunkSpans = 1

// takeV2 adds the spans of one message of api_v2 to an answer.
func (a *answer) takeV2(message []byte) error {
	return a.spansV2(message, func(in *model.Span) error {
		s, err := a.takeSpanV2(in)
		if err == nil {
			a.link(s)
		}
		return err
	})
}

// spansV2 decodes the spans of a message one by one: a span of many tags takes a hundred times its message. visit keeps nothing of a
// span but its texts.
func (a *answer) spansV2(message []byte, visit func(*model.Span) error) error {
	var in model.Span
	return fields(message, func(f field) error {
		if f.number != chunkSpans {
			return nil
		}
		if err := a.decoding(decodedV2(f.bytes)); err != nil {
			return err
		}
		in = model.Span{Tags: in.Tags[:0], Logs: in.Logs[:0], References: in.References[:0]} // their space is used again
		if err := in.Unmarshal(f.bytes); err != nil {
			return errWire
		}
		return visit(&in)
	})
}

// Numbers of the parts of a span of which there may be many, in model.proto.
const (
	spanV2References = 4
	spanV2Tags       = 8
	spanV2Logs       = 9
	spanV2Process    = 10
	spanV2Warnings   = 12

	logV2Fields    = 2
	processV2Tags  = 2
	sliceGrowth    = 3 // a slice that grows lies in memory up to so often
	smallestString = 24
)

var (
	keyValueCost  = sliceGrowth * int64(reflect.TypeFor[model.KeyValue]().Size())
	logCost       = sliceGrowth * int64(reflect.TypeFor[model.Log]().Size())
	referenceCost = sliceGrowth * int64(reflect.TypeFor[model.SpanRef]().Size())
	warningCost   = sliceGrowth * int64(smallestString)
)

// decodedV2 is how many bytes a span is decoded to. What is no span is decoded to nothing.
func decodedV2(span []byte) (bytes int64) {
	bytes = int64(len(span))
	_ = fields(span, func(f field) error {
		switch f.number {
		case spanV2References:
			bytes += referenceCost
		case spanV2Tags:
			bytes += keyValueCost
		case spanV2Logs:
			bytes += logCost + many(f.bytes, logV2Fields)*keyValueCost
		case spanV2Process:
			bytes += many(f.bytes, processV2Tags) * keyValueCost
		case spanV2Warnings:
			bytes += warningCost
		}
		return nil
	})
	return bytes
}

// many is how often a field stands in a message.
func many(message []byte, number protowire.Number) (n int64) {
	_ = fields(message, func(f field) error {
		if f.number == number {
			n++
		}
		return nil
	})
	return n
}

// takeSpanV2 translates one span; it belongs to no trace until link.
func (a *answer) takeSpanV2(in *model.Span) (*span, error) {
	s, err := a.add()
	if err != nil {
		return nil, err
	}
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
	return s, nil
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
