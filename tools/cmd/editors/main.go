//go:build unix

// Command editors shows the plugin's editors in a browser without Grafana: see package editors. What follows on its command
// line is run meanwhile, with the page's address in EDITORS_URL:
//
//	go run ./cmd/editors                            # serve the page until Ctrl-C
//	go run ./cmd/editors npm run test:editors       # test
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/editors"
)

func main() {
	followParent := flag.Bool("end-with-parent", false, "end when the process that started this one is gone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *followParent {
		ctx = child.EndWithParent(ctx)
	}
	if err := editors.Run(ctx, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "editors:", err)
		os.Exit(1)
	}
}
