//go:build unix

// Command demo shows joined requests in the terminal: see package demo.
// `go tool mage demo` runs it with its defaults.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/demo"
)

func main() {
	var options demo.Options
	flag.StringVar(&options.MetricsURL, "vllm-metrics-url", os.Getenv("VLLM_METRICS_URL"),
		"`URL` of a real vLLM's /metrics instead of a simulated fleet; default from VLLM_METRICS_URL")
	flag.StringVar(&options.Log, "vllm-log", os.Getenv("VLLM_LOG"),
		"`file` that the real vLLM's output goes to; default from VLLM_LOG")
	flag.StringVar(&options.Name, "vllm-name", os.Getenv("VLLM_NAME"),
		"`name` of the real vLLM, the service.instance.id of its spans; default from VLLM_NAME, then host:port of the URL")
	flag.IntVar(&options.OTLPPort, "otlp-port", 0, "`port` on which Jaeger takes spans by gRPC; default 4317 with a real vLLM, else any free one")
	flag.DurationVar(&options.Every, "every", 2*time.Second, "`time` between pictures")
	flag.DurationVar(&options.Window, "window", 5*time.Minute, "how far queries look back")
	flag.DurationVar(&options.For, "for", 0, "end after this `time`")
	flag.BoolVar(&options.Once, "once", false, "print one picture when everything is up and filled, then end")
	flag.BoolVar(&options.NoGrafana, "no-grafana", false, "do not look for a Grafana")
	flag.StringVar(&options.Plugin, "plugin", "", "`binary` of the plugin to run as it is, instead of building it")
	followParent := flag.Bool("end-with-parent", false, "end when the process that started this one is gone")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *followParent {
		ctx = child.EndWithParent(ctx)
	}
	if err := demo.Run(ctx, options, demo.NewScreen(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
