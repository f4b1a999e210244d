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
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(g.ask.Window)}) },
		func() { g.askTargets(ctx) },
	)
	g.askEnds(ctx)
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

// onlyWithSpans leaves out requests without a span: when not all spans were read, theirs may be among the rest.
func (g *gather) onlyWithSpans() { g.in.SpansOnly = true }

// chosenRows finds the rows that will be shown by their spans first, and asks the other stores only for the time around
// those. Ordered by time, the requests without a span belong among them: then one whole window is asked, cut to the part
// that the rows cover. Whatever may take part in settling a chosen row's lines is asked for and joined too; it leaves at the
// end of the join.
func (g *gather) chosenRows(ctx context.Context, expected int) {
	byTime := g.ask.Order.Column == "" || g.ask.Order.Column == join.TimeColumn
	Parallel(
		func() { g.askTraces(ctx, expected, byTime) },
		func() { g.askTargets(ctx) },
	)
	noSpans := g.traces.Err != nil && len(g.in.Spans) == 0
	noModels := g.metrics.Err != nil && g.stateOf.Narrows(vllm.Model) // which spans are of the model, lines and callers may tell
	if noSpans || noModels {                                          // nothing to choose by: logs and metrics for the whole window
		Parallel(
			func() { g.askLogs(ctx, []evidence.Window{widen(g.ask.Window)}, nil) },
			func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(g.ask.Window)}) },
		)
		return
	}
	if loses, known := g.loses.Peek(ctx, struct{}{}); known && loses && g.traces.Err == nil && !g.traces.Truncated {
		g.findByAnyName(ctx, expected)
	}
	chosen, total, open := g.choose()
	windows, ids := []evidence.Window{widen(g.ask.Window)}, []string(nil)
	var callers, everywhere []string
	cut, complete := false, !g.cutShort()
	search := g.search(expected)
	spans := len(g.in.Spans)
	near := g.near(chosen)
	again, few := g.repeatable(near)
	switch {
	case complete && (total == len(chosen) || open || spans <= g.wholeUpTo()), // all there is: requests without a span are welcome too
		complete && byTime && !few && spans <= g.readable(): // any other part of the window may have another try at one of the ids
		g.in.Dropped = 0
		if !byTime {
			callers = g.knownCallers(ctx)
		}
	case complete && byTime:
		g.look(chosen)
		windows[0], everywhere, cut = near, again, true
	default:
		g.onlyWithSpans()
		if !complete && spans <= g.wholeUpTo() {
			break
		}
		g.in.Callers = nil
		ids, everywhere = g.keepRelated(chosen)
		windows = clip(aroundRelated(g.in.Spans, g.in.Chosen), widen(g.ask.Window)) // no more than the whole answer would have
		if lost := withoutCall(chosen); len(lost) > 0 {                             // callers that lost their way to the engine's span are found by id
			callers = g.knownCallers(ctx)
			if within := around(lost); len(within) > 0 { // none where spans have no length that could be
				search.Window = evidence.Window{From: within[0].From.Add(-longestCall), To: within[len(within)-1].To}
			}
		}
	}
	Parallel(
		func() {
			whole := []evidence.Window{widen(g.ask.Window)}
			if ids != nil && len(ids) == 0 {
				g.searched = everywhere
				g.askLogs(ctx, whole, everywhere)
				return
			}
			g.askLogs(ctx, windows, ids)
			g.searched = everywhere
			if len(everywhere) > 0 { // another try at the same id may be anywhere
				g.askLogs(ctx, whole, everywhere)
			}
			if cut {
				g.askTorn(ctx, windows[0], everywhere)
			}
		},
		func() {
			state := windows
			if cut { // a request that only lines know may end long after the last one that was chosen
				state = []evidence.Window{{From: near.From, To: widen(g.ask.Window).To}}
			}
			g.askMetrics(ctx, clip(g.scrapesOfAll(state), g.scrapes(g.ask.Window)))
		},
		func() { g.askCallers(ctx, search, callers) },
	)
	g.askEnds(ctx)
	g.followClocks(ctx)
	if narrow := cut || ids != nil; narrow && !g.punctual && len(g.in.Events) > 0 && g.mayRepeat() {
		// How lines are dated is measured of what was read. An id that is used again misleads that measure where its other tries
		// were not read.
		if g.unsure = complete && spans <= g.readable(); g.unsure {
			return
		}
		g.searched, g.linesWhole = nil, false
	}
	if cut {
		g.keepNear(windows[0], everywhere)
	}
	if ids == nil { // the lines of all requests are there, also of those without a span
		g.recover(ctx, 0)
	}
}

// mayRepeat reports whether a client may have used an id again that spans name, or lines where requests without a span are wanted.
func (g *gather) mayRepeat() bool {
	again := func(id string) bool {
		family := vllm.FamilyOf(id)
		return family != "" && !vllm.Unrepeatable(family)
	}
	return slices.ContainsFunc(g.in.Spans, func(s evidence.RequestSpan) bool { return again(s.RequestID) }) ||
		g.in.Chosen == nil && slices.ContainsFunc(g.in.Events, func(e evidence.RequestEvent) bool { return again(e.External) })
}

// longestCall is how long a call may have been under way before the engine began with it.
const longestCall = 10 * time.Minute

// withoutCall are the spans that have no call above them, or one whose own caller is not there.
func withoutCall(spans []evidence.RequestSpan) (out []evidence.RequestSpan) {
	for i := range spans {
		if s := &spans[i]; s.Call == nil && s.Caller == nil || s.Root != nil && s.Root.ParentSpanID != "" {
			out = append(out, *s)
		}
	}
	return out
}

// choose finds the spans whose rows can be in the answer, and how many could. open says that the order does not tell all of
// them apart from requests without a span, because some have nothing to be ordered by.
func (g *gather) choose() (chosen []evidence.RequestSpan, total int, open bool) {
	joined := join.Requests(join.Input{Spans: g.in.Spans, Targets: g.in.Targets, Window: g.ask.Window})
	rows, total := join.Choose(joined.Rows, g.ask.Select, g.ask.Order, g.ask.Keep)
	chosen = make([]evidence.RequestSpan, len(rows))
	for i := range rows {
		chosen[i] = *rows[i].Span
	}
	g.in.Dropped = total - len(rows)
	if column, ok := join.ColumnNamed(g.ask.Order.Column); ok && len(rows) > 0 {
		open = column.Null(&rows[len(rows)-1])
	}
	return chosen, total, open
}
