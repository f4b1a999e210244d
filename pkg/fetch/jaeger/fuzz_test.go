package jaeger

import (
	"math"
	"testing"
	"time"

	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// seeds are answers that a server really gives, and traces that none should.
func seeds() [][]testSpan {
	hostile := engineSpan("a", "4", "4", "`\"; drop\x00", noon).with(
		set(vllm.SpanPrefill, math.Inf(1)), set(vllm.SpanTTFT, "NaN"), set(vllm.SpanPromptTokens, int64(-1)),
		set(vllm.CallerFinishReasons, []string{"stop", "length"}), set(vllm.SpanE2E, true))
	failed := forwardSpan
	failed.failed, failed.message = true, "reset"
	failed.events = []evidence.SpanEvent{{Time: noon, Name: "exception", Attributes: []evidence.Attribute{set("exception.message", "m")}}}
	return [][]testSpan{
		{engineSpan("4bf92f3577b34da6a3ce929d0e0e4736", "b7ad6b7169203331", "", "chatcmpl-req-42", noon)},
		{appSpan, routerSpan, forwardSpan, engineSpan("a", "4", "3", "chatcmpl-B", noon)},
		{hostile, failed, routerSpan.under("2", "3")},
		{{trace: "0", id: "0"}},
	}
}

// sound fails on what no evidence may hold, whatever came over the wire.
func sound(t *testing.T, a *answer) {
	t.Helper()
	w := everything
	w.window = evidence.Window{From: time.Time{}, To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, trace := range assembleAll(a, w) {
		if len(trace.TraceID) != 32 {
			t.Fatalf("trace id %q", trace.TraceID)
		}
		for _, r := range trace.Requests {
			for _, f := range []float64{r.Duration, r.TTFT, r.E2E, r.Queue, r.Prefill, r.Decode, r.Temperature, r.TopP} {
				if math.IsInf(f, 0) || f < 0 {
					t.Fatalf("a measure of %v", f)
				}
			}
			for _, n := range []int64{r.PromptTokens, r.CompletionTokens, r.CachedTokens, r.MaxTokens} {
				if n < evidence.Unknown {
					t.Fatalf("a count of %d", n)
				}
			}
			if r.Origin == nil || len(r.SpanID) != 16 || len(r.RequestID) > vllm.MaxComparableIDLength {
				t.Fatalf("%+v", r)
			}
			if r.RequestID != "" && !vllm.ComparableRequestID(r.RequestID) && r.Note == "" {
				t.Fatalf("the id %q passes without a note", r.RequestID)
			}
		}
		for _, c := range trace.Callers {
			if c.Duration < 0 || c.HTTPStatus < 0 || c.HTTPStatus > 599 || c.Origin == nil {
				t.Fatalf("%+v", c)
			}
		}
	}
}

// grouped reports whether a message may hold a group, or is no message. The generated code passes over the end of a group without
// looking whose it is, and over overlong numbers; the protocol does not allow that, and nobody writes groups.
func grouped(message []byte) bool {
	for len(message) > 0 {
		_, kind, n := protowire.ConsumeTag(message)
		if n < 0 || kind == protowire.StartGroupType || kind == protowire.EndGroupType {
			return true
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(1, kind, message); n < 0 {
			return true
		}
		if inner, _ := protowire.ConsumeBytes(message); kind == protowire.BytesType && groupWithin(inner) {
			return true
		}
		message = message[n:]
	}
	return false
}

// groupWithin reports whether bytes, which may be a message or a text, begin with fields of a message and then a group.
func groupWithin(message []byte) bool {
	for len(message) > 0 {
		_, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false
		}
		if kind == protowire.StartGroupType || kind == protowire.EndGroupType {
			return true
		}
		message = message[n:]
		if n = protowire.ConsumeFieldValue(1, kind, message); n < 0 {
			return false
		}
		if inner, _ := protowire.ConsumeBytes(message); kind == protowire.BytesType && groupWithin(inner) {
			return true
		}
		message = message[n:]
	}
	return false
}

func FuzzDecodeV2(f *testing.F) {
	for _, spans := range seeds() {
		b, err := chunkOf(spans...).Marshal()
		must(err)
		f.Add(b)
	}
	f.Add([]byte("C$")) // a group that another one's end ends
	f.Fuzz(func(t *testing.T, message []byte) {
		a := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
		err := a.takeV2(message)
		var chunk api_v2.SpansResponseChunk
		if err != nil && !grouped(message) && chunk.Unmarshal(message) == nil {
			t.Fatalf("generated code reads it: %v", err)
		}
		if err != nil {
			return
		}
		sound(t, a)
		c := &Client{span: vllm.RequestSpanName}
		var whole []evidence.Span
		if err := a.spansV2(message, func(in *model.Span) error {
			span, err := c.wholeSpan(t.Context(), a, in)
			whole = append(whole, span)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if n := len(parentsFirst(whole)); n != len(whole) {
			t.Fatalf("%d spans of %d", n, len(whole))
		}
	})
}

func FuzzDecodeV3(f *testing.F) {
	for _, spans := range seeds() {
		f.Add(otlpOf(spans...))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		a := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
		if a.takeV3(message) == nil {
			sound(t, a)
		}
	})
}
