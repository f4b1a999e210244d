package jaeger

import (
	"bytes"
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Answers of api_v3 are OTLP's TracesData (opentelemetry/proto/trace/v1/trace.proto). They are read straight from the
// wire, field by field as the numbers below say: generated code takes nearly three times as long and eight times the
// allocations for the same answer (BenchmarkDecodeV3, BenchmarkDecodeV3Generated).
const (
	tracesResourceSpans = 1 // TracesData

	resourceSpansResource = 1 // ResourceSpans
	resourceSpansScope    = 2

	resourceAttributes = 1 // Resource

	scopeSpansScope = 1 // ScopeSpans
	scopeSpansSpans = 2

	scopeName = 1 // InstrumentationScope

	spanTraceID    = 1 // Span
	spanSpanID     = 2
	spanParentID   = 4
	spanName       = 5
	spanKindNumber = 6
	spanStart      = 7 // fixed64, ns since 1970
	spanEnd        = 8
	spanAttributes = 9
	spanEvents     = 11
	spanStatus     = 15

	eventAttributes = 3 // Span.Event

	statusMessage = 2 // Status
	statusCode    = 3

	keyValueKey   = 1 // KeyValue
	keyValueValue = 2

	anyString = 1 // AnyValue, one of
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5

	arrayValues = 1 // ArrayValue
)

// kindsV3 are the numbers of OTLP's SpanKind.
var kindsV3 = [...]evidence.SpanKind{
	1: evidence.KindInternal, 2: evidence.KindServer, 3: evidence.KindClient, 4: evidence.KindProducer, 5: evidence.KindConsumer,
}

var errWire = errors.New("it is not OTLP")

// field is one field on the wire: bytes for messages and strings, number for everything else.
type field struct {
	number protowire.Number
	bytes  []byte
	value  uint64
}

// fields calls visit for each field of a message. Groups, which OTLP never had, are an error.
func fields(b []byte, visit func(f field) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errWire
		}
		b = b[n:]
		f := field{number: number}
		switch kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			f.value, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			f.value, n = protowire.ConsumeFixed64(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.value = uint64(v)
		default:
			return errWire
		}
		if n < 0 {
			return errWire
		}
		b = b[n:]
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// takeV3 adds the spans of one message of api_v3 to an answer.
func (a *answer) takeV3(message []byte) error {
	return fields(message, func(f field) error {
		if f.number != tracesResourceSpans {
			return nil
		}
		return a.resourceSpans(f.bytes)
	})
}

func (a *answer) resourceSpans(message []byte) error {
	o := origin{names: a.origins.names}
	service := ""
	err := fields(message, func(f field) error { // the resource first, wherever it stands
		if f.number != resourceSpansResource {
			return nil
		}
		return fields(f.bytes, func(f field) error {
			if f.number != resourceAttributes {
				return nil
			}
			key, v, err := keyValueV3(f.bytes)
			if string(key) == vllm.ResourceServiceName {
				service = v.string()
			}
			o.attribute(a.internBytes(key), v)
			return err
		})
	})
	if err != nil {
		return err
	}
	if o.Service == "" {
		o.Service = service
	}
	service, shared := a.intern(service), a.origins.intern(o.Origin)
	return fields(message, func(f field) error {
		if f.number != resourceSpansScope {
			return nil
		}
		fromVLLM := scopeOfVLLM(f.bytes)
		return fields(f.bytes, func(f field) error {
			if f.number != scopeSpansSpans {
				return nil
			}
			s, err := a.add()
			if err != nil {
				return err
			}
			s.service, s.origin, s.fromVLLM = service, shared, fromVLLM
			if err := a.spanV3(s, f.bytes); err != nil {
				return err
			}
			a.link(s)
			return nil
		})
	})
}

// scopeOfVLLM reports whether spans come from vLLM's own instrumentation. A broken message is none; reading its spans says so.
func scopeOfVLLM(scopeSpans []byte) (is bool) {
	_ = fields(scopeSpans, func(f field) error {
		if f.number != scopeSpansScope {
			return nil
		}
		return fields(f.bytes, func(f field) error {
			if f.number == scopeName {
				is = bytes.HasPrefix(f.bytes, []byte(vllm.ScopePrefix))
			}
			return nil
		})
	})
	return is
}

func (a *answer) spanV3(s *span, message []byte) error {
	var start, end uint64
	err := fields(message, func(f field) error {
		switch f.number {
		case spanTraceID:
			return identifier(s.trace[:], f.bytes)
		case spanSpanID:
			return identifier(s.id[:], f.bytes)
		case spanParentID:
			return identifier(s.parent[:], f.bytes)
		case spanName:
			s.name = a.internBytes(f.bytes)
		case spanKindNumber:
			if f.value < uint64(len(kindsV3)) {
				s.kind = kindsV3[f.value]
			}
		case spanStart:
			start = f.value
		case spanEnd:
			end = f.value
		case spanAttributes:
			key, v, err := keyValueV3(f.bytes)
			s.attribute(a.key(key), v)
			return err
		case spanEvents:
			return fields(f.bytes, func(f field) error {
				if f.number != eventAttributes {
					return nil
				}
				key, v, err := keyValueV3(f.bytes)
				s.event(a.internBytes(key), v)
				return err
			})
		case spanStatus:
			return fields(f.bytes, func(f field) error {
				switch f.number {
				case statusMessage:
					s.status = string(f.bytes)
				case statusCode:
					s.failed = s.failed || f.value == uint64(evidence.StatusError)
				}
				return nil
			})
		}
		return nil
	})
	if start > math.MaxInt64 || end > math.MaxInt64 {
		return errWire // after the year 2262: not a time
	}
	s.start = time.Unix(0, int64(start)).UTC()
	s.duration = seconds(time.Duration(end) - time.Duration(start))
	return err
}

// identifier copies an id of the right length; an empty one stays zero. Jaeger itself never sends another length.
func identifier(into, id []byte) error {
	if len(id) != 0 && len(id) != len(into) {
		return errWire
	}
	copy(into, id)
	return nil
}

// keyValueV3 reads one attribute. The key still points into the message.
func keyValueV3(message []byte) (key []byte, v value, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case keyValueKey:
			key = f.bytes
		case keyValueValue:
			v, err = anyValueV3(f.bytes, true)
			return err
		}
		return nil
	})
	return key, v, err
}

// anyValueV3 reads a value; of a list its first element, since all lists that are asked for (finish reasons of one
// choice, a captured header) are read so. Lists within lists are nothing: a hostile answer must not recurse.
func anyValueV3(message []byte, lists bool) (v value, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case anyString:
			v = textValue(string(f.bytes))
		case anyBool:
			v = truthValue(f.value != 0)
		case anyInt:
			v = wholeValue(int64(f.value)) // #nosec G115 -- two's complement, as protobuf carries negative numbers
		case anyDouble:
			v = realValue(math.Float64frombits(f.value))
		case anyArray:
			found := !lists
			return fields(f.bytes, func(f field) error {
				if f.number != arrayValues || found {
					return nil
				}
				found = true
				v, err = anyValueV3(f.bytes, false)
				return err
			})
		}
		return nil
	})
	return v, err
}
