//go:build unix

// Command e2e tests the plugin in a real Grafana and a real browser: see package e2e. What follows on its command line goes
// to playwright. `go tool mage e2e` runs all of it.
//
//	go run ./cmd/e2e explore          # the specs of tests/explore.spec.ts; playwright's own flags after --
//	go run ./cmd/e2e -wait            # only starts all that is tested, for looking at it
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/e2e"
)

func main() {
	var options e2e.Options
	flag.BoolVar(&options.Wait, "wait", false, "start what the specs need and wait, instead of running them")
	followParent := flag.Bool("end-with-parent", false, "end when the process that started this one is gone")
	flag.Parse()
	options.Args = flag.Args()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *followParent {
		ctx = child.EndWithParent(ctx)
	}
	if err := e2e.Run(ctx, options, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
}
