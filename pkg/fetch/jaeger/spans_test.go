package jaeger

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// noon is when test spans begin.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// testSpan is a span as tests write it; model and otlp give what Jaeger makes of it in its two protocols.
type testSpan struct {
	trace, id, parent string // hex, short forms are padded on the left
	service, name     string
	kind              evidence.SpanKind
	start             time.Time
	duration          time.Duration
	attributes        []evidence.Attribute
	resource          []evidence.Attribute
	events            []evidence.SpanEvent
	failed            bool
	message           string
	scope             string // instrumentation; empty = vLLM's
}

func (s testSpan) scopeName() string {
	switch {
	case s.scope != "":
		return s.scope
	case strings.HasPrefix(s.service, "vllm-llama"):
		return "vllm.tracing.otel"
	}
	return "some.instrumentation"
}

// engineSpan is a sound request span, as vLLM 0.32 writes it.
func engineSpan(trace, id, parent, request string, start time.Time) testSpan {
	return testSpan{
		trace: trace, id: id, parent: parent, service: "vllm-llama", name: "llm_request", kind: evidence.KindServer,
		start: start, duration: 1600 * time.Millisecond,
		resource: []evidence.Attribute{
			{Key: "telemetry.sdk.language", Value: "python"}, {Key: "k8s.pod.name", Value: "llama-0"},
			{Key: "deployment.environment.name", Value: "prod"}, {Key: "gen_ai.request.model", Value: "llama"},
			{Key: "vllm.process_id", Value: "1"},
		},
		attributes: []evidence.Attribute{
			{Key: vllm.SpanTTFT, Value: 0.0842}, {Key: vllm.SpanE2E, Value: 1.6075}, {Key: vllm.SpanQueue, Value: 0.0021},
			{Key: vllm.SpanPromptTokens, Value: int64(1024)}, {Key: vllm.SpanCompletionTokens, Value: int64(128)},
			{Key: vllm.SpanPrefill, Value: 0.0779}, {Key: vllm.SpanDecode, Value: 1.5229}, {Key: vllm.SpanInference, Value: 1.6008},
			{Key: vllm.SpanRequestID, Value: request}, {Key: vllm.SpanTopP, Value: 0.9}, {Key: vllm.SpanMaxTokens, Value: int64(256)},
			{Key: vllm.SpanTemperature, Value: 0.7}, {Key: vllm.SpanN, Value: int64(1)},
		},
	}
}

// with gives the span with attributes in place of those of the same key, or added; a nil value removes.
func (s testSpan) with(changes ...evidence.Attribute) testSpan {
	var out []evidence.Attribute
	for _, a := range s.attributes {
		keep := true
		for _, c := range changes {
			keep = keep && c.Key != a.Key
		}
		if keep {
			out = append(out, a)
		}
	}
	for _, c := range changes {
		if c.Value != nil {
			out = append(out, c)
		}
	}
	s.attributes = out
	return s
}

func pad(id string, digits int) []byte {
	b, err := hex.DecodeString(strings.Repeat("0", digits-len(id)) + id)
	if err != nil {
		panic(err)
	}
	return b
}

// model is what Jaeger's own translation from OTLP makes of the span, and api_v2 carries.
func (s testSpan) model() model.Span {
	var out model.Span
	must(out.TraceID.Unmarshal(pad(s.trace, 32)))
	must(out.SpanID.Unmarshal(pad(s.id, 16)))
	if s.parent != "" {
		ref := model.SpanRef{TraceID: out.TraceID, RefType: model.ChildOf}
		must(ref.SpanID.Unmarshal(pad(s.parent, 16)))
		out.References = []model.SpanRef{ref}
	}
	out.OperationName, out.StartTime, out.Duration = s.name, s.start, s.duration
	out.Tags = modelTags(s.attributes)
	if !slices.ContainsFunc(s.attributes, func(a evidence.Attribute) bool { return a.Key == vllm.TagScopeName }) {
		out.Tags = append(out.Tags, model.String(vllm.TagScopeName, s.scopeName()))
	}
	if s.kind != "" {
		out.Tags = append(out.Tags, model.String("span.kind", string(s.kind)))
	}
	if s.failed {
		out.Tags = append(out.Tags, model.Bool("error", true), model.String("otel.status_code", "ERROR"))
		if s.message != "" {
			out.Tags = append(out.Tags, model.String("otel.status_description", s.message))
		}
	}
	for _, e := range s.events {
		fields := append([]model.KeyValue{model.String("event", e.Name)}, modelTags(e.Attributes)...)
		out.Logs = append(out.Logs, model.Log{Timestamp: e.Time, Fields: fields})
	}
	out.Process = &model.Process{ServiceName: s.service, Tags: modelTags(s.resource)}
	return out
}

func modelTags(attributes []evidence.Attribute) (out []model.KeyValue) {
	for _, a := range attributes {
		switch v := a.Value.(type) {
		case string:
			out = append(out, model.String(a.Key, v))
		case bool:
			out = append(out, model.Bool(a.Key, v))
		case int64:
			out = append(out, model.Int64(a.Key, v))
		case float64:
			out = append(out, model.Float64(a.Key, v))
		case []string: // as pdata's AsString writes a list
			out = append(out, model.String(a.Key, fmt.Sprintf(`["%s"]`, strings.Join(v, `","`))))
		}
	}
	return out
}

// otlp is the span as api_v3 carries it.
func (s testSpan) otlp() *tracepb.ResourceSpans {
	end := s.start.Add(s.duration)
	span := &tracepb.Span{
		TraceId: pad(s.trace, 32), SpanId: pad(s.id, 16), Name: s.name,
		StartTimeUnixNano: uint64(s.start.UnixNano()), EndTimeUnixNano: uint64(end.UnixNano()),
		Attributes: otlpAttributes(s.attributes),
	}
	for i, kind := range kindsV3 {
		if kind != "" && kind == s.kind {
			span.Kind = tracepb.Span_SpanKind(i)
		}
	}
	if s.parent != "" {
		span.ParentSpanId = pad(s.parent, 16)
	}
	if s.failed {
		span.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: s.message}
	}
	for _, e := range s.events {
		span.Events = append(span.Events, &tracepb.Span_Event{
			TimeUnixNano: uint64(e.Time.UnixNano()), Name: e.Name, Attributes: otlpAttributes(e.Attributes),
		})
	}
	resource := append([]evidence.Attribute{{Key: "service.name", Value: s.service}}, s.resource...)
	return &tracepb.ResourceSpans{
		Resource:   &resourcepb.Resource{Attributes: otlpAttributes(resource)},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: s.scopeName()}, Spans: []*tracepb.Span{span}}},
	}
}

func otlpAttributes(attributes []evidence.Attribute) (out []*commonpb.KeyValue) {
	for _, a := range attributes {
		out = append(out, &commonpb.KeyValue{Key: a.Key, Value: otlpValue(a.Value)})
	}
	return out
}

func otlpValue(v any) *commonpb.AnyValue {
	switch v := v.(type) {
	case string:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}
	case bool:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
	case int64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
	case float64:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
	case []string:
		list := &commonpb.ArrayValue{}
		for _, s := range v {
			list.Values = append(list.Values, otlpValue(s))
		}
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}
	}
	panic(fmt.Sprintf("no attribute: %T", v))
}

func chunkOf(spans ...testSpan) *api_v2.SpansResponseChunk {
	chunk := &api_v2.SpansResponseChunk{}
	for _, s := range spans {
		chunk.Spans = append(chunk.Spans, s.model())
	}
	return chunk
}

func otlpOf(spans ...testSpan) []byte {
	var traces tracepb.TracesData
	for _, s := range spans {
		traces.ResourceSpans = append(traces.ResourceSpans, s.otlp())
	}
	b, err := proto.Marshal(&traces)
	must(err)
	return b
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// everything is a search that drops nothing.
var everything = wanted{engine: "llm_request", window: evidence.Window{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}}

// decodeBoth assembles the spans from both protocols and makes sure that they tell the same.
func decodeBoth(t testing.TB, spans ...testSpan) []Trace {
	t.Helper()
	v2 := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
	require.NoError(t, v2.takeV2(chunkBytes(spans...)))

	v3 := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
	require.NoError(t, v3.takeV3(otlpOf(spans...)))

	got := assembleAll(v2, everything)
	// NaN differs from itself, so the two are compared as text, which also follows no pointers.
	require.Equal(t, describe(got), describe(assembleAll(v3, everything)), "api_v2 and api_v3 must tell the same")
	return got
}

func assembleAll(a *answer, w wanted) []Trace {
	assembler := assembler{wanted: w}
	var out []Trace
	for _, t := range a.order {
		out = append(out, assembler.trace(t).Trace)
	}
	return out
}

func describe(traces []Trace) string {
	var b strings.Builder
	for _, t := range traces {
		fmt.Fprintf(&b, "trace %s\n", t.TraceID)
		for _, r := range t.Requests {
			caller, call, root, origin := r.Caller, r.Call, r.Root, r.Origin
			r.Caller, r.Call, r.Above, r.Root, r.Origin = nil, nil, nil, nil, nil
			fmt.Fprintf(&b, "  request %+v from %+v\n", r, *origin)
			for _, above := range []*evidence.CallerSpan{caller, call, root} {
				if above != nil {
					fmt.Fprintf(&b, "    below %s\n", above.SpanID)
				}
			}
		}
		for _, list := range [][]evidence.CallerSpan{t.Callers, t.Unanswered} {
			for _, c := range list {
				origin, outer := c.Origin, c.Outer
				c.Origin, c.Outer = nil, nil
				fmt.Fprintf(&b, "  caller %+v from %+v\n", c, *origin)
				if outer != nil {
					fmt.Fprintf(&b, "    within %s\n", outer.SpanID)
				}
			}
			b.WriteString("  --\n")
		}
	}
	return b.String()
}
