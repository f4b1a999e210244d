package fetch

import (
	"context"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Watch gathers like Fetcher.Requests, for one question that is asked again and again about a moving window. It counts
// nothing in advance and remembers what hardly changes. It is not for use by several goroutines at once.
type Watch struct {
	fetcher *Fetcher
	scope   vllm.Scope

	targets *memo.Memo[struct{}, []evidence.Target]
}

// Watch starts one.
func (f *Fetcher) Watch(scope vllm.Scope) *Watch {
	return &Watch{fetcher: f, scope: scope, targets: memo.New[struct{}](keptTargets, func(t []evidence.Target) memo.Weight {
		return memo.Weight{Empty: len(t) == 0}
	}, f.stores...)}
}

// Look gathers what a join of the window needs. expected is how many requests it likely holds, 0 for unknown: a good guess
// saves calls. The only error is that no store answered at all; everything less stands in Input.Stores.
func (w *Watch) Look(ctx context.Context, window evidence.Window, expected int) (join.Input, error) {
	g := w.fetcher.gather(ctx, Ask{Window: window, Scope: w.scope})
	targets, known := w.targets.Peek(ctx, struct{}{})
	if known {
		g.in.Targets = targets
		g.targetsOnce.Do(func() {})
	}
	Parallel(
		func() { g.askTraces(ctx, expected, true) },
		func() { g.askLogs(ctx, []evidence.Window{widen(window)}, nil) },
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(window)}) },
		func() {
			if !known {
				g.askTargets(ctx)
			}
		},
	)
	if !known && g.metrics.Err == nil {
		w.targets.Put(ctx, struct{}{}, g.in.Targets)
	}
	g.followClocks(ctx)
	if g.cutShort() {
		g.onlyWithSpans()
	}
	return g.input(), g.nothing()
}
