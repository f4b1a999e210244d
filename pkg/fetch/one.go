package fetch

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// completionItems is up to how many prompts of one completions call are looked for when only the client's id is known:
// Jaeger finds ids by exact value, one search each.
const completionItems = 4

// traceID is what an id must look like to be one of a trace. A base id that vLLM makes up has 16 or 32 hex digits too, so
// an id of this form is looked for as both.
var traceID = regexp.MustCompile(`^[0-9a-f]{16,32}$`)

// Request gathers what a join of one request needs. id may be an external id, an internal one, a client's X-Request-Id or
// a trace id.
func (f *Fetcher) Request(ctx context.Context, window evidence.Window, id string) (join.Input, error) {
	g := f.gather(ctx, Ask{Window: window})
	ids := candidates(id)
	Parallel(
		func() { g.findTraces(ctx, ids, id) },
		func() { g.askLogs(ctx, []evidence.Window{widen(window)}, ids) },
		func() { g.askTargets(ctx) },
	)
	if more := g.idsOfTrace(id); len(more) > 0 && len(g.in.Events) == 0 { // a trace id: its spans tell the request's id
		g.askLogs(ctx, around(g.in.Spans), more)
	}
	if known := append(around(g.in.Spans), aroundLines(g.in.Events)...); len(known) > 0 {
		g.askMetrics(ctx, g.scrapesOfAll(known), vllm.Scope{})
	}
	if err := ctx.Err(); err != nil {
		return join.Input{}, err
	}
	return g.input(), g.nothing()
}

// aroundLines is the time around the lines of one request, which may be all that is known of it.
func aroundLines(events []evidence.RequestEvent) []evidence.Window {
	windows := make([]evidence.Window, 0, len(events))
	for i := range events {
		at := events[i].Time()
		windows = append(windows, evidence.Window{From: at.Add(-join.BeforeStart), To: at.Add(join.AfterEnd)})
	}
	return fewWindows(windows)
}

// candidates lists every spelling under which a store may know an id.
func candidates(id string) []string {
	ids := []string{id}
	if whole := vllm.ExternalFromChild(id); whole != id {
		ids = append(ids, whole)
	}
	if external, suffixed := vllm.ExternalFromInternal(id); suffixed {
		ids = append(ids, external)
	}
	if _, prefixed := vllm.ClientRequestID(id); prefixed {
		for i := range completionItems { // a response id of a completions call has one external id per prompt
			if strings.HasPrefix(id, "cmpl-") && vllm.ResponseID(id) == id {
				ids = append(ids, id+"-"+strconv.Itoa(i))
			}
		}
		return ids
	}
	return append(ids, vllm.ExternalCandidates(id, completionItems)[1:]...)
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
	for _, t := range traces {
		g.in.Spans = append(g.in.Spans, matching(t, ids, id)...)
		for i := range t.Unanswered { // an application's trace holds calls besides the one that is asked for
			if c := &t.Unanswered[i]; sameTrace(t.TraceID, id) || knows(c, ids) {
				g.in.Callers = append(g.in.Callers, *c)
			}
		}
	}
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

// matching are the engine spans of a trace that the id means: all of them for a trace id.
func matching(t jaeger.Trace, ids []string, id string) []evidence.RequestSpan {
	var out []evidence.RequestSpan
	for _, s := range t.Requests {
		external := vllm.ExternalFromChild(s.RequestID)
		wanted := sameTrace(t.TraceID, id)
		for _, candidate := range ids {
			wanted = wanted || external == candidate
		}
		if wanted {
			out = append(out, s)
		}
	}
	return out
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
	for i, report := range []*evidence.StoreReport{&g.metrics, &g.logs, &g.traces} {
		if i < len(before) && upstream.Silent(before[i].Err) {
			report.Err = before[i].Err
		}
	}
	Parallel(
		func() { g.askTraces(ctx, 0, false) },
		// Metrics may know the instance by another of its names than the spans: the join finds it among all.
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(wider)}, vllm.Scope{}) },
		func() { g.askTargets(ctx) },
	)
	return g.input(), ctx.Err()
}
