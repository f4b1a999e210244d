package prometheus

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
)

// Each runs ask(0) … ask(n-1), at most limit at a time, and gives their errors by index. One that fails does not stop the
// others, unless it is for a store that does not answer: then those not yet begun have that error too, or else a panel
// would wait for as many timeouts. When ctx ends, those not yet begun are not. A panic becomes that call's error.
func Each(ctx context.Context, limit, n int, ask func(ctx context.Context, i int) error) []error {
	errs := make([]error, n)
	slots := make(chan struct{}, max(limit, 1))
	var running sync.WaitGroup
	var silence atomic.Pointer[error]
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if errs[i] = ctx.Err(); errs[i] != nil { // both may be true: a free slot is not worth a call nobody waits for
			continue
		}
		if silent := silence.Load(); silent != nil {
			errs[i] = *silent
			<-slots
			continue
		}
		running.Go(func() {
			defer guard.Recover(ctx, &errs[i])
			defer func() { <-slots }()
			if errs[i] = ask(ctx, i); upstream.Silent(errs[i]) {
				silence.Store(&errs[i])
			}
		})
	}
	running.Wait()
	return errs
}
