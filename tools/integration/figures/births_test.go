//go:build integration && unix

package figures_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
)

// server answers ten requests a second and, from a moment on, has failed so many of them at once.
func server(from, to, burst time.Duration, failed float64) target {
	return target{
		labels: map[string]string{"pod": "vllm-0", "instance": "10.0.0.1:8000"}, from: from, to: to,
		samples: func(at time.Duration) []ship.Sample {
			web := func(status string, value float64) ship.Sample {
				return sample("http_requests_total", value, "handler", "/v1/chat/completions", "method", "POST", "status", status)
			}
			ended := func(reason string, value float64) ship.Sample {
				return engine("vllm:request_success_total", value, "finished_reason", reason)
			}
			served := 10*(at-from).Seconds() + 5_000_000 // it ran before Prometheus did
			out := []ship.Sample{engine("vllm:num_requests_running", 1), engine("vllm:generation_tokens_total", 1e9), web("2xx", served), ended("stop", served)}
			if at >= burst { // the web server's series begins with its first event, and so does one of vLLM's Rust front end
				out = append(out, web("5xx", failed), ended("error", failed))
			}
			return out
		},
	}
}

func TestTheFirstBurstCounts(t *testing.T) {
	const hour = time.Hour
	for title, tc := range map[string]struct {
		targets []target
		want    float64 // failures
	}{
		"in the middle of the range":               {[]target{server(0, hour, 30*time.Minute, 50)}, 50},
		"in the last scrape":                       {[]target{server(0, hour, hour-20*time.Second, 50)}, 50},
		"in the first minute":                      {[]target{server(-hour, hour, time.Minute, 50)}, 50},
		"what a server brings to its first scrape": {[]target{server(30*time.Minute, hour, 0, 1_000_000)}, 0},
		"after a restart that lost the counter": {[]target{
			server(0, 20*time.Minute, 10*time.Minute, 50), server(22*time.Minute, hour, 40*time.Minute, 30),
		}, 50 + 30},
	} {
		t.Run(title, func(t *testing.T) {
			d := described{length: hour, targets: tc.targets}
			s := write(t, d)
			client := s.client(t)
			spec := figures.Spec{Metrics: []string{"http_5xx_rate", "error_rate", "http_5xx_ratio"}}
			got := s.table(t, client, "m", spec)
			for _, name := range []string{"http_5xx_rate", "error_rate"} {
				if strings.HasPrefix(title, "after a restart") { // of a counter born twice in one range, the smaller birth counts
					require.InDelta(t, 30+30, got[name]*hour.Seconds(), 2, name)
					continue
				}
				require.InDelta(t, tc.want, got[name]*hour.Seconds(), 0.02*tc.want+1e-9, name)
				number := s.table(t, client, "m", figures.Spec{Metrics: []string{name}, Form: figures.Numeric})
				require.InDelta(t, tc.want, number[name]*hour.Seconds(), 0.02*tc.want+1e-9, name)
			}
			if tc.want > 0 {
				require.Positive(t, got["http_5xx_ratio"])
			}
			if title == "in the middle of the range" { // each point of a series is of its own window
				var most float64
				for _, p := range s.series(t, client, "http_5xx_rate") {
					most = max(most, p)
				}
				require.InDelta(t, 50.0/60, most, 0.25*50/60, "a minute's window holds all fifty")
			}
		})
	}
}

func TestTheScrapeIntervalIsMeasuredInARealStore(t *testing.T) {
	for _, tc := range []struct {
		every  []time.Duration
		length time.Duration
		want   time.Duration
	}{
		{[]time.Duration{time.Minute, time.Minute}, 2 * time.Hour, time.Minute},
		{[]time.Duration{15 * time.Second, 15 * time.Second}, 2 * time.Hour, 15 * time.Second},
		{[]time.Duration{5 * time.Second}, 4 * time.Minute, 5 * time.Second},
		{[]time.Duration{15 * time.Second, 30 * time.Second}, time.Hour, 30 * time.Second},
		{[]time.Duration{2 * time.Minute}, 3 * time.Hour, 2 * time.Minute},
	} {
		t.Run(fmt.Sprint(tc.every, tc.length), func(t *testing.T) {
			d := described{length: tc.length}
			for i, every := range tc.every {
				p := pod(i+1, 0, tc.length)
				p.every = every
				d.targets = append(d.targets, p)
			}
			s := write(t, d)
			client := s.client(t)
			got, _ := client.ScrapeInterval(t.Context(), s.window)
			require.Equal(t, tc.want, got)
			points := s.series(t, client, "generation_token_rate")
			require.NotEmpty(t, points)
			for _, p := range points[len(points)/8+1:] { // the first windows begin before the first scrape
				require.InEpsilon(t, 1000*float64(len(tc.every)), p, 0.1, "no hole, whatever the interval")
			}
		})
	}
}
