//go:build unix

// Command fuzz runs the plugin's fuzz tests beyond their seeds, each for some seconds; the check runs it briefly.
//
//	go run ./cmd/fuzz -time 10m            # all of them, for long
//	go run ./cmd/fuzz -only FuzzParse      # one
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/fuzz"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	each := flag.Duration("time", 10*time.Second, "how long each fuzz test runs")
	only := flag.String("only", "", "the `function` to run, instead of all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *each, *only); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, each time.Duration, only string) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	targets, err := fuzz.Targets(root)
	if err != nil {
		return err
	}
	if only != "" {
		targets = slices.DeleteFunc(targets, func(t fuzz.Target) bool { return t.Function != only })
	}
	if len(targets) == 0 {
		return fmt.Errorf("there is no fuzz test %q", only)
	}
	return fuzz.Run(ctx, root, targets, each, os.Stdout)
}
