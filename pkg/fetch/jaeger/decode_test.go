package jaeger

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// set names one attribute of a test span.
func set(key string, value any) evidence.Attribute { return evidence.Attribute{Key: key, Value: value} }

func TestARequestSpanIsReadInFull(t *testing.T) {
	traces := decodeBoth(t, engineSpan("4bf92f3577b34da6a3ce929d0e0e4736", "b7ad6b7169203331", "", "chatcmpl-req-42", noon.Add(123456768)))
	require.Len(t, traces, 1)
	require.Equal(t, []evidence.RequestSpan{{
		TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", SpanID: "b7ad6b7169203331", RequestID: "chatcmpl-req-42",
		Start: noon.Add(123456768), Duration: 1.6,
		Origin:       &evidence.Origin{Service: "vllm-llama", Environment: "prod", Pod: "llama-0", Model: "llama"},
		PromptTokens: 1024, CompletionTokens: 128, CachedTokens: evidence.Unknown, MaxTokens: 256,
		Temperature: 0.7, TopP: 0.9, TTFT: 0.0842, E2E: 1.6075, Queue: 0.0021, Prefill: 0.0779, Decode: 1.5229,
	}}, traces[0].Requests)
}

func TestAttributesOfARequestSpan(t *testing.T) {
	nan := math.NaN()
	request := func(r *evidence.RequestSpan) any { return r.RequestID }
	ttft := func(r *evidence.RequestSpan) any { return r.TTFT }
	prompt := func(r *evidence.RequestSpan) any { return r.PromptTokens }
	temperature := func(r *evidence.RequestSpan) any { return r.Temperature }
	prefill := func(r *evidence.RequestSpan) any { return r.Prefill }
	for name, c := range map[string]struct {
		change []evidence.Attribute
		field  func(*evidence.RequestSpan) any
		want   any
		note   string // part of the note
	}{
		"a double is a time":                        {[]evidence.Attribute{set(vllm.SpanTTFT, 0.5)}, ttft, 0.5, ""},
		"an int is a time":                          {[]evidence.Attribute{set(vllm.SpanTTFT, int64(1))}, ttft, 1.0, ""},
		"a string is a time":                        {[]evidence.Attribute{set(vllm.SpanTTFT, " 0.25 ")}, ttft, 0.25, ""},
		"a bool is no time":                         {[]evidence.Attribute{set(vllm.SpanTTFT, true)}, ttft, nan, ""},
		"a word is no time":                         {[]evidence.Attribute{set(vllm.SpanTTFT, "soon")}, ttft, nan, ""},
		"a negative time is unknown":                {[]evidence.Attribute{set(vllm.SpanTTFT, -0.5)}, ttft, nan, ""},
		"an infinite time is unknown":               {[]evidence.Attribute{set(vllm.SpanTTFT, math.Inf(1))}, ttft, nan, ""},
		"infinity in words is unknown":              {[]evidence.Attribute{set(vllm.SpanTTFT, "Inf")}, ttft, nan, ""},
		"NaN is unknown":                            {[]evidence.Attribute{set(vllm.SpanTTFT, nan)}, ttft, nan, ""},
		"an absent time is unknown":                 {[]evidence.Attribute{set(vllm.SpanTTFT, nil)}, ttft, nan, ""},
		"an int is a count":                         {[]evidence.Attribute{set(vllm.SpanPromptTokens, int64(7))}, prompt, int64(7), ""},
		"a double without fraction is a count":      {[]evidence.Attribute{set(vllm.SpanPromptTokens, 7.0)}, prompt, int64(7), ""},
		"a double with fraction is no count":        {[]evidence.Attribute{set(vllm.SpanPromptTokens, 7.5)}, prompt, evidence.Unknown, ""},
		"a string is a count":                       {[]evidence.Attribute{set(vllm.SpanPromptTokens, "7")}, prompt, int64(7), ""},
		"a negative count is unknown":               {[]evidence.Attribute{set(vllm.SpanPromptTokens, int64(-7))}, prompt, evidence.Unknown, ""},
		"an absurd count is unknown":                {[]evidence.Attribute{set(vllm.SpanPromptTokens, 1e300)}, prompt, evidence.Unknown, ""},
		"an omitted temperature is greedy sampling": {[]evidence.Attribute{set(vllm.SpanTemperature, nil)}, temperature, 0.0, ""},
		"an embedding has no temperature":           {[]evidence.Attribute{set(vllm.SpanTemperature, nil), set(vllm.SpanTopP, nil), set(vllm.SpanMaxTokens, nil), set(vllm.SpanN, nil)}, temperature, nan, ""},
		"a numeric request id is text":              {[]evidence.Attribute{set(vllm.SpanRequestID, int64(42))}, request, "42", ""},
		"an id with spaces stays whole":             {[]evidence.Attribute{set(vllm.SpanRequestID, "drop table x")}, request, "drop table x", ""},
		"an id with control characters is dropped":  {[]evidence.Attribute{set(vllm.SpanRequestID, "a\x00b")}, request, "", "no other store is asked"},
		"an id of 300 characters stays whole":       {[]evidence.Attribute{set(vllm.SpanRequestID, strings.Repeat("x", 300))}, request, strings.Repeat("x", 300), ""},
		"an id as long as a prompt is cut, visibly": {[]evidence.Attribute{set(vllm.SpanRequestID, strings.Repeat("x", 3000))}, request, strings.Repeat("x", 60) + "…", "no other store is asked"},
		"a prefill of the host's uptime is unknown": {[]evidence.Attribute{set(vllm.SpanPrefill, 86400.0)}, prefill, nan, "prefill"},
		"a first token that never came has no time": {
			[]evidence.Attribute{set(vllm.SpanPrefill, 86400.0), set(vllm.SpanCompletionTokens, int64(0))}, ttft, nan, "before its first token",
		},
		"a prefill a little over the span is believed": {[]evidence.Attribute{set(vllm.SpanPrefill, 1.7)}, prefill, 1.7, ""},
		"cached tokens are read when a fork writes them": {
			[]evidence.Attribute{set(vllm.SpanCacheReadTokens, int64(512))}, func(r *evidence.RequestSpan) any { return r.CachedTokens }, int64(512), "",
		},
		"V0 names a model": {
			[]evidence.Attribute{set(vllm.SpanResponseModel, "/models/llama")}, func(r *evidence.RequestSpan) any { return r.Model }, "/models/llama", "",
		},
		"the error tag alone marks a failure": {
			[]evidence.Attribute{set("error", "true")}, func(r *evidence.RequestSpan) any { return r.Error }, "error", "",
		},
		"an error tag of false marks none": {
			[]evidence.Attribute{set("error", false)}, func(r *evidence.RequestSpan) any { return r.Error }, "", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			traces := decodeBoth(t, engineSpan("1", "2", "", "chatcmpl-a", noon).with(c.change...))
			require.Len(t, traces, 1)
			require.Len(t, traces[0].Requests, 1)
			got := c.field(&traces[0].Requests[0])
			if want, ok := c.want.(float64); ok && math.IsNaN(want) {
				require.True(t, math.IsNaN(got.(float64)), "got %v", got)
			} else {
				require.Equal(t, c.want, got)
			}
			if c.note == "" {
				require.Empty(t, traces[0].Requests[0].Note)
			} else {
				require.Contains(t, traces[0].Requests[0].Note, c.note)
			}
		})
	}
}

func TestSpansThatAreBarelyThere(t *testing.T) {
	bare := testSpan{trace: "1", id: "2", service: "vllm", name: "llm_request", kind: evidence.KindServer, start: noon}
	t.Run("a span without attributes is a row of unknowns", func(t *testing.T) {
		r := decodeBoth(t, bare)[0].Requests[0]
		require.Empty(t, r.RequestID)
		require.Equal(t, evidence.Unknown, r.PromptTokens)
		for _, f := range []float64{r.TTFT, r.E2E, r.Queue, r.Prefill, r.Decode, r.Temperature, r.TopP} {
			require.True(t, math.IsNaN(f))
		}
		require.Equal(t, 0.0, r.Duration)
	})
	t.Run("a span that ends before it starts has no duration", func(t *testing.T) {
		s := bare
		s.duration = -time.Second
		require.True(t, math.IsNaN(decodeBoth(t, s)[0].Requests[0].Duration))
	})
	t.Run("a span whose kind was lost is still a request", func(t *testing.T) {
		s := bare
		s.kind = ""
		require.Len(t, decodeBoth(t, s)[0].Requests, 1)
	})
	t.Run("an internal span of that name is none", func(t *testing.T) {
		s := bare
		s.kind = evidence.KindInternal
		require.Empty(t, decodeBoth(t, s)[0].Requests)
	})
	t.Run("start-up spans of the same service are none", func(t *testing.T) {
		s := bare
		s.name, s.kind = "Load model", evidence.KindInternal
		trace := decodeBoth(t, s)[0]
		require.Empty(t, trace.Requests)
		require.Empty(t, trace.Callers)
	})
	t.Run("a failed span tells its message", func(t *testing.T) {
		s := bare
		s.failed, s.message = true, "scheduler died"
		require.Equal(t, "scheduler died", decodeBoth(t, s)[0].Requests[0].Error)
	})
	t.Run("a trace in which a span was stored twice has it once", func(t *testing.T) {
		require.Len(t, decodeBoth(t, bare, bare)[0].Requests, 1)
	})
	t.Run("the environment's old name is understood", func(t *testing.T) {
		s := bare
		s.resource = []evidence.Attribute{set("deployment.environment", "staging")}
		require.Equal(t, "staging", decodeBoth(t, s)[0].Requests[0].Origin.Environment)
	})
}

func TestOneProcessHasOneOrigin(t *testing.T) {
	a := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
	require.NoError(t, a.takeV2(chunkBytes(engineSpan("1", "2", "", "x", noon), engineSpan("3", "4", "", "y", noon))))
	require.NoError(t, a.takeV3(otlpOf(engineSpan("5", "6", "", "z", noon))))
	traces := assembleAll(a, everything)
	require.Len(t, traces, 3)
	require.Same(t, traces[0].Requests[0].Origin, traces[1].Requests[0].Origin)
	require.Same(t, traces[0].Requests[0].Origin, traces[2].Requests[0].Origin)
}

func TestGarbageIsAnErrorAndNoPanic(t *testing.T) {
	for name, message := range map[string][]byte{
		"not protobuf at all":             []byte("<html>login</html>"),
		"a length beyond the end":         {0x0a, 0x7f, 0x01},
		"a group":                         {0x0b},
		"a trace id of the wrong length":  {0x0a, 0x07, 0x12, 0x05, 0x12, 0x03, 0x0a, 0x01, 0xff},
		"a field number that cannot be":   {0x00, 0x01},
		"a varint that never ends":        {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a start after the year 2262":     {0x0a, 0x0f, 0x12, 0x0d, 0x12, 0x0b, 0x39, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x30, 0x02},
		"a string field that is a number": {0x08, 0x01, 0x0a},
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, newAnswer(t.Context(), &origins{}).takeV3(message))
		})
	}
}

func TestListsWithinListsDoNotRecurse(t *testing.T) {
	var message []byte
	for range 2_000 {
		message = appendMessage(nil, anyArray, appendMessage(nil, arrayValues, message))
	}
	v, err := anyValueV3(message, true)
	require.NoError(t, err)
	require.Equal(t, value{}, v)
}
