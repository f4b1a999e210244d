// Command vllm-sim runs the simulated vLLM fleet: hours of history as fast as
// the machine can, then live until interrupted.
//
//	vllm-sim -backfill 6h -prometheus-remote-write URL -loki URL -otlp URL -truth truth.jsonl
//	vllm-sim -profile burst -rate 20 -loki URL -otlp URL
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/world"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "vllm-sim:", err)
		os.Exit(1)
	}
}

// options are the flags that are not part of the simulator's Config.
type options struct {
	profile  string
	backfill time.Duration
	duration time.Duration
	truth    string
	replicas int
	engines  int
	world    string
}

func flags(config *simulator.Config) *options {
	o := &options{}
	flag.Uint64Var(&config.Seed, "seed", 1, "the same seed gives the same traffic")
	flag.StringVar(&o.profile, "profile", string(simulator.Mixed), "steady, burst, long-prompts, overload or mixed")
	flag.Float64Var(&config.Rate, "rate", 6, "mean calls per second over all models")
	flag.IntVar(&config.MaxRequests, "max-requests", 0, "end the arrivals after that many calls; 0 is no limit, negative leaves only those that come over HTTP")
	flag.StringVar(&o.world, "world", "", "what somebody else's installation does to the telemetry; several are separated by commas, \"list\" lists them")
	flag.IntVar(&o.replicas, "replicas", 0, "pods per model; 0 keeps two")
	flag.IntVar(&o.engines, "engines", 0, "data-parallel engines per pod; 0 keeps the models' own")
	flag.StringVar(&config.VLLMVersion, "vllm-version", "", "names and line shapes of this version, 0.8 or later; default is the newest known")
	flag.Float64Var(&config.LostSpans, "lost-spans", 0.01, "share of spans the pipeline loses")
	flag.Float64Var(&config.LostLogs, "lost-logs", 0.01, "share of request log lines the pipeline loses")
	flag.Float64Var(&config.EngineDeaths, "engine-deaths", 0, "per instance and hour; 0 takes the profile's, negative is never")
	flag.Float64Var(&config.EnginePauses, "engine-pauses", 0, "likewise; each aborts all requests of an instance")
	flag.DurationVar(&o.backfill, "backfill", 0, "history to write before going live, such as 6h")
	flag.Float64Var(&config.Speed, "speed", 0, "virtual seconds per second while backfilling; 0 is as fast as possible")
	flag.DurationVar(&o.duration, "duration", 0, "how long to stay live; 0 is until interrupted, negative is not at all")
	flag.DurationVar(&config.ScrapeInterval, "scrape-interval", 15*time.Second, "grid of remote-written samples, and of the printed scrape config")
	flag.StringVar(&config.Listen, "listen", "127.0.0.1:0", `address of /metrics and of the OpenAI-compatible API, or "off"`)
	flag.StringVar(&config.PrometheusRemoteWrite, "prometheus-remote-write", "", "complete URL, …/api/v1/write; needed to backfill metrics")
	flag.StringVar(&config.Loki, "loki", "", "base URL")
	flag.StringVar(&config.LokiTenant, "loki-tenant", "", "X-Scope-OrgID")
	flag.StringVar(&config.OTLP, "otlp", "", "base URL of OTLP over HTTP, such as http://127.0.0.1:4318")
	flag.StringVar(&o.truth, "truth", "", "file for the truth, JSON lines")
	flag.Parse()
	return o
}

func run() error {
	var config simulator.Config
	o := flags(&config)
	var err error
	if config.Profile, err = simulator.ParseProfile(o.profile); err != nil {
		return err
	}
	config.Models = simulator.DefaultModels()
	for i := range config.Models {
		if o.replicas > 0 {
			config.Models[i].Replicas = o.replicas
		}
		if o.engines > 0 {
			config.Models[i].Engines = o.engines
		}
	}
	if o.world == "list" {
		for _, name := range world.Names() {
			w, _ := world.Named(name) // listed names are known
			fmt.Printf("%-28s %s\n", name, w.Doc)
		}
		return nil
	}
	if o.world != "" {
		w, err := world.Named(strings.ReplaceAll(o.world, ",", "+"))
		if err != nil {
			return err
		}
		w.Apply(&config)
	}
	if o.truth != "" {
		file, err := os.Create(o.truth)
		if err != nil {
			return err
		}
		defer file.Close()
		config.Truth = file
	}
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	sim, err := simulator.New(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = simulate(ctx, sim, config, o)
	report(sim.Stats())
	if closed := sim.Close(); err == nil {
		err = closed
	}
	return err
}

func simulate(ctx context.Context, sim *simulator.Simulator, config simulator.Config, o *options) error {
	fmt.Print(simulator.ScrapeConfigs(sim.ScrapeTargets(), config.ScrapeInterval))
	if o.backfill > 0 {
		began := time.Now()
		window := simulator.Window{From: began.Add(-o.backfill), To: began, Drain: o.duration < 0}
		if err := sim.Backfill(ctx, window); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "wrote %s of history in %s\n", o.backfill, time.Since(began).Round(10*time.Millisecond))
	}
	if o.duration < 0 {
		return nil
	}
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	return sim.Run(ctx)
}

func report(s simulator.Stats) {
	fmt.Fprintf(os.Stderr, "%d requests, %d spans, %d log lines, %d samples in %d scrapes\n",
		s.Requests, s.Spans, s.LogLines, s.Samples, s.Scrapes)
	for name, store := range s.Stores {
		fmt.Fprintf(os.Stderr, "%s: %d delivered, %d dropped, %d held\n", name, store.Delivered, store.Dropped, store.Buffered)
	}
}
