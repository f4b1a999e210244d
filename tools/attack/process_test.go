//go:build unix

package attack

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAttackProcess(t *testing.T) {
	try(t, "the process",
		attack{
			name:  "a viewer who leaves while the stores work",
			tried: "Prometheus, Loki and Jaeger take every call and do not answer; the viewer asks each query kind and goes away",
			holds: "the stores' calls end as soon as the viewer is gone, and the plugin goes on",
			run:   abandoned,
		},
		attack{
			name:  "a panic in a goroutine of a query",
			tried: "each call to a store, of each kind, panics in a goroutine of its own",
			holds: "that query fails with an error that says nothing of the inside, the log has the stack, others are answered",
			test:  "pkg/guard.TestAPanicIsLoggedOnceWithItsStackAndFailsTheWork",
		},
		attack{
			name:  "a goroutine that nobody guards",
			tried: "the code of the plugin is read for goroutines, timers and groups that begin without the guard, and for others who recover",
			holds: "there is none",
			test:  "pkg/guard.TestNoGoroutineStartsUnguarded",
		},
		attack{
			name:  "all memory, by many large answers",
			tried: "many requests hold as much as they may, at once",
			holds: "together they hold no more than the process' bounds",
			test:  "pkg/memory.TestTheProcessHoldsNoMoreThanItsBounds",
		},
		attack{
			name:  "more live queries than there are places",
			tried: "more different live queries are followed than a data source allows",
			holds: "those above the bound are refused",
			test:  "pkg/live.TestTheNumberOfStreamsIsBounded",
		},
		attack{
			name:  "rows of another question in a viewer's stream",
			tried: "a viewer subscribes to a channel with a question that is not the channel's own",
			holds: "the channel is refused",
			test:  "pkg/host.TestAChannelTakesOnlyItsOwnQuestion",
		},
	)
}

// abandoned asks stores that never answer, leaves once they were asked, and waits until they were let go.
func abandoned(t *testing.T) {
	stores := newStores(t)
	arrived, left := make(chan struct{}, 1000), make(chan struct{}, 1000)
	wait := func(ctx context.Context) {
		arrived <- struct{}{}
		<-ctx.Done()
		left <- struct{}{}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { wait(r.Context()) }
	stores.prometheus.instead(hang)
	stores.loki.instead(hang)
	stores.jaeger.instead(func(c *call) ([][]byte, error) {
		wait(c.ctx)
		return nil, c.ctx.Err()
	})
	host := start(t, stores.settings())
	var slowest time.Duration
	queries, calls := 0, 0
	for _, example := range examples() {
		ctx, leave := context.WithCancel(t.Context())
		q := asked(t, "A", example)
		var viewer sync.WaitGroup
		viewer.Go(func() {
			_, _ = host.QueryData(ctx, q) // nobody waits for it
		})
		<-arrived
		gone := time.Now()
		leave()
		viewer.Wait()
		<-left
		for open := 0; ; { // those that came meanwhile
			select {
			case <-arrived:
				open++
				continue
			default:
			}
			if open == 0 {
				break
			}
			<-left
			open--
			calls++
		}
		slowest = max(slowest, time.Since(gone))
		queries, calls = queries+1, calls+1
	}
	answer := ask(t, host, map[string]any{"queryType": "trace", "trace": map[string]any{"traceId": "xyz"}})
	require.Error(t, answer.Error, "the plugin answers")
	figure(t, "%d queries, %d calls, the last ended %d ms after its viewer", queries, calls, slowest.Milliseconds())
}
