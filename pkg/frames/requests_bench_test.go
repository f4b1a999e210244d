package frames_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// traffic is evidence of n requests over six instances: a span, three lines and a caller each, and a scrape every 15 s.
func traffic(n int) join.Input {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	in := join.Input{
		Window:     evidence.Window{From: start.Add(-time.Minute), To: start.Add(time.Duration(n+1000) * 100 * time.Millisecond)},
		StaleAfter: 37500 * time.Millisecond,
		Spans:      make([]evidence.RequestSpan, n), Events: make([]evidence.RequestEvent, 0, 3*n),
	}
	var spanOrigins, logOrigins []*evidence.Origin
	for i := range 6 {
		pod := fmt.Sprintf("llama-%d", i)
		spanOrigins = append(spanOrigins, &evidence.Origin{Service: "vllm", Namespace: "llm", Pod: pod})
		logOrigins = append(logOrigins, &evidence.Origin{Namespace: "llm", Pod: pod})
		origin := &evidence.Origin{Namespace: "llm", Pod: pod, Instance: pod + ":8000", Model: "llama", Engine: "0"}
		for _, metric := range []string{vllm.NumRequestsRunning, vllm.NumRequestsWaiting, vllm.KVCacheUsage, vllm.NumPreemptions, vllm.RequestSuccess} {
			s := evidence.Series{Metric: metric, Origin: origin}
			for t := in.Window.From; t.Before(in.Window.To); t = t.Add(15 * time.Second) {
				s.Samples = append(s.Samples, evidence.Sample{UnixMilli: t.UnixMilli(), Value: 1})
			}
			in.Series = append(in.Series, s)
		}
	}
	caller := &evidence.CallerSpan{Service: "rag-app", Operation: "chat", Duration: 2, Model: "llama"}
	for i := range n {
		at := start.Add(time.Duration(i) * 100 * time.Millisecond)
		id := fmt.Sprintf("chatcmpl-req-%d", i)
		in.Spans[i] = evidence.RequestSpan{
			TraceID: fmt.Sprintf("%032x", i+1), SpanID: fmt.Sprintf("%016x", i+1), RequestID: id, Start: at, Duration: 1.6,
			Origin: spanOrigins[i%6], PromptTokens: 100, CompletionTokens: 15, CachedTokens: evidence.Unknown, MaxTokens: 64,
			Temperature: 0.7, TopP: 1, TTFT: 0.2, E2E: 1.6, Queue: 0.1, Prefill: 0.08, Decode: 1.4, Caller: caller, Root: caller,
		}
		o := logOrigins[i%6]
		in.Events = append(in.Events,
			evidence.RequestEvent{UnixNano: at.UnixNano() + 1e6, Origin: o, External: id, ID: id, Kind: vllm.LogReceived, Form: vllm.IDExternal},
			evidence.RequestEvent{UnixNano: at.UnixNano() + 2e6, Origin: o, External: id, ID: id + "-9f3c1a7e", Kind: vllm.LogAdded, Form: vllm.IDInternal},
			evidence.RequestEvent{UnixNano: at.UnixNano() + 16e8, Origin: o, External: id, ID: id, Kind: vllm.LogGenerated, Form: vllm.IDExternal},
		)
		for k := len(in.Events) - 3; k < len(in.Events); k++ { // as they come from lines
			e := &in.Events[k]
			e.Stream = uint32(i % 6)
			e.LineIdentity = evidence.LineIdentity{Content: uint64(k+1) * 0x9e3779b97f4a7c15, Clock: uint32(e.UnixNano / 1e9), PID: 1}
		}
	}
	return in
}

// BenchmarkJoinAndFrame is design §11's first line: join and frame of decoded records. go test -bench JoinAndFrame -cpu 1
// ./pkg/frames reports requests/s and allocations per request.
func BenchmarkJoinAndFrame(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			in := traffic(n)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				joined := join.Requests(in)
				rows, _ := join.Choose(joined.Rows, join.Predicate{}, join.Order{Column: "time", Desc: true}, 0)
				if frame := frames.Requests(rows, joined.Report, frames.Source{}); frame.Rows() != n {
					b.Fatalf("%d rows of %d", frame.Rows(), n)
				}
			}
			runtime.ReadMemStats(&after)
			requests := float64(n) * float64(b.N)
			b.ReportMetric(requests/b.Elapsed().Seconds(), "requests/s")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/requests, "allocs/request")
			b.ReportMetric(float64(after.Sys)/(1<<20), "MiB-from-OS")
		})
	}
}

func TestABenchmarkedRequestIsAFullRow(t *testing.T) {
	joined := join.Requests(traffic(10))
	require.Equal(t, 10, joined.Report.Matched)
	for _, r := range joined.Rows {
		require.Equal(t, "trace+logs+metrics", r.Signals.String())
		require.EqualValues(t, 3, r.LogLines)
		require.Equal(t, 1.0, r.Running)
	}
}
