// Package guard keeps a mistake of ours from ending the plugin's process: a panic is an entry in the log with its stack, and the
// error of the query in which it happened. No other package recovers, and none starts a goroutine without it; a test holds both.
package guard

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// ErrInternal is what users see of a panic. What it said stands in the log alone, since it may quote what it was about.
var ErrInternal = errors.New("internal error of the vLLM data source; its log has the details")

var panics = promauto.NewCounter(prometheus.CounterOpts{
	Name: "vllm_datasource_panics_total",
	Help: "Mistakes of the data source that ended a query; each is in the log with its stack.",
})

// Recover is deferred, as the first thing that a goroutine does:
//
//	go func() {
//		defer guard.Recover(ctx, &err)
//
// A panic is logged with its stack, counted, becomes *err, and fails the work that ctx is of (Watch).
func Recover(ctx context.Context, err *error) {
	p := recover()
	if p == nil {
		return
	}
	if known, ok := p.(error); !ok || !errors.Is(known, ErrInternal) { // else it was logged where it happened
		panics.Inc()
		backend.Logger.FromContext(ctx).Error("Panic", "panic", clip(fmt.Sprint(p)), "stack", string(debug.Stack()))
	}
	if broken, ok := ctx.Value(watchKey{}).(*atomic.Bool); ok {
		broken.Store(true)
	}
	*err = ErrInternal
}

// Run does the work in the caller's goroutine; a panic in it is the error, as Recover says.
func Run(ctx context.Context, work func() error) (err error) {
	defer Recover(ctx, &err)
	return work()
}

// maxText bounds what a panic says: it may quote an answer of a store.
const maxText = 1000

func clip(text string) string { return text[:min(len(text), maxText)] }

type watchKey struct{}

// Watch begins a work that fails as a whole when any goroutine of it panics, whatever came of the others: a query, a look. The
// function that it gives says so, in the end, with ErrInternal.
func Watch(ctx context.Context) (context.Context, func() error) {
	broken := &atomic.Bool{}
	return context.WithValue(ctx, watchKey{}, broken), func() error {
		if broken.Load() {
			return ErrInternal
		}
		return nil
	}
}
