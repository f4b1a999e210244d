//go:build unix

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/grafana"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/sink"
)

// scrapeInterval is short, so that rows get engine state soon.
const scrapeInterval = 5 * time.Second

// board is the state of the parts that are no stores.
type board struct {
	mu    sync.Mutex
	parts []Part
}

func newBoard(names ...string) *board {
	b := &board{}
	for _, name := range names {
		b.parts = append(b.parts, Part{Name: name, State: "waiting"})
	}
	return b
}

func (b *board) set(name string, mood Mood, state, detail string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.parts {
		if b.parts[i].Name == name {
			b.parts[i] = Part{Name: name, State: state, Detail: oneLine(detail), Mood: mood}
		}
	}
}

// fail notes why a part is not there, unless all parts are being ended.
func (b *board) fail(ctx context.Context, name string, err error) {
	if ctx.Err() == nil {
		b.set(name, Bad, "failed", err.Error())
	}
}

func (b *board) all() []Part {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Part(nil), b.parts...)
}

func (d *demo) buildPlugin(ctx context.Context) error {
	var output bytes.Buffer
	err := child.Run(ctx, child.Spec{
		Path: "go", Args: []string{"tool", "mage", "build:backend"}, Dir: d.root, Stdout: &output, Stderr: &output,
	})
	if err != nil {
		return fmt.Errorf("build: %w: %s", err, lastLine(output.String()))
	}
	return nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// runTelemetry fills the stores.
func (d *demo) runTelemetry(ctx context.Context) {
	run := d.simulate
	if d.options.MetricsURL != "" {
		run = d.observe
	}
	if err := run(ctx); err != nil {
		d.parts.fail(ctx, "telemetry", err)
	}
}

// historyPatience is how long a history waits for all stores to be up. A store
// that must be built first takes minutes: then the fleet starts at once, and
// what the store missed is delivered when it comes.
const historyPatience = 5 * time.Second

func (d *demo) simulate(ctx context.Context) error {
	sim, err := simulator.New(simulator.Config{
		Seed: uint64(d.began.UnixNano()), ScrapeInterval: scrapeInterval,
		PrometheusRemoteWrite: d.stores.Prometheus.RemoteWrite, Loki: d.stores.Loki.URL, OTLP: d.stores.Jaeger.OTLPHTTP,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }() // frees a listener of a process that ends
	if err := d.stores.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(sim.ScrapeTargets(), scrapeInterval)); err != nil {
		return err
	}
	if d.allReadyWithin(ctx, historyPatience) {
		d.parts.set("telemetry", Busy, "filling", fmt.Sprintf("simulating the last %s", short(d.options.Window)))
		now := time.Now()
		if err := sim.Backfill(ctx, simulator.Window{From: now.Add(-d.options.Window), To: now}); err != nil {
			return err
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		d.parts.set("telemetry", Good, "live", describe(sim.Stats()))
		select {
		case err := <-ended:
			return err
		case <-tick.C:
		}
	}
}

func (d *demo) allReadyWithin(ctx context.Context, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for _, store := range d.stores.Stores() {
		select {
		case <-store.Ready():
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func describe(s simulator.Stats) string {
	text := fmt.Sprintf("simulated vLLM: %d requests, %d spans, %d log lines, %d scrapes", s.Requests, s.Spans, s.LogLines, s.Scrapes)
	for _, name := range []string{"jaeger", "loki"} {
		store := s.Stores[name]
		if store.Buffered > 0 {
			text += fmt.Sprintf("; %s: %d wait", name, store.Buffered)
		}
		if store.Dropped > 0 {
			text += fmt.Sprintf("; %s: %d lost", name, store.Dropped)
		}
	}
	return text
}

// runGrafana starts a Grafana, if there is one, once the plugin is built.
func (d *demo) runGrafana(ctx context.Context) {
	installation, ok := grafana.Installation{}, false
	if !d.options.NoGrafana {
		installation, ok = grafana.Find()
	}
	if !ok {
		d.parts.set("grafana", Absent, "absent", "none found; GRAFANA_HOME names one")
		return
	}
	if _, err := os.Stat(filepath.Join(d.root, "dist", "module.js")); err != nil {
		d.parts.set("grafana", Absent, "absent", "found, but the plugin's frontend is not built: npm ci && npm run build")
		return
	}
	d.parts.set("grafana", Busy, "waiting", "for the plugin")
	select {
	case <-d.built:
	case <-ctx.Done():
		return
	}
	d.parts.set("grafana", Busy, "starting", installation.Binary)
	// What its rules find goes to a page on this machine, and to nobody else.
	alerts, stop, err := sink.Start()
	if err != nil {
		d.parts.fail(ctx, "grafana", err)
		return
	}
	defer stop()
	server, err := grafana.Start(ctx, grafana.Options{
		Installation: installation, Root: d.root, Dir: filepath.Join(d.dir, "grafana"),
		Prometheus: d.stores.Prometheus.URL, Loki: d.stores.Loki.URL, Jaeger: "grpc://" + d.stores.Jaeger.GRPC,
		ScrapeInterval: scrapeInterval, Alerts: alerts + "/grafana",
	})
	if err != nil {
		d.parts.fail(ctx, "grafana", err)
		return
	}
	d.parts.set("grafana", Good, "ready", server.URL+", its alerts arrive at "+alerts)
	select {
	case <-ctx.Done():
	case <-server.Done():
		d.parts.fail(ctx, "grafana", errors.New("ended by itself"))
	}
	if err := server.Close(); err != nil {
		d.parts.fail(context.WithoutCancel(ctx), "grafana", err)
	}
}
