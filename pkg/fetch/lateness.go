package fetch

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// latenessTTL is how long it is believed that lines are dated so much earlier or later than spans. A clock that was mended
	// leaves wider questions behind for that long, never other rows.
	latenessTTL = 10 * time.Minute
	// inSlack is what the slack between a span and its lines (join.BeforeStart, join.AfterEnd) takes up of a lateness.
	inSlack = time.Second
	// enoughTelling is how many requests of a stream must tell how late its lines are, unless there are no more than fewSpans in all:
	// an id that is used again may meet a span that is not its own, and what is measured costs time only.
	enoughTelling = 3
	fewSpans      = 10
	// latenessMargin is added to what was measured: single lines are later than nearly all.
	latenessMargin = 2 * time.Second
)

// side is one of two ways in which lines can be dated otherwise than spans.
type side bool

const (
	beforeSpans side = false // by not more than nothing
	afterSpans  side = true  // by not less than nothing
)

// dating is how much earlier and later than spans lines are dated, as far as known, so that the next question asks for the right time at
// once.
func (k *kept) dating(ctx context.Context) (earlier, later time.Duration) {
	earlier, _ = k.lateness.Peek(ctx, beforeSpans)
	later, _ = k.lateness.Peek(ctx, afterSpans)
	return earlier, later
}

// learnDating keeps the widest of what was measured lately.
func (k *kept) learnDating(ctx context.Context, earlier, later time.Duration) {
	if known, _ := k.lateness.Peek(ctx, beforeSpans); earlier < 0 && earlier <= known {
		k.lateness.Put(ctx, beforeSpans, earlier)
	}
	if known, _ := k.lateness.Peek(ctx, afterSpans); later > 0 && later >= known {
		k.lateness.Put(ctx, afterSpans, later)
	}
}

// unheard keeps the spans of places whose lines were not looked for in vain lately.
func (k *kept) unheard(ctx context.Context, spans []*evidence.RequestSpan) (out []*evidence.RequestSpan) {
	for _, s := range spans {
		if silent, _ := k.silent.Peek(ctx, join.PlaceOf(s)); !silent {
			out = append(out, s)
		}
	}
	return out
}

// hush notes that the lines of these spans' places were looked for in vain.
func (k *kept) hush(ctx context.Context, spans []*evidence.RequestSpan) {
	for _, s := range spans {
		k.silent.Put(ctx, join.PlaceOf(s), true)
	}
}

// dated widens windows of spans to where their lines are dated.
func dated(windows []evidence.Window, early, late time.Duration) []evidence.Window {
	if early == 0 && late == 0 {
		return windows
	}
	out := make([]evidence.Window, len(windows))
	for i, w := range windows {
		out[i] = evidence.Window{From: w.From.Add(early), To: w.To.Add(late)}
	}
	return evidence.MergeWindows(out, 0)
}

// followClocks takes and asks for the lines that the first question missed because they are dated otherwise than the spans: further
// where the lines that came say so, and for single requests first where spans have no lines at all.
func (g *gather) followClocks(ctx context.Context) {
	if g.Logs == nil || g.logs.Err != nil || g.logs.Truncated || len(g.in.Spans) == 0 || len(g.lineAsks) == 0 || ctx.Err() != nil {
		return
	}
	enough := enoughTelling
	if len(g.in.Spans) < fewSpans {
		enough = 1
	}
	seen := join.MeasureLateness(g.in.Spans, g.in.Events, enough)
	if early, late := beyondSlack(seen); early == 0 && late == 0 {
		found := g.probeLines(ctx, g.unheard(ctx, seen.Unmet))
		seen.Earliest, seen.Latest = min(seen.Earliest, found.Earliest), max(seen.Latest, found.Latest)
	}
	g.punctual = seen.Pairs >= enoughTelling && seen.Earliest > -join.Decisive && seen.Latest < join.Decisive
	g.early, g.late = beyondSlack(seen)
	g.learnDating(ctx, g.early, g.late)
	if g.early == 0 && g.late == 0 {
		return
	}
	var reports []evidence.StoreReport
	var found []evidence.RequestEvent
	for _, ask := range g.lineAsks {
		wanted := dated(ask.windows, g.early, g.late)
		there, _ := split(g.ahead, wanted)
		missing := without(wanted, dated(ask.windows, g.aheadEarly, g.aheadLate))
		if len(missing) > maxWindows {
			missing = fewWindows(missing)
		}
		found = more(found, there)
		if len(missing) == 0 {
			continue
		}
		events, report := g.Logs.RequestEvents(ctx, missing, g.ask.Scope, loki.RequestFilter{IDs: ask.ids})
		inside, _ := split(events, wanted)
		found, reports = more(found, inside), append(reports, report)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Events = more(g.in.Events, found)
	for _, report := range reports {
		g.merge(&g.logs, report)
	}
	g.logs.Nothing = g.logs.Nothing && len(g.in.Events) == 0
}

// beyondSlack is by how much lines lie outside the slack around spans, with a margin; 0 when they do not.
func beyondSlack(l join.Lateness) (early, late time.Duration) {
	if l.Earliest < -join.BeforeStart+inSlack {
		early = (l.Earliest - latenessMargin).Round(time.Second)
	}
	if l.Latest > join.AfterEnd-2*inSlack {
		late = (l.Latest + latenessMargin).Round(time.Second)
	}
	return max(early, -join.Apart), min(late, join.Apart)
}

// probeLines looks for the lines of single requests: among those that were read already, then as far around their spans as lines are
// joined.
func (g *gather) probeLines(ctx context.Context, spans []*evidence.RequestSpan) join.Lateness {
	var windows []evidence.Window
	var ids []string
	probed := make([]evidence.RequestSpan, 0, len(spans))
	for _, s := range spans {
		if s.RequestID == "" {
			continue
		}
		ids, probed = append(ids, vllm.ExternalFromChild(s.RequestID)), append(probed, *s)
		windows = append(windows, evidence.Window{From: s.Start.Add(-join.Apart), To: s.End().Add(join.Apart)})
	}
	if len(ids) == 0 {
		return join.Lateness{}
	}
	if met := join.MeasureLateness(probed, g.ahead, 1); len(met.Unmet) == 0 {
		return met
	}
	events, report := g.Logs.RequestEvents(ctx, fewWindows(windows), g.ask.Scope, loki.RequestFilter{IDs: ids})
	if report.Err == nil {
		met := join.MeasureLateness(probed, events, 1)
		g.hush(ctx, met.Unmet)
		g.mergeCalls(&g.logs, report)
		return met
	}
	if upstream.Silent(report.Err) {
		g.hush(ctx, spans)
	}
	return join.Lateness{}
}

// mergeCalls adds what a further question cost to a store's report, and nothing that it failed at: the answer is whole without.
func (g *gather) mergeCalls(into *evidence.StoreReport, r evidence.StoreReport) {
	g.mu.Lock()
	defer g.mu.Unlock()
	into.Calls = append(into.Calls, r.Calls...)
}

// without is what some windows cover and others do not.
func without(windows, others []evidence.Window) (out []evidence.Window) {
	others = evidence.MergeWindows(others, 0)
	for _, w := range evidence.MergeWindows(windows, 0) {
		for _, o := range others {
			if !o.To.After(w.From) || !o.From.Before(w.To) {
				continue
			}
			if o.From.After(w.From) {
				out = append(out, evidence.Window{From: w.From, To: o.From})
			}
			w.From = o.To
		}
		if w.From.Before(w.To) {
			out = append(out, w)
		}
	}
	return out
}
