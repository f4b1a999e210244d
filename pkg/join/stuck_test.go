package join_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// An engine is scraped every 5 s for 100 s. Its requests may take 20 s; no line names any of them.
func TestWhatAnEngineHoldsAndDoesNotFinishIsStuck(t *testing.T) {
	type scrape struct{ running, waiting, finished float64 }
	for name, c := range map[string]struct {
		at    func(second float64) scrape
		gaps  bool
		rows  int // that lines tell of
		limit time.Duration
		want  float64
	}{
		"an engine that works":                    {at: func(s float64) scrape { return scrape{8, 2, s} }, limit: 20 * time.Second},
		"one that hangs":                          {at: func(s float64) scrape { return scrape{8, 2, min(s, 40)} }, limit: 20 * time.Second, want: 10},
		"one that hangs, with a queue that grows": {at: func(s float64) scrape { return scrape{8, s / 5, min(s, 40)} }, limit: 20 * time.Second, want: 8 + 65.0/5},
		"one that hangs since a moment":           {at: func(s float64) scrape { return scrape{8, 2, min(s, 80)} }, limit: 20 * time.Second},
		"one that has nothing to do":              {at: func(s float64) scrape { return scrape{0, 0, min(s, 40)} }, limit: 20 * time.Second},
		"one that was idle in between": {at: func(s float64) scrape {
			if s == 80 {
				return scrape{0, 0, 40}
			}
			return scrape{8, 2, 40}
		}, limit: 20 * time.Second},
		"one that was not scraped in between":  {at: func(s float64) scrape { return scrape{8, 2, 40} }, gaps: true, limit: 20 * time.Second},
		"one that two clients left idle":       {at: func(s float64) scrape { return scrape{2, 0, min(s, 40)} }, limit: 20 * time.Second},
		"rows tell of some":                    {at: func(s float64) scrape { return scrape{8, 2, min(s, 40)} }, rows: 7, limit: 20 * time.Second, want: 3},
		"rows tell of all":                     {at: func(s float64) scrape { return scrape{8, 2, min(s, 40)} }, rows: 12, limit: 20 * time.Second},
		"a model whose time is not limited":    {at: func(s float64) scrape { return scrape{8, 2, min(s, 40)} }},
		"a limit longer than the engine hangs": {at: func(s float64) scrape { return scrape{8, 2, min(s, 40)} }, limit: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			o := &evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
			series := map[string]*evidence.Series{}
			for _, metric := range []string{vllm.NumRequestsRunning, vllm.NumRequestsWaiting, vllm.RequestSuccess} {
				series[metric] = &evidence.Series{Metric: metric, Origin: o}
			}
			for second := 0.0; second <= 100; second += 5 {
				if c.gaps && second > 70 && second < 95 {
					continue
				}
				now := c.at(second)
				for metric, v := range map[string]float64{vllm.NumRequestsRunning: now.running, vllm.NumRequestsWaiting: now.waiting, vllm.RequestSuccess: now.finished} {
					series[metric].Samples = append(series[metric].Samples, evidence.Sample{UnixMilli: at(second).UnixMilli(), Value: v})
				}
			}
			in := join.Input{
				Window: evidence.Window{From: at(-1), To: at(101)}, StaleAfter: 13 * time.Second,
				SLO: slo.Objectives{{Model: "llama", TTFT: time.Second, E2E: c.limit}},
			}
			for _, s := range series {
				in.Series = append(in.Series, *s)
			}
			for i := range c.rows {
				in.Events = append(in.Events, line(vllm.LogReceived, "chatcmpl-"+string(rune('a'+i)), 42, o))
			}
			stuck := join.Requests(in).Report.Stuck
			if c.want == 0 {
				require.Empty(t, stuck)
				return
			}
			require.Len(t, stuck, 1)
			require.InDelta(t, c.want, stuck[0].Requests, 1e-9)
			require.Equal(t, "llama", stuck[0].Model)
		})
	}
}
