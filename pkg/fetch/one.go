package fetch

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// traceID is what an id must look like to be one of a trace. A base id that vLLM makes up has 16 or 32 hex digits too, so
// an id of this form is looked for as both.
var traceID = regexp.MustCompile(`^[0-9a-f]{16,32}$`)

// Request gathers what a join of one request needs; Joined.Of finds its rows. id may be an external id, an internal one, that
// of a response, a client's X-Request-Id or a trace id.
func (f *Fetcher) Request(ctx context.Context, window evidence.Window, id string) (join.Input, error) {
	g := f.gather(ctx, Ask{Window: window})
	g.in.WithLines = true
	asked := vllm.NewRequestIDSet(id)
	Parallel(
		func() { g.findTraces(ctx, vllm.Candidates(id), id) },
		func() { g.askLogs(ctx, []evidence.Window{widen(window)}, []string{id}) },
		func() { g.askTargets(ctx) },
	)
	g.findMore(ctx, asked, id)
	if len(g.in.Spans) == 0 && len(g.in.Callers) == 0 && !g.hasEvents(asked) {
		g.findSent(ctx, id)
	}
	if more := g.idsOfTrace(id); len(more) > 0 && !g.hasEvents(asked) { // a trace id: its spans tell the request's id
		g.askLogs(ctx, around(g.in.Spans), more)
	} else if more := g.otherIDs(asked); len(more) > 0 { // a router's id: what vLLM was sent is another
		g.askLogs(ctx, around(g.in.Spans), more)
	}
	g.followClocks(ctx)
	if known := append(around(g.in.Spans), g.aroundLines(asked)...); len(known) > 0 {
		g.askMetrics(ctx, g.scrapesOfAll(fewWindows(known)))
	}
	if err := ctx.Err(); err != nil {
		return join.Input{}, err
	}
	return g.input(), g.nothing()
}

// findRounds is how often what was found may lead to further ids; maxFound bounds how many are looked for each time: the beams
// of a search without a caller have a trace each.
const (
	findRounds = 4
	maxFound   = 300
)

// findMore looks for the spans of ids that could not be guessed: those that lines name, and the prompts behind the last one
// that was found.
func (g *gather) findMore(ctx context.Context, asked vllm.RequestIDSet, id string) {
	if g.Traces == nil {
		return
	}
	seen := map[string]bool{}
	for _, candidate := range vllm.Candidates(id) {
		seen[candidate] = true
	}
	for range findRounds {
		var next []string
		add := func(id string) {
			if !seen[id] && len(next) < maxFound {
				seen[id] = true
				next = append(next, id)
			}
		}
		for i := range g.in.Events {
			if e := &g.in.Events[i]; asked.Has(e.ID, e.Form) {
				add(e.External)
				add(vllm.ExternalFromChild(e.ID))
			}
		}
		for i := range g.in.Spans {
			last := vllm.ExternalFromChild(g.in.Spans[i].RequestID)
			for range numberedAhead {
				following, ok := vllm.NextNumbered(last)
				if !ok {
					break
				}
				add(following)
				last = following
			}
		}
		if len(next) == 0 || g.silent(&g.traces) || !g.findIDs(ctx, next) {
			return
		}
	}
}

// maxSentServices is how many services are searched for what a client sent to a router, when none is known to call engines:
// each is asked for each name that such an attribute may have.
const maxSentServices = 20

// findSent looks for an id that vLLM never saw on the spans of routers and gateways.
func (g *gather) findSent(ctx context.Context, id string) {
	if g.Traces == nil || g.silent(&g.traces) {
		return
	}
	services := g.knownCallers(ctx)
	if others, err := g.Traces.OtherServices(ctx); err == nil {
		for _, s := range others {
			if len(services) < maxSentServices && !slices.Contains(services, s) {
				services = append(services, s)
			}
		}
	}
	traces, report := g.Traces.FindBySentID(ctx, g.ask.Window, services, id)
	g.mergeLocked(report)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range traces {
		g.in.Spans = append(g.in.Spans, t.Requests...)
		g.in.Callers = append(g.in.Callers, t.Unanswered...)
	}
}

// numberedAhead is how many prompts behind one that was found are looked for: some may have left no span.
const numberedAhead = 4

// findIDs looks for spans with these ids; it reports whether there were any.
func (g *gather) findIDs(ctx context.Context, ids []string) (any bool) {
	traces, report := g.Traces.FindByRequestID(ctx, g.ask.Window, ids)
	g.mergeLocked(report)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addTraces(traces, ids, "")
}

// addTraces takes spans that are new, and the calls that carry one of the ids; it reports whether any span was.
func (g *gather) addTraces(traces []jaeger.Trace, ids []string, id string) (any bool) {
	for _, t := range traces {
		for _, s := range t.Requests {
			if !slices.ContainsFunc(g.in.Spans, func(known evidence.RequestSpan) bool { return known.TraceID == s.TraceID && known.SpanID == s.SpanID }) {
				g.in.Spans, any = append(g.in.Spans, s), true
			}
		}
		for i := range t.Unanswered { // an application's trace holds calls besides the one that is asked for
			c := &t.Unanswered[i]
			wanted := sameTrace(t.TraceID, id) || knows(c, ids)
			if wanted && !slices.ContainsFunc(g.in.Callers, func(known evidence.CallerSpan) bool {
				return known.TraceID == c.TraceID && known.SpanID == c.SpanID && c.SpanID != ""
			}) {
				g.in.Callers = append(g.in.Callers, *c)
			}
		}
	}
	return any
}

// hasEvents reports whether a line is about what was asked for.
func (g *gather) hasEvents(asked vllm.RequestIDSet) bool {
	return slices.ContainsFunc(g.in.Events, func(e evidence.RequestEvent) bool { return asked.Has(e.ID, e.Form) })
}

// otherIDs are the ids of spans that were found by something else than their id.
func (g *gather) otherIDs(asked vllm.RequestIDSet) []string {
	return slices.DeleteFunc(idsOf(g.in.Spans), func(id string) bool { return asked.Has(id, vllm.IDExternal) })
}

// aroundLines is the time around the lines of one request, which may be all that is known of it.
func (g *gather) aroundLines(asked vllm.RequestIDSet) []evidence.Window {
	var windows []evidence.Window
	events := g.in.Events
	for i := range events {
		if !asked.Has(events[i].ID, events[i].Form) {
			continue // another's line that the store found too
		}
		at := events[i].Time()
		windows = append(windows, evidence.Window{From: at.Add(-join.BeforeStart - g.aheadLate), To: at.Add(join.AfterEnd - g.aheadEarly)})
	}
	return fewWindows(windows)
}

// findTraces looks for spans by request id and, when it looks like one, by trace id.
func (g *gather) findTraces(ctx context.Context, ids []string, id string) {
	if g.Traces == nil {
		return
	}
	traces, report := g.Traces.FindByRequestID(ctx, g.ask.Window, ids)
	if len(traces) == 0 && traceID.MatchString(strings.ToLower(id)) {
		var more evidence.StoreReport
		traces, more = g.byTraceID(ctx, id)
		g.mergeLocked(more)
	}
	g.mergeLocked(report)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addTraces(traces, ids, id)
}

// knows reports whether a call carries one of these ids, in the words of the client or of the response.
func knows(c *evidence.CallerSpan, ids []string) bool {
	return c.RequestID != "" && slices.ContainsFunc(ids, func(id string) bool {
		client, _ := vllm.ClientRequestID(id)
		return c.RequestID == id || c.RequestID == client || c.RequestID == vllm.ResponseID(id)
	})
}

// sameTrace compares trace ids, which some write without the zeros in front.
func sameTrace(a, b string) bool {
	return strings.EqualFold(strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0"))
}

// byTraceID finds the requests of one trace. The trace as a whole tells ids and times, the search by id tells callers.
func (g *gather) byTraceID(ctx context.Context, id string) ([]jaeger.Trace, evidence.StoreReport) {
	spans, report := g.Traces.GetTrace(ctx, id)
	var requests []evidence.RequestSpan
	for i := range spans {
		if r := spans[i].Request; r != nil {
			requests = append(requests, *r)
		}
	}
	if len(spans) == 0 {
		return nil, report
	}
	// The id says which request is meant, whatever the range of the panel.
	g.mu.Lock()
	g.in.Window, g.in.Looked = evidence.Window{}, evidence.Window{}
	g.mu.Unlock()
	own := jaeger.Trace{TraceID: spans[0].TraceID, Requests: requests}
	if len(requests) == 0 {
		return g.unansweredOf(ctx, spans, report)
	}
	for _, w := range evidence.MergeWindows(around(requests), 24*time.Hour) {
		found, more := g.Traces.FindByRequestID(ctx, w, idsOf(requests))
		report.Calls = append(report.Calls, more.Calls...)
		for _, t := range found {
			if t.TraceID == own.TraceID {
				return []jaeger.Trace{t}, report
			}
		}
	}
	return []jaeger.Trace{own}, report // spans without a request id
}

// unansweredOf finds the calls of a trace that no engine span answers: of a request that was rejected, or whose span is lost.
func (g *gather) unansweredOf(ctx context.Context, spans []evidence.Span, report evidence.StoreReport) ([]jaeger.Trace, evidence.StoreReport) {
	services := map[string]bool{}
	window := evidence.Window{From: spans[0].Start, To: spans[0].Start}
	for i := range spans {
		services[spans[i].Service] = true
		if t := spans[i].Start; t.Before(window.From) {
			window.From = t
		} else if t.After(window.To) {
			window.To = t
		}
	}
	window.To = window.To.Add(time.Millisecond) // a window ends before its end
	var found []jaeger.Trace
	more := g.Traces.CallerTraces(ctx, jaeger.Search{Window: window, Services: slices.Sorted(maps.Keys(services))}, func(t jaeger.Trace) error {
		if t.TraceID == spans[0].TraceID {
			found = append(found, t)
		}
		return nil
	})
	g.merge(&report, more)
	return found, report
}

// mergeLocked is merge for the traces' report.
func (g *gather) mergeLocked(r evidence.StoreReport) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.merge(&g.traces, r)
}

func (g *gather) idsOfTrace(id string) []string {
	if !traceID.MatchString(strings.ToLower(id)) {
		return nil
	}
	return idsOf(g.in.Spans)
}

// Neighbours gathers the engine spans of one instance in window and the state of its engines in the wider one, for what
// happened around a request.
// before is what the stores said when they were asked for that request: one that was silent is not asked again.
func (f *Fetcher) Neighbours(ctx context.Context, window, wider evidence.Window, scope vllm.Scope, before []evidence.StoreReport) (join.Input, error) {
	g := f.gather(ctx, Ask{Window: window, Scope: scope})
	g.stateOf = vllm.Scope{}
	for i, report := range []*evidence.StoreReport{&g.metrics, &g.logs, &g.traces} {
		if i < len(before) && upstream.Silent(before[i].Err) {
			report.Err = before[i].Err
		}
	}
	Parallel(
		func() { g.askTraces(ctx, 0, false) },
		// Metrics may know the instance by another of its names than the spans: the join finds it among all.
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(wider)}) },
		func() { g.askTargets(ctx) },
	)
	return g.input(), ctx.Err()
}
