//go:build unix

// Package stacktest gives a test real stores for as long as it runs.
package stacktest

import (
	"os"
	"testing"

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
		if err := s.Close(); err != nil {
			t.Errorf("stop stores: %v", err)
		}
	})
	return s
}
