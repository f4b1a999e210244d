//go:build unix

// Package e2e runs the specs of tests/ in a browser against a real Grafana: one that runs already, or one that is on this
// machine, started with the built plugin, provisioning/ and real stores that a simulated fleet fills.
package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/grafana"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
)

const (
	scrapeInterval = 5 * time.Second
	// history fills what the specs look at, the last 15 minutes.
	history = 15 * time.Minute
)

// Options of a run.
type Options struct {
	// Args go to playwright: a part of a file's name, -g and part of a title, --headed, …
	Args []string
	// Wait shows what would be tested until the context ends, and tests nothing.
	Wait bool
}

// Missing says what this machine lacks to run the specs; "" when nothing.
func Missing() string {
	if os.Getenv("GRAFANA_URL") == "" {
		if _, ok := grafana.Find(); !ok {
			return "no Grafana found (GRAFANA_HOME names an installation, GRAFANA_URL one that runs)"
		}
	}
	if !browser() {
		return "no Chromium found (CHROMIUM names one)"
	}
	return ""
}

// browser tells whether playwright will find one. tests/editors/chromium.ts looks in the same places.
func browser() bool {
	if os.Getenv("CHROMIUM") != "" {
		return true // a wrong one should fail, not be passed over
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// Run runs the specs. Everything that it has started has ended when it returns.
func Run(ctx context.Context, options Options, out io.Writer) (err error) {
	if missing := Missing(); missing != "" {
		return errors.New(missing)
	}
	root, err := repo.Root()
	if err != nil {
		return err
	}
	if url := os.Getenv("GRAFANA_URL"); url != "" {
		return playwright(ctx, root, options, nil, out)
	}
	for _, built := range []string{filepath.Join(root, "dist", "module.js"), repo.PluginBinary(root)} {
		if _, err := os.Stat(built); err != nil {
			return fmt.Errorf("the plugin is not built (npm run build, go tool mage build:backend): %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "vllm-e2e-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	stores, err := stack.Start(ctx, stack.Options{
		Dir: filepath.Join(dir, "stores"), Pinned: os.Getenv("VLLM_SERVERS_FROM_PATH") == "", ScrapeInterval: scrapeInterval,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	endTraffic, err := traffic(ctx, stores)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, endTraffic()) }()

	installation, _ := grafana.Find()
	password := rand.Text()
	server, err := grafana.Start(ctx, grafana.Options{
		Installation: installation, Root: root, Dir: filepath.Join(dir, "grafana"), AdminPassword: password,
		Prometheus: stores.Prometheus.URL, Loki: stores.Loki.URL, Jaeger: "grpc://" + stores.Jaeger.GRPC,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	env := []string{"GRAFANA_URL=" + server.URL, "GRAFANA_ADMIN_USER=admin", "GRAFANA_ADMIN_PASSWORD=" + password}
	_, _ = fmt.Fprintf(out, "%s, started with the plugin of dist/ and the last %s of a simulated fleet\n", installation.Binary, history)
	return playwright(ctx, root, options, env, out)
}

// traffic fills the stores with the history and goes on filling them. What it returns ends it.
func traffic(ctx context.Context, stores *stack.Stack) (end func() error, err error) {
	sim, err := simulator.New(simulator.Config{
		Seed: 7, ScrapeInterval: scrapeInterval,
		PrometheusRemoteWrite: stores.Prometheus.RemoteWrite, Loki: stores.Loki.URL, OTLP: stores.Jaeger.OTLPHTTP,
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if err := sim.Backfill(ctx, simulator.Window{From: now.Add(-history), To: now}); err != nil {
		return nil, errors.Join(err, sim.Close())
	}
	if err := stores.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(sim.ScrapeTargets(), scrapeInterval)); err != nil {
		return nil, errors.Join(err, sim.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	return func() error {
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			return errors.Join(err, sim.Close())
		}
		return sim.Close()
	}, nil
}

func playwright(ctx context.Context, root string, options Options, env []string, out io.Writer) error {
	if options.Wait {
		for _, line := range env {
			_, _ = fmt.Fprintln(out, "export", line)
		}
		<-ctx.Done()
		return nil
	}
	return child.Run(ctx, child.Spec{
		Path: "npx", Args: append([]string{"--no-install", "playwright", "test"}, options.Args...), Dir: root,
		Env: append(os.Environ(), env...), Stdout: out, Stderr: out,
	})
}
