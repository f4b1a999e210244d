//go:build unix

package editors

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
)

const (
	scrapeInterval = 5 * time.Second
	// history is enough for every picker to have values and every kind to have rows, and is written in seconds.
	history = 10 * time.Minute
	rate    = 2.0 // calls per second
	deaths  = 6.0 // of each engine, per hour: some requests fail, and there are events
)

// fleet is what the editors ask about: stores with some minutes of a simulated deployment.
type fleet struct {
	stores *stack.Stack
	window simulator.Window
}

// startFleet runs the stores and fills them.
func startFleet(ctx context.Context) (_ *fleet, err error) {
	stores, err := stack.Start(ctx, stack.Options{Pinned: os.Getenv("VLLM_SERVERS_FROM_PATH") == "", ScrapeInterval: scrapeInterval})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stores.Close())
		}
	}()
	to := time.Now().Add(-time.Minute).Truncate(scrapeInterval)
	f := &fleet{stores: stores, window: simulator.Window{From: to.Add(-history), To: to, Drain: true}}
	sim, err := simulator.New(simulator.Config{
		Seed: 7, TimeOfDay: 6 * time.Hour, Rate: rate, EngineDeaths: deaths, ScrapeInterval: scrapeInterval, Listen: "off",
		PrometheusRemoteWrite: stores.Prometheus.RemoteWrite, Loki: stores.Loki.URL, OTLP: stores.Jaeger.OTLPHTTP,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = sim.Close() }() // all is delivered by then
	return f, sim.Backfill(ctx, f.window)
}

// settings of a data source in front of these stores.
func (f *fleet) settings() pluginhost.Settings {
	return pluginhost.Stores(f.stores.Prometheus.URL, f.stores.Loki.URL, f.stores.Jaeger.GRPC).
		With("vllm", map[string]any{
			"scrapeInterval": scrapeInterval.String(),
			"slo":            []map[string]any{{"model": "*", "ttft": "500ms", "e2e": "10s"}},
		})
}

// startPlugin runs the built backend.
func startPlugin(ctx context.Context, root string, settings pluginhost.Settings, log io.Writer) (*pluginhost.Host, error) {
	return pluginhost.Start(ctx, pluginhost.Options{Binary: repo.PluginBinary(root), Settings: settings, Log: log})
}
