//go:build unix

// Command check runs what must hold before a commit is pushed: see package
// check. `go tool mage check` runs all of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/llmserving/grafana-vllm-datasource/tools/check"
	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	only := flag.String("only", "", "comma-separated `steps` to run; what they build on is taken as done")
	list := flag.Bool("list", false, "name the steps and their commands")
	followParent := flag.Bool("end-with-parent", false, "end when the process that started this one is gone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *followParent {
		ctx = child.EndWithParent(ctx)
	}
	err := run(ctx, *only, *list)
	if err != nil && !errors.Is(err, check.ErrNotPassed) { // then the count stays the last line
		fmt.Fprintln(os.Stderr, "check:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, list bool) error {
	steps := check.Steps
	if only != "" {
		var err error
		if steps, err = check.Select(steps, strings.Split(only, ",")); err != nil {
			return err
		}
	}
	if list {
		for _, step := range steps {
			fmt.Printf("%-14s %s\n", step.Name, strings.Join(step.Command, " "))
		}
		return nil
	}
	root, err := repo.Root()
	if err != nil {
		return err
	}
	return check.NewRunner(root, os.Stdout).Check(ctx, steps)
}
