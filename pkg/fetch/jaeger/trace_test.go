package jaeger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestGetTraceGivesAllThatJaegerKnows(t *testing.T) {
	failed := appSpan
	failed.failed, failed.message = true, "deadline"
	failed.attributes = append([]evidence.Attribute{set("otel.scope.name", "openai"), set("otel.scope.version", "2.1")}, set("answer", int64(42)), set("ratio", 0.5), set("stream", true))
	failed.events = []evidence.SpanEvent{{Time: noon.Add(time.Second), Name: "exception", Attributes: []evidence.Attribute{set("exception.message", "boom")}}}
	failed.resource = []evidence.Attribute{set("host.name", "h1")}
	f := &fakeJaeger{traces: [][]testSpan{{engineSpan("a", "4", "1", "chatcmpl-B", noon.Add(time.Millisecond)), failed}}}
	spans, report := f.client(t).GetTrace(t.Context(), "A")
	require.NoError(t, report.Err)
	require.Equal(t, 2, report.Seen)
	require.Len(t, spans, 2)
	require.Equal(t, evidence.Span{
		TraceID: "0000000000000000000000000000000a", SpanID: "0000000000000001", Operation: "chat llama", Service: "shop",
		Resource:   []evidence.Attribute{set("host.name", "h1")},
		Attributes: []evidence.Attribute{set("answer", int64(42)), set("ratio", 0.5), set("stream", true), set("error", true)},
		Start:      noon, Duration: 2 * time.Second, Kind: evidence.KindClient,
		Status: evidence.StatusError, StatusMessage: "deadline", ScopeName: "openai", ScopeVersion: "2.1",
		Events: []evidence.SpanEvent{{Time: noon.Add(time.Second), Name: "exception", Attributes: []evidence.Attribute{set("exception.message", "boom")}}},
	}, spans[0])
	require.NotNil(t, spans[1].Request)
	require.Equal(t, "chatcmpl-B", spans[1].Request.RequestID)
	require.Equal(t, "0000000000000001", spans[1].ParentSpanID)
}

func TestTraceIDs(t *testing.T) {
	f := &fakeJaeger{traces: [][]testSpan{{engineSpan("4bf92f3577b34da6a3ce929d0e0e4736", "1", "", "x", noon)}, {engineSpan("abc", "1", "", "x", noon)}}}
	c := f.client(t)
	for id, want := range map[string]struct {
		spans int
		err   error
	}{
		"4bf92f3577b34da6a3ce929d0e0e4736":   {1, nil},
		"4BF92F3577B34DA6A3CE929D0E0E4736":   {1, nil},
		" 0000000000000abc ":                 {1, nil}, // 16 digits, as Jaeger's JSON shortens
		"abc":                                {1, nil},
		"def":                                {0, nil}, // unknown: empty, no error
		"":                                   {0, ErrTraceID},
		"0":                                  {0, ErrTraceID},
		"4bf92f3577b34da6a3ce929d0e0e47360":  {0, ErrTraceID},
		"4bf92f3577b34da6a3ce929d0e0e473g":   {0, ErrTraceID},
		"{resource.service.name=\"x\"} || 1": {0, ErrTraceID},
	} {
		t.Run(fmt.Sprintf("%q", id), func(t *testing.T) {
			spans, report := c.GetTrace(t.Context(), id)
			require.ErrorIs(t, report.Err, want.err)
			require.Len(t, spans, want.spans)
		})
	}
}

func TestAnEndlessTraceIsCutOff(t *testing.T) {
	f := &fakeJaeger{chunk: 1000}
	spans := make([]testSpan, maxTraceSpans+1)
	for i := range spans {
		spans[i] = testSpan{trace: "a", id: fmt.Sprintf("%x", i+1), service: "s", name: "n", start: noon}
	}
	f.traces = [][]testSpan{spans}
	got, report := f.client(t).GetTrace(t.Context(), "a")
	require.NoError(t, report.Err)
	require.Len(t, got, maxTraceSpans)
	require.True(t, report.Truncated)
	require.Contains(t, report.Reason, "20000")
}

func TestParentsComeFirst(t *testing.T) {
	at := func(id, parent string, second int) evidence.Span {
		return evidence.Span{SpanID: id, ParentSpanID: parent, Start: noon.Add(time.Duration(second) * time.Second)}
	}
	for name, c := range map[string]struct {
		spans []evidence.Span
		want  []string
	}{
		"children follow their parent, by start":      {[]evidence.Span{at("c2", "p", 3), at("c1", "p", 1), at("p", "", 0), at("g", "c1", 2)}, []string{"p", "c1", "g", "c2"}},
		"a child that starts before its parent":       {[]evidence.Span{at("p", "", 1), at("c", "p", 0)}, []string{"p", "c"}},
		"a span whose parent is missing is a root":    {[]evidence.Span{at("b", "?", 1), at("a", "", 0)}, []string{"a", "b"}},
		"spans that are each other's parent all come": {[]evidence.Span{at("a", "b", 0), at("b", "a", 1)}, []string{"a", "b"}},
		"a span that is its own parent comes once":    {[]evidence.Span{at("a", "a", 0)}, []string{"a"}},
		"no spans": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range parentsFirst(c.spans) {
				got = append(got, s.SpanID)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAFollowsFromReferenceIsALinkAndNoParent(t *testing.T) {
	in := engineSpan("a", "4", "1", "x", noon).model()
	in.References[0].RefType = 1 // FOLLOWS_FROM
	c := &Client{span: vllm.RequestSpanName}
	span, err := c.wholeSpan(t.Context(), newAnswer(t.Context(), &origins{}), &in)
	require.NoError(t, err)
	require.Empty(t, span.ParentSpanID)
	require.Len(t, span.Links, 1)
}
