package fetch

import (
	"context"
	"sync"

	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
)

// Parallel runs functions at the same time. A panic in one must not end the plugin process: it is logged where it happened and raised again
// in the caller's goroutine, where the query's own guard turns it into that query's error.
func Parallel(functions ...func()) {
	var wg sync.WaitGroup
	panics := make([]error, len(functions))
	for i, f := range functions {
		wg.Go(func() {
			defer guard.Recover(context.Background(), &panics[i]) // whose it was, the caller's guard tells
			f()
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}
