//go:build integration && unix

package figures_test

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// target is one scrape target for a part of the time.
type target struct {
	labels   map[string]string
	from, to time.Duration // since the beginning of the range
	every    time.Duration // 0 = 15 s
	samples  func(at time.Duration) []ship.Sample
	job      string
	honor    bool
}

// described is what is in the store, and the range that is asked about.
type described struct {
	length  time.Duration
	targets []target
	gaps    [][2]time.Duration // in which nothing is scraped at all
}

// sample of a series; labels in pairs.
func sample(name string, value float64, labels ...string) ship.Sample {
	s := ship.Sample{Name: name, Value: value}
	for i := 0; i < len(labels); i += 2 {
		s.Labels = append(s.Labels, telemetry.Label{Name: labels[i], Value: labels[i+1]})
	}
	slices.SortFunc(s.Labels, func(a, b telemetry.Label) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// engine labels a sample of an engine.
func engine(name string, value float64, labels ...string) ship.Sample {
	return sample(name, value, append([]string{"model_name", "m", "engine", "0"}, labels...)...)
}

// store is a Prometheus that holds what was described, up to now.
type store struct {
	url    string
	window evidence.Window
}

func write(t *testing.T, d described) store {
	t.Helper()
	s := stacktest.Start(t, stack.Options{Only: []string{program.Prometheus.Name}})
	to := time.Now().Add(-time.Minute).Truncate(time.Minute)
	from := to.Add(-d.length)
	sender := ship.RemoteWrite{URL: s.Prometheus.RemoteWrite, Client: http.DefaultClient}
	var scrapers ship.Scrapers
	send := func(requests ...ship.WriteRequest) {
		for _, r := range requests {
			if r != nil {
				require.NoError(t, sender.Send(t.Context(), []ship.WriteRequest{r}))
			}
		}
	}
	for n, tg := range d.targets {
		every := cmp.Or(tg.every, 15*time.Second)
		phase := time.Duration(n%7) * every / 7
		for at := phase; at < d.length+every; at += every {
			in := func(r [2]time.Duration) bool { return at >= r[0] && at < r[1] }
			if at < tg.from || at >= tg.to+every || slices.ContainsFunc(d.gaps, in) {
				continue
			}
			scrape := ship.Scrape{Job: cmp.Or(tg.job, "vllm"), Labels: tg.labels, Honor: tg.honor, At: from.Add(at), Up: at < tg.to}
			if scrape.Up {
				scrape.Samples = tg.samples(at)
			}
			send(scrapers.Take(scrape)) // the last one does not answer, and ends the series
		}
	}
	send(scrapers.Flush()...)
	return store{s.Prometheus.URL, evidence.Window{From: from, To: to}}
}

// client asks the store as the plugin would.
func (s store) client(t *testing.T, change ...func(*settings.Store, *settings.VLLM)) *prometheus.Client {
	t.Helper()
	set := settings.Store{Name: evidence.Prometheus, URL: s.url, Timeout: time.Minute, Labels: vllm.DefaultPrometheusLabels(), MaxResponse: settings.DefaultMaxResponse}
	engines := settings.VLLM{MetricPrefix: vllm.DefaultMetricPrefix}
	for _, c := range change {
		c(&set, &engines)
	}
	transport, err := upstream.New(httpclient.Options{}, set)
	require.NoError(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return prometheus.New(transport, set, engines, settings.DefaultLimits())
}

// table asks for figures of the whole range, by model, and gives them by name for one model.
func (s store) table(t *testing.T, client *prometheus.Client, group string, spec figures.Spec) map[string]float64 {
	t.Helper()
	r := s.ask(t, client, spec)
	out := map[string]float64{}
	for g, values := range r.Groups {
		if values[0] != group {
			continue
		}
		for c, column := range r.Columns {
			out[column.Name] = r.Values[g][c][0]
		}
	}
	return out
}

func (s store) ask(t *testing.T, client *prometheus.Client, spec figures.Spec) figures.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, calls, err := fetch.Figures(ctx, client, spec, s.window, s.window.Duration()/200, vllm.Scope{}, figures.Price{GPUHour: 2})
	require.NoError(t, err)
	for _, call := range calls {
		require.Empty(t, call.Partial, call.Text)
	}
	for _, n := range r.Notices {
		t.Log("notice:", n)
	}
	return r
}

// series asks for a figure over time and gives its points, those that are known.
func (s store) series(t *testing.T, client *prometheus.Client, metric string) (points []float64) {
	t.Helper()
	r := s.ask(t, client, figures.Spec{Metrics: []string{metric}, Form: figures.TimeSeries})
	require.Len(t, r.Groups, 1)
	for _, v := range r.Values[0][0] {
		if !math.IsNaN(v) {
			points = append(points, v)
		}
	}
	return points
}

// near holds figures to within a share of what is known.
func near(t *testing.T, want, got map[string]float64, share float64) {
	t.Helper()
	for name, w := range want {
		g, ok := got[name]
		require.True(t, ok, "%s is not there", name)
		t.Logf("%s: %.6g for %.6g", name, g, w)
		if w == 0 {
			require.InDelta(t, 0, g, 1e-9, name)
			continue
		}
		require.InEpsilon(t, w, g, share, name)
	}
}
