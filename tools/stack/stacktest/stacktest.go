//go:build unix

// Package stacktest gives a test real stores for as long as it runs.
package stacktest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
)

// Start waits until all wanted stores are ready and stops them when the test
// ends. With servers still to be built that is many minutes: give `go test` a
// -timeout that allows for it, or build them first with cmd/servers.
//
// Servers on PATH are ignored, so that every machine tests the same versions,
// unless VLLM_SERVERS_FROM_PATH is set, to try others on purpose.
func Start(t testing.TB, options stack.Options) *stack.Stack {
	t.Helper()
	options.Pinned = os.Getenv("VLLM_SERVERS_FROM_PATH") == ""
	s, err := stack.Start(t.Context(), options)
	if err != nil {
		t.Fatalf("start stores: %v", err)
	}
	t.Cleanup(func() {
		for _, store := range s.Stores() {
			switch err := store.Status().Err; {
			case err != nil:
				t.Errorf("%v", err)
			case t.Failed():
				t.Logf("the log of %s ends with:\n%s", store.Name(), store.LogTail(20))
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("stop stores: %v", err)
		}
	})
	return s
}

// Program is the path of a pinned program, built if need be.
func Program(t testing.TB, p program.Program) string {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := program.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	source := program.Source{Pinned: true, Cache: program.Cache{Dir: dir, Modules: filepath.Join(root, "tools", "servers")}}
	binary, err := source.GetAll(t.Context(), []program.Program{p}, func(program.Program, program.Progress) {})[0].Wait()
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return binary.Path
}
