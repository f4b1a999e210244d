//go:build integration && unix

package integration_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
)

// scrapeInterval of the simulated fleet, in the plugin's settings too: staleness depends on it.
const scrapeInterval = 5 * time.Second

// generous limits let one query see the whole hour.
var generous = map[string]any{"requests": 100_000, "logLines": 1_000_000}

// sloLimits are such that some requests of every model miss each of them. All are bounds of buckets.
var sloLimits = []map[string]any{{"model": "*", "ttft": "250ms", "tpot": "25ms", "e2e": "10s"}}

// fleet is one hour of a simulated deployment in real stores, with the truth about it, and the built plugin in front.
// All tests of the package read the same one: filling the stores is what takes long.
type fleet struct {
	stores *stack.Stack
	plugin *pluginhost.Host
	window simulator.Window
	known  *truthtest.Recorder

	storm   sync.Once
	stormAt time.Time // what storm found
}

var (
	once   sync.Once
	shared *fleet
	failed error
)

// theFleet fills the stores once. The stores end with the test binary (TestMain).
func theFleet(t testing.TB) *fleet {
	t.Helper()
	once.Do(func() { shared, failed = fill(context.Background(), time.Hour, 0.01) })
	require.NoError(t, failed)
	return shared
}

var (
	onceWhole   sync.Once
	whole       *fleet
	failedWhole error
)

// wholeFleet is a quarter of an hour of which no span and no line was lost.
func wholeFleet(t testing.TB) *fleet {
	t.Helper()
	onceWhole.Do(func() { whole, failedWhole = fill(context.Background(), 15*time.Minute, 0) })
	require.NoError(t, failedWhole)
	return whole
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range []*fleet{shared, whole} {
		if f != nil {
			_ = f.plugin.Close()
			_ = f.stores.Close()
		}
	}
	os.Exit(code)
}

// fill simulates calls over three models of two replicas, one of them with two data-parallel engines: retries that reuse
// ids, ids that begin alike, aborts, rejections, engine deaths, and a share of spans and log lines lost.
// Change makes it another fleet.
func fill(ctx context.Context, length time.Duration, lost float64, change ...func(*simulator.Config)) (*fleet, error) {
	stores, err := stack.Start(ctx, stack.Options{Pinned: os.Getenv("VLLM_SERVERS_FROM_PATH") == "", ScrapeInterval: scrapeInterval})
	if err != nil {
		return nil, err
	}
	f := &fleet{stores: stores, known: &truthtest.Recorder{}}
	to := time.Now().Add(-2 * time.Minute).Truncate(scrapeInterval)
	f.window = simulator.Window{From: to.Add(-length), To: to, Drain: true}
	config := simulator.Config{
		Seed: 7, TimeOfDay: 6 * time.Hour, Rate: 4.6, ScrapeInterval: scrapeInterval, LostSpans: lost, LostLogs: lost, Listen: "off",
		PrometheusRemoteWrite: stores.Prometheus.RemoteWrite, Loki: stores.Loki.URL, OTLP: stores.Jaeger.OTLPHTTP, Recorder: f.known,
	}
	for _, c := range change {
		c(&config)
	}
	sim, err := simulator.New(config)
	if err != nil {
		return nil, err
	}
	defer sim.Close()
	started := time.Now()
	if err := sim.Backfill(ctx, f.window); err != nil {
		return nil, err
	}
	fmt.Printf("filled the stores with %d requests, %d scrapes in %s\n", len(f.known.Requests()), len(f.known.Scrapes()), time.Since(started).Round(time.Second))
	root, err := repo.Root()
	if err != nil {
		return nil, err
	}
	f.plugin, err = pluginhost.Start(ctx, pluginhost.Options{
		Binary: repo.PluginBinary(root), Log: os.Stderr,
		Settings: pluginhost.Stores(stores.Prometheus.URL, stores.Loki.URL, stores.Jaeger.GRPC).Patient().
			With("vllm", map[string]any{"scrapeInterval": scrapeInterval.String(), "slo": sloLimits}).
			With("limits", generous),
	})
	return f, err
}

// rangeAll covers every request, also those that began just before the window's end and were drained. Queries count in
// milliseconds.
func (f *fleet) rangeAll() backend.TimeRange {
	return backend.TimeRange{From: f.window.From.Add(-time.Minute), To: time.Now().Truncate(time.Millisecond)}
}

// ask sends one query and returns its frames.
func (f *fleet) ask(t testing.TB, window backend.TimeRange, model map[string]any) data.Frames {
	t.Helper()
	q, err := pluginhost.Query("A", model, window)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	response, err := f.plugin.QueryData(ctx, q)
	require.NoError(t, err)
	r := response.Responses["A"]
	require.NoError(t, r.Error)
	require.NotEmpty(t, r.Frames)
	return r.Frames
}
