//go:build unix

package child

import (
	"context"
	"os"
	"time"
)

// EndWithParent gives a context that ends when the process that started this
// one is gone. It is for commands started through a chain of others: Ctrl-C
// reaches all of them, but a signal sent to the first one reaches only that.
func EndWithParent(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					cancel()
					return
				}
			}
		}
	}()
	return ctx
}
