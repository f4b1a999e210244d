package fetch

import (
	"context"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// wholeWindow asks all three stores for the whole window at once: every request is wanted, also those that left no span.
func (g *gather) wholeWindow(ctx context.Context, expected int) {
	Parallel(
		func() { g.askTraces(ctx, expected, true) },
		func() { g.askLogs(ctx, []evidence.Window{widen(g.ask.Window)}, nil) },
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(g.ask.Window)}, g.ask.Scope) },
		func() { g.askTargets(ctx) },
	)
	g.followClocks(ctx)
	if g.cutShort() {
		g.onlyWithSpans()
		return
	}
	g.recover(ctx, expected)
}

// cutShort reports whether a limit kept spans from us. A failure that did is another matter: then the rows that the other
// stores know stay, with a notice of what they lack.
func (g *gather) cutShort() bool { return g.spansCut && g.traces.Err == nil }

// onlyWithSpans drops evidence of requests without a span: when not all spans were read, theirs may be among the rest.
func (g *gather) onlyWithSpans() {
	g.in.Events = onlyOf(g.in.Events, idsOf(g.in.Spans))
	g.in.Callers = nil
}

// chosenRows finds the rows that will be shown by their spans first, and asks the other stores only for the time around
// those. Ordered by time, the requests without a span belong among them: then one whole window is asked, cut to the part
// that the rows cover.
func (g *gather) chosenRows(ctx context.Context, expected int) {
	byTime := g.ask.Order.Column == "" || g.ask.Order.Column == join.TimeColumn
	Parallel(
		func() { g.askTraces(ctx, expected, byTime) },
		func() { g.askTargets(ctx) },
	)
	noSpans := g.traces.Err != nil && len(g.in.Spans) == 0
	noModels := g.metrics.Err != nil && g.ask.Scope.Narrows(vllm.Model) // which spans are of the model, lines and callers may tell
	if noSpans || noModels {                                            // nothing to choose by: logs and metrics for the whole window
		Parallel(
			func() { g.askLogs(ctx, []evidence.Window{widen(g.ask.Window)}, nil) },
			func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(g.ask.Window)}, g.ask.Scope) },
		)
		return
	}
	if loses, known := g.loss.known(); known && loses && g.traces.Err == nil && !g.traces.Truncated {
		g.findByAnyName(ctx, expected)
	}
	chosen, total := g.choose()
	windows, ids := []evidence.Window{widen(g.ask.Window)}, []string(nil)
	var callers []string
	switch complete := !g.cutShort(); {
	case complete && total == len(chosen): // all there is: requests without a span are welcome too
		if !byTime {
			callers = g.callers.get()
		}
	case complete && byTime:
		windows[0] = g.cut(chosen)
	default:
		g.in.Spans, g.in.Callers = chosen, nil
		windows, ids = around(chosen), idsOf(chosen)
	}
	Parallel(
		func() { g.askLogs(ctx, windows, ids) },
		func() { g.askMetrics(ctx, g.scrapesOfAll(windows), g.ask.Scope) },
		func() { g.askCallers(ctx, g.search(expected), callers) },
	)
	g.followClocks(ctx)
	if ids == nil { // the lines of all requests are there, also of those without a span
		g.recover(ctx, 0)
	}
}

// choose keeps the spans whose rows can be in the answer and returns how many could.
func (g *gather) choose() (chosen []evidence.RequestSpan, total int) {
	joined := join.Requests(join.Input{Spans: g.in.Spans, Targets: g.in.Targets, Window: g.ask.Window})
	rows, total := join.Choose(joined.Rows, g.ask.Select, g.ask.Order, g.ask.Keep)
	chosen = make([]evidence.RequestSpan, len(rows))
	for i := range rows {
		chosen[i] = *rows[i].Span
	}
	g.in.Dropped = total - len(rows)
	return chosen, total
}

// cut narrows the question to the part of the window that the chosen rows cover: what lies beyond is out of the answer
// whatever the other stores say. It returns where the chosen rows' lines may be: some come when a request ends, which may be
// long after the last one that was chosen began. Spans around that part stay, so that their lines find them.
func (g *gather) cut(chosen []evidence.RequestSpan) evidence.Window {
	first, last := chosen[0].Start, chosen[0].Start
	for i := range chosen {
		if t := chosen[i].Start; t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	if g.ask.Order.Desc {
		g.in.Looked.From = first
	} else {
		g.in.Looked.To = last.Add(time.Nanosecond)
	}
	near := widen(g.in.Looked)
	for i := range chosen {
		if end := chosen[i].End().Add(join.AfterEnd); end.After(near.To) {
			near.To = end
		}
	}
	if whole := widen(g.ask.Window); near.To.After(whole.To) {
		near.To = whole.To
	}
	g.in.Spans = slices.DeleteFunc(g.in.Spans, func(s evidence.RequestSpan) bool { return !near.Contains(s.Start) })
	return near
}
