package fetch

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// How much of a window a list of recent requests looks at.
const (
	// recentSpans and recentLines are the most that are read of each store in one step: the newest.
	recentSpans = 500
	recentLines = 2000
	// recentEnough is how many requests end the search.
	recentEnough = 200
	// recentCallers is how many of the services that call engines are searched for calls without an engine span, those seen last.
	recentCallers = 10
)

// recentSteps are how far back is looked, one step after the other until there are enough requests: a busy fleet has them within half a
// minute, and nobody waits for a join of hours that shows a menu.
var recentSteps = []time.Duration{30 * time.Second, 5 * time.Minute, time.Hour, 6 * time.Hour}

// Recent gathers the newest requests of a window and which engine is where, without the engines' state: at most some hundreds, and none
// that began more than six hours before its end. Each step makes a handful of calls, however busy the fleet is. The only error is that
// no store answered at all.
func (f *Fetcher) Recent(ctx context.Context, window evidence.Window, scope vllm.Scope) (join.Input, error) {
	few := *f
	few.Limits.Requests = min(few.Limits.Requests, recentSpans)
	for _, back := range recentSteps {
		w := window
		if from := w.To.Add(-back); from.After(w.From) {
			w.From = from
		}
		g := few.gather(ctx, Ask{Window: w, Scope: scope})
		g.depth, g.mostCallers = recentSpans, recentCallers
		Parallel(
			func() { g.askTraces(ctx, 0, true) },
			func() { g.askNewestLines(ctx, w) },
			func() { g.askTargets(ctx) },
		)
		if err := ctx.Err(); err != nil {
			return join.Input{}, err
		}
		if g.cutShort() {
			g.onlyWithSpans()
		}
		failed := g.traces.Err != nil || g.logs.Err != nil
		last := !w.From.After(window.From) || back == recentSteps[len(recentSteps)-1]
		if failed || last || g.traces.Truncated || g.logs.Truncated || g.requests() >= recentEnough {
			return g.input(), g.nothing()
		}
	}
	return join.Input{}, nil // the last step returns
}

func (g *gather) askNewestLines(ctx context.Context, window evidence.Window) {
	if g.Logs == nil {
		return
	}
	events, report := g.Logs.RequestEvents(ctx, []evidence.Window{widen(window)}, g.ask.Scope, loki.RequestFilter{Newest: recentLines})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Events = events
	g.merge(&g.logs, report)
}

// requests is about how many requests the evidence tells of.
func (g *gather) requests() int {
	known := map[string]bool{}
	for i := range g.in.Events {
		known[vllm.FamilyOf(g.in.Events[i].External)] = true
	}
	return max(len(g.in.Spans)+len(g.in.Callers), len(known))
}
