package fetch

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// targetsTTL is how long a watch believes the map of engines: which model runs where changes with a deployment, not with a
// request.
const targetsTTL = 30 * time.Second

// Watch gathers like Fetcher.Requests, for one question that is asked again and again about a moving window. It counts
// nothing in advance and remembers what hardly changes. It is not for use by several goroutines at once.
type Watch struct {
	fetcher *Fetcher
	scope   vllm.Scope

	targets  []evidence.Target
	believed time.Time // until then
}

// Watch starts one.
func (f *Fetcher) Watch(scope vllm.Scope) *Watch { return &Watch{fetcher: f, scope: scope} }

// Look gathers what a join of the window needs. expected is how many requests it likely holds, 0 for unknown: a good guess
// saves calls. The only error is that no store answered at all; everything less stands in Input.Stores.
func (w *Watch) Look(ctx context.Context, window evidence.Window, expected int) (join.Input, error) {
	g := w.fetcher.gather(ctx, Ask{Window: window, Scope: w.scope})
	fresh := time.Now().After(w.believed)
	if !fresh {
		g.in.Targets = w.targets
		g.targetsOnce.Do(func() {})
	}
	Parallel(
		func() { g.askTraces(ctx, expected, true) },
		func() { g.askLogs(ctx, []evidence.Window{widen(window)}, nil) },
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(window)}) },
		func() {
			if fresh {
				g.askTargets(ctx)
			}
		},
	)
	switch {
	case !fresh:
	case g.metrics.Err == nil:
		w.targets, w.believed = g.in.Targets, time.Now().Add(targetsTTL)
	}
	g.followClocks(ctx)
	if g.cutShort() {
		g.onlyWithSpans()
	}
	return g.input(), g.nothing()
}
