package join_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// An engine is scraped every 10 s. A request is there from 12 s to 15 s, between two scrapes.
func TestPreemptionsAreCountedFromTheScrapeBeforeToTheScrapeAfter(t *testing.T) {
	unknown := math.NaN()
	for name, c := range map[string]struct {
		scrapes map[float64]float64 // second → the engine's count so far
		want    float64
	}{
		"preempted between two scrapes, which the later one tells": {map[float64]float64{0: 5, 10: 5, 20: 6, 30: 6}, 1},
		"nobody was preempted":                                    {map[float64]float64{0: 5, 10: 5, 20: 5, 30: 9}, 0},
		"what came before it does not count":                      {map[float64]float64{0: 1, 10: 5, 20: 5}, 0},
		"the engine came back meanwhile, and its counter with it": {map[float64]float64{10: 5, 20: 2}, 2},
		"no scrape yet since it ended":                            {map[float64]float64{0: 5, 10: 5}, unknown},
		"no scrape before it came in":                             {map[float64]float64{20: 6, 30: 6}, unknown},
		"the scrape before is too old to say anything":            {map[float64]float64{-20: 5, 20: 6}, unknown},
		"the scrape after is too late: it tells of much else":     {map[float64]float64{10: 5, 60: 6}, unknown},
		"a missed scrape in between":                              {map[float64]float64{0: 5, 20: 7}, 2},
		"the counter is not exposed":                              {nil, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			o := &evidence.Origin{Pod: podA.Pod, Namespace: podA.Namespace, Instance: podA.Instance, Model: "llama", Engine: "0"}
			counter := evidence.Series{Metric: vllm.NumPreemptions, Origin: o}
			for second := -20.0; second <= 60; second += 10 {
				if value, ok := c.scrapes[second]; ok {
					counter.Samples = append(counter.Samples, evidence.Sample{UnixMilli: at(second).UnixMilli(), Value: value})
				}
			}
			s := span("chatcmpl-a", 12, podA)
			s.Duration, s.E2E = 3, 3
			rows := join.Requests(join.Input{
				Spans: []evidence.RequestSpan{s}, Series: []evidence.Series{counter}, StaleAfter: 25 * time.Second,
				Targets: []evidence.Target{{Origin: *o}},
			}).Rows
			if math.IsNaN(c.want) {
				require.True(t, math.IsNaN(rows[0].Preemptions), "%v", rows[0].Preemptions)
				return
			}
			require.Equal(t, c.want, rows[0].Preemptions)
		})
	}
}
