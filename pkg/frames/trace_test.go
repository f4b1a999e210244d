package frames

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

var traceStart = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)

// traceOfOneRequest is a caller with a failed attempt and an engine span below it.
func traceOfOneRequest() []evidence.Span {
	return []evidence.Span{
		{
			TraceID: "0000000000000000000000000000000a", SpanID: "0000000000000001", Operation: "chat llama", Service: "shop",
			Resource:   []evidence.Attribute{{Key: "host.name", Value: "h1"}},
			Attributes: []evidence.Attribute{{Key: "tokens", Value: int64(1<<53 + 1)}, {Key: "ratio", Value: math.NaN()}, {Key: "stream", Value: true}},
			Start:      traceStart, Duration: 2 * time.Second, Kind: evidence.KindClient,
			Status: evidence.StatusError, StatusMessage: "deadline", ScopeName: "openai", ScopeVersion: "2.1", TraceState: "a=b",
			Events: []evidence.SpanEvent{{Time: traceStart.Add(time.Second), Name: "exception", Attributes: []evidence.Attribute{
				{Key: "exception.message", Value: "boom"}, {Key: "exception.stacktrace", Value: "at line 1"},
			}}},
			Links:    []evidence.SpanLink{{TraceID: "0000000000000000000000000000000b", SpanID: "0000000000000009"}},
			Warnings: []string{"clock skew"},
		},
		{
			TraceID: "0000000000000000000000000000000a", SpanID: "0000000000000002", ParentSpanID: "0000000000000001",
			Operation: "llm_request", Service: "vllm", Start: traceStart.Add(time.Millisecond), Duration: 1700 * time.Millisecond,
			Kind: evidence.KindServer,
			Request: &evidence.RequestSpan{
				Start: traceStart.Add(time.Millisecond), Duration: 1.7, TTFT: 0.5, E2E: 1.625, Queue: 0.125, Prefill: 0.25, Decode: 1,
			},
		},
	}
}

func column[T any](t *testing.T, frame *data.Frame, name string) []T {
	t.Helper()
	field, index := frame.FieldByName(name)
	require.GreaterOrEqual(t, index, 0, name)
	out := make([]T, field.Len())
	for i := range out {
		value, ok := field.At(i).(T)
		require.True(t, ok, "%s is %T", name, field.At(i))
		out[i] = value
	}
	return out
}

func TestATraceFrameIsWhatTheTraceViewReads(t *testing.T) {
	frame := Trace(traceOfOneRequest())
	require.EqualValues(t, data.VisTypeTrace, frame.Meta.PreferredVisualization)
	require.Equal(t, []string{"chat llama", "llm_request", "pre-queue", "queue", "prefill", "decode", "unaccounted"}, column[string](t, frame, "operationName"))
	require.Equal(t, []float64{2000, 1700, 125, 125, 250, 1000, 125}, column[float64](t, frame, "duration"))
	require.InDelta(t, 1795262400123.456789, column[float64](t, frame, "startTime")[0], 0.0005, "milliseconds with fraction")
	require.Equal(t, []int64{2, 0, 0, 0, 0, 0, 0}, column[int64](t, frame, "statusCode"))
	require.Nil(t, column[*string](t, frame, "parentSpanID")[0])
	require.Equal(t, "0000000000000001", *column[*string](t, frame, "parentSpanID")[1])
	require.Equal(t, "0000000000000002", *column[*string](t, frame, "parentSpanID")[2])
	for name, want := range map[string]string{
		"tags":        `[{"key":"tokens","value":"9007199254740993"},{"key":"ratio","value":"NaN"},{"key":"stream","value":true},{"key":"error","value":true}]`,
		"serviceTags": `[{"key":"host.name","value":"h1"}]`,
		"logs":        `[{"timestamp":1795262401123.4568,"name":"exception","fields":[{"key":"exception.message","value":"boom"},{"key":"exception.stacktrace","value":"at line 1"}]}]`,
		"references":  `[{"traceID":"0000000000000000000000000000000b","spanID":"0000000000000009"}]`,
		"warnings":    `["clock skew"]`,
		"stackTraces": `["at line 1"]`,
	} {
		require.Equal(t, want, string(column[json.RawMessage](t, frame, name)[0]), name)
	}
	_, err := json.Marshal(frame)
	require.NoError(t, err)
}

func TestPhasesOfARequest(t *testing.T) {
	nan := math.NaN()
	type row struct {
		name     string
		from, to float64
	}
	for name, c := range map[string]struct {
		request evidence.RequestSpan
		want    []row
	}{
		"all phases": {
			evidence.RequestSpan{TTFT: 0.5, E2E: 1.75, Queue: 0.125, Prefill: 0.25, Decode: 1},
			[]row{{"pre-queue", 0, 0.125}, {"queue", 0.125, 0.25}, {"prefill", 0.25, 0.5}, {"decode", 0.5, 1.5}, {"unaccounted", 1.5, 1.75}},
		},
		"clocks that disagree by a little leave no gap": {
			evidence.RequestSpan{TTFT: 0.5, E2E: 1.5, Queue: 0.25, Prefill: 0.375, Decode: 1.0625},
			[]row{{"queue", 0, 0.25}, {"prefill", 0.125, 0.5}, {"decode", 0.5, 1.5625}},
		},
		"one token has no decode": {
			evidence.RequestSpan{TTFT: 0.5, E2E: 0.5, Queue: 0, Prefill: 0.5, Decode: 0},
			[]row{{"prefill", 0, 0.5}},
		},
		"without prefill only what follows the first token is known": {
			evidence.RequestSpan{TTFT: 0.5, E2E: 2, Queue: 0.25, Prefill: nan, Decode: 1},
			[]row{{"decode", 0.5, 1.5}, {"unaccounted", 1.5, 2}},
		},
		"aborted before the first token": {
			evidence.RequestSpan{TTFT: nan, E2E: 2, Queue: nan, Prefill: nan, Decode: nan}, nil,
		},
		"V0 knows no prefill and no decode": {
			evidence.RequestSpan{TTFT: 0.5, E2E: 2, Queue: 0.25, Prefill: nan, Decode: nan}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []row
			for _, p := range phases(&c.request) {
				if p.placed() {
					got = append(got, row{p.name, p.from, p.from + p.length})
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestIDsOfDerivedRowsAreUniqueAndStable(t *testing.T) {
	spans := traceOfOneRequest()
	first := column[string](t, Trace(spans), "spanID")
	require.Equal(t, first, column[string](t, Trace(spans), "spanID"))
	seen := map[string]bool{}
	for _, id := range first {
		require.Len(t, id, 16)
		require.False(t, seen[id])
		seen[id] = true
	}
	// A real span that has a derived row's id keeps it.
	spans = append(spans, evidence.Span{SpanID: first[3], Operation: "other"})
	ids := column[string](t, Trace(spans), "spanID")
	require.Equal(t, first[3], ids[len(ids)-1])
	require.NotEqual(t, first[3], ids[3])
}

func TestDerivedRowsSayThatTheyAre(t *testing.T) {
	tags := column[json.RawMessage](t, Trace(traceOfOneRequest()), "tags")
	require.Contains(t, string(tags[3]), `{"key":"derived","value":true},{"key":"vllm.phase","value":"queue"}`)
	require.NotContains(t, string(tags[1]), "derived")
}

func TestWhatIsNotBelievedIsAWarning(t *testing.T) {
	spans := traceOfOneRequest()
	spans[1].Request.Note = "the span's prefill time exceeds the request and is not believed"
	warnings := column[json.RawMessage](t, Trace(spans), "warnings")
	require.JSONEq(t, `["the span's prefill time exceeds the request and is not believed"]`, string(warnings[1]))
}

func TestNoSpansAreAFrameWithoutRows(t *testing.T) {
	frame := Trace(nil)
	rows, err := frame.RowLen()
	require.NoError(t, err)
	require.Zero(t, rows)
	require.NotEmpty(t, frame.Fields)
}
