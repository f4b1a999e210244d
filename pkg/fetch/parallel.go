package fetch

import (
	"fmt"
	"sync"
)

// Parallel runs functions at the same time. A panic in one must not end the plugin process: it is kept and raised again
// in the caller's goroutine, where the query's own recover turns it into that query's error.
func Parallel(functions ...func()) {
	var wg sync.WaitGroup
	panics := make([]any, len(functions))
	for i, f := range functions {
		wg.Go(func() {
			defer func() { panics[i] = recover() }()
			f()
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(fmt.Sprintf("fetch: %v", p))
		}
	}
}
