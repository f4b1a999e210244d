//go:build unix

// Command servers builds the real servers and their tools as pinned in
// tools/servers into the cache that the demo and the integration tests use.
// What is there already takes no time.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := build(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

func build(ctx context.Context) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	dir, err := program.DefaultCacheDir()
	if err != nil {
		return err
	}
	source := program.Source{Pinned: true, Cache: program.Cache{Dir: dir, Modules: filepath.Join(root, "tools", "servers")}}
	programs := program.Pinned()
	pending := source.GetAll(ctx, programs, newReporter(10*time.Second))
	for i, p := range programs {
		binary, err := pending[i].Wait()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		fmt.Printf("%s: %s\n", p.Name, binary.Path)
	}
	return nil
}

// newReporter prints a program's progress when its phase changes and then at
// most once per interval: this goes into logs.
func newReporter(interval time.Duration) func(program.Program, program.Progress) {
	type last struct {
		phase program.Phase
		at    time.Time
	}
	var mu sync.Mutex
	seen := map[string]last{}
	return func(p program.Program, progress program.Progress) {
		mu.Lock()
		defer mu.Unlock()
		before, now := seen[p.Name], time.Now()
		if before.phase == progress.Phase && now.Sub(before.at) < interval {
			return
		}
		seen[p.Name] = last{progress.Phase, now}
		fmt.Printf("%s: %s\n", p.Name, progress)
	}
}
