package join_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// success is request_success_total of one engine, scraped every 5 s from a moment on.
func success(o evidence.Origin, from float64, values ...float64) evidence.Series {
	s := evidence.Series{Metric: vllm.RequestSuccess, Origin: &o}
	for i, v := range values {
		s.Samples = append(s.Samples, evidence.Sample{UnixMilli: at(from + float64(i)*5).UnixMilli(), Value: v})
	}
	return s
}

func TestAPodThatCameBackIsComparedOnce(t *testing.T) {
	before := evidence.Origin{Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000", Model: "llama", Engine: "0"}
	after := before
	after.Instance = "10.0.0.2:8000"
	elsewhere := after
	elsewhere.Namespace = "staging"
	report := join.Requests(join.Input{
		Window: evidence.Window{From: at(-1), To: at(31)},
		Series: []evidence.Series{success(before, 0, 0, 3), success(after, 20, 0, 4), success(elsewhere, 0, 0, 5)},
	}).Report
	require.Len(t, report.ByInstance, 2, "alert rules want each set of labels once")
	require.Equal(t, "llm", report.ByInstance[0].Namespace)
	require.Equal(t, 7.0, report.ByInstance[0].Counted)
	require.Equal(t, "staging", report.ByInstance[1].Namespace)
}

func TestRowsAreComparedOverTheTimeOfAllEnginesOfAnInstance(t *testing.T) {
	rank := func(n string) evidence.Origin {
		return evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: n}
	}
	report := join.Requests(join.Input{
		Window: evidence.Window{From: at(-10), To: at(31)},
		Spans:  []evidence.RequestSpan{span("a", 1, podA), span("b", 2, podA), span("c", 16, podA)},
		Series: []evidence.Series{success(rank("0"), 0, 0, 2, 2, 2, 3), success(rank("1"), 10, 0, 0)}, // rank 1 came later and left
	}).Report
	require.Equal(t, 3.0, report.Explained.Counted)
	require.Equal(t, 3, report.Explained.Rows)
}

func TestAStepOfTheCoverageSeriesBeginsWhereTheRowsDo(t *testing.T) {
	origin := evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
	in := join.Input{
		Window: evidence.Window{From: at(30), To: at(90)}, // in the middle of a step of a minute
		Series: []evidence.Series{success(origin, 0, 0, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10)},
		Spans:  []evidence.RequestSpan{span("a", 36, podA)},
	}
	slices := join.Requests(in).Slices(time.Minute)
	require.Len(t, slices, 2)
	require.Equal(t, 1.0, slices[0].Report.Explained.Counted, "what was counted before the window has no rows")
	require.Equal(t, 1, slices[0].Report.Explained.Rows)
}

func TestTheReportOfManyInstancesIsSoonMade(t *testing.T) {
	in := join.Input{Window: evidence.Window{From: at(0), To: at(3600)}}
	for i := range 2000 {
		in.Series = append(in.Series, success(evidence.Origin{Pod: fmt.Sprint("llama-", i), Model: "llama", Engine: "0"}, 0, make([]float64, 720)...))
	}
	require.Len(t, join.Requests(in).Slices(30*time.Second), 120)
}

// What ended a request decides whether its engine counts it: an engine that died counts nothing any more.
func TestRowsAreComparedOnlyWhenTheEngineCountsTheirLike(t *testing.T) {
	origin := evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
	for name, c := range map[string]struct {
		last vllm.LogKind
		rows int
	}{
		"an answer":                          {vllm.LogGenerated, 1},
		"an error within the engine":         {vllm.LogInternalError, 1},
		"a client that left":                 {vllm.LogAborted, 0},
		"a death of the engine":              {vllm.LogFailed, 0},
		"its name in the dying engine's log": {vllm.LogCrashDump, 0},
	} {
		t.Run(name, func(t *testing.T) {
			report := join.Requests(join.Input{
				Window: evidence.Window{From: at(-10), To: at(31)},
				Events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-a", 6, podA), line(c.last, "chatcmpl-a", 8, podA)},
				Series: []evidence.Series{success(origin, 0, 0, 0, 0, 0, 0)},
			}).Report
			require.Equal(t, c.rows, report.Explained.Rows)
			require.Equal(t, 1, report.LogOnly)
		})
	}
}
