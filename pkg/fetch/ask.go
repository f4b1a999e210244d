package fetch

import (
	"context"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// engineMetrics are the series that every join needs: state at arrival, and the counters that rows are held against.
var engineMetrics = []string{
	vllm.NumRequestsRunning, vllm.NumRequestsWaiting, vllm.KVCacheUsage, vllm.NumPreemptions, vllm.RequestSuccess,
	vllm.GPUUtilization, vllm.GPUMemoryUsed,
}

// idsOf are the request ids of spans, for a store that can look for a few of them by itself.
func idsOf(spans []evidence.RequestSpan) []string {
	ids := make([]string, 0, len(spans))
	for i := range spans {
		if id := spans[i].RequestID; id != "" {
			ids = append(ids, vllm.ExternalFromChild(id))
		}
	}
	return ids
}

// askTraces asks for the engine spans of the window, and a little before it, so that a line just inside finds its span.
func (g *gather) askTraces(ctx context.Context, expected int, withCallers bool) {
	if g.Traces == nil || g.silent(&g.traces) {
		return
	}
	search := g.search(expected)
	var spans []evidence.RequestSpan
	if expected > 0 {
		spans = make([]evidence.RequestSpan, 0, min(expected+expected/8, g.Limits.Requests))
	}
	above := map[string]bool{} // services seen above engine spans
	known := g.knownCallers(ctx)
	var report evidence.StoreReport
	Parallel(
		func() {
			report = g.Traces.RequestSpans(ctx, search, func(t jaeger.Trace) error {
				spans = append(spans, t.Requests...)
				for i := range t.Callers {
					if c := &t.Callers[i]; c.Inference {
						above[c.Service] = true
					}
				}
				return nil
			})
		},
		func() {
			if withCallers {
				g.askCallers(ctx, search, known)
			}
		},
	)
	if withCallers && report.Err == nil && len(g.VLLM.CallerServices) == 0 {
		// Services whose calls are all refused stand above no engine span; their spans' names tell. A failure of this look-up
		// costs their rows only, and the search itself would have failed as well.
		named, _ := g.Traces.CallerServices(ctx)
		for _, service := range named {
			above[service] = true
		}
	}
	g.sawCallers(ctx, above, g.VLLM.CallerServices)
	g.mu.Lock()
	g.in.Spans, g.spansCut = spans, report.Truncated
	g.merge(&g.traces, report)
	g.traces.Nothing = len(spans) == 0 && len(g.in.Callers) == 0 && g.traces.Err == nil
	g.mu.Unlock()
	if !withCallers || report.Err != nil {
		return
	}
	g.askCallers(ctx, search, notIn(g.knownCallers(ctx), known))
}

// search is for the spans of the window, and of a little before it.
func (g *gather) search(expected int) jaeger.Search {
	return jaeger.Search{
		Window:   evidence.Window{From: g.ask.Window.From.Add(-join.BeforeStart), To: g.ask.Window.To},
		Services: g.ask.Scope.Services, Scope: g.ask.Scope, SpanName: g.VLLM.SpanName, Limit: g.Limits.Requests, Depth: g.depth, Expected: expected, Load: g.load,
	}
}

// askCallers finds requests that an application sent and no engine span answers.
func (g *gather) askCallers(ctx context.Context, search jaeger.Search, services []string) {
	if g.Traces == nil || len(services) == 0 {
		return
	}
	if g.mostCallers > 0 {
		services = services[:min(len(services), g.mostCallers)]
	}
	search.Services = services
	var unanswered []evidence.CallerSpan
	report := g.Traces.CallerTraces(ctx, search, func(t jaeger.Trace) error {
		unanswered = append(unanswered, t.Unanswered...)
		return nil
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Callers = append(g.in.Callers, unanswered...)
	g.merge(&g.traces, report)
}

// lineAsk is one question for lines: of the spans of some windows, and of some requests alone, if ids are named.
type lineAsk struct {
	windows []evidence.Window
	ids     []string
}

// askLogs asks for the lines of the spans of some windows. Where lines were dated earlier or later than spans lately, more is read
// at once; followClocks takes it, or asks again when that shows only now.
func (g *gather) askLogs(ctx context.Context, windows []evidence.Window, ids []string) {
	if g.Logs == nil || g.silent(&g.logs) {
		return
	}
	if len(g.lineAsks) == 0 {
		g.aheadEarly, g.aheadLate = g.dating(ctx)
	}
	g.lineAsks = append(g.lineAsks, lineAsk{windows, ids})
	read := dated(windows, g.aheadEarly, g.aheadLate)
	events, report := g.Logs.RequestEvents(ctx, read, g.ask.Scope, loki.RequestFilter{IDs: ids})
	report.Nothing = ids == nil && len(events) == 0 && report.Err == nil && g.noLines(ctx, read)
	now, ahead := split(events, windows)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Events, g.ahead = more(g.in.Events, now), more(g.ahead, ahead)
	g.merge(&g.logs, report)
}

// split tells the lines of some windows from others.
func split(events []evidence.RequestEvent, windows []evidence.Window) (inside, outside []evidence.RequestEvent) {
	is := func(e *evidence.RequestEvent) bool {
		return slices.ContainsFunc(windows, func(w evidence.Window) bool { return w.Contains(e.Time()) })
	}
	first := 0
	for first < len(events) && is(&events[first]) {
		first++
	}
	if first == len(events) {
		return events, nil
	}
	inside = slices.Clone(events[:first])
	for i := first; i < len(events); i++ {
		if is(&events[i]) {
			inside = append(inside, events[i])
		} else {
			outside = append(outside, events[i])
		}
	}
	return inside, outside
}

// noLines reports whether the store has no line at all, be it of a request or not: vLLM names requests only with
// --enable-log-requests, so that no such line alone says nothing about the store.
func (g *gather) noLines(ctx context.Context, windows []evidence.Window) bool {
	for _, w := range windows {
		sample, err := g.Logs.RequestIDSample(ctx, w)
		if err != nil || sample.Lines > 0 {
			return false
		}
	}
	return len(windows) > 0
}

// more adds what a further question found and an earlier one did not.
func more(events, found []evidence.RequestEvent) []evidence.RequestEvent {
	if len(events) == 0 {
		return found
	}
	type line struct {
		at       int64
		id       string
		kind     vllm.LogKind
		stream   uint32
		identity evidence.LineIdentity
		origin   evidence.Origin
	}
	of := func(e *evidence.RequestEvent) line {
		l := line{at: e.UnixNano, id: e.ID, kind: e.Kind, stream: e.Stream, identity: e.LineIdentity}
		if e.Origin != nil {
			l.origin = *e.Origin
		}
		return l
	}
	known := make(map[line]bool, len(events))
	for i := range events {
		known[of(&events[i])] = true
	}
	for i := range found {
		if !known[of(&found[i])] {
			events = append(events, found[i])
		}
	}
	return events
}

func (g *gather) askMetrics(ctx context.Context, windows []evidence.Window) {
	if g.Metrics == nil || g.silent(&g.metrics) {
		return
	}
	scope := g.inWordsOfMetrics(ctx, placesOf(g.stateOf))
	series, calls, err := g.Metrics.EngineState(ctx, windows, scope, engineMetrics)
	if err == nil && servers.Doubled(series) { // whether series are copies of one, a counter tells that grows with every token
		more, further, failed := g.Metrics.EngineState(ctx, windows, scope, []string{vllm.GenerationTokens})
		series, calls, err = append(series, more...), append(calls, further...), failed
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Series, g.stateAsked = series, true
	g.merge(&g.metrics, evidence.StoreReport{Calls: calls, Err: err, Seen: len(series)})
}

// serverPlaces are the places that stores may name otherwise than each other.
var serverPlaces = []vllm.Place{vllm.Environment, vllm.Cluster, vllm.Namespace, vllm.Pod, vllm.Instance}

// inWordsOfMetrics leaves places out of a scope for which the metrics have other words: a row's instance is its span's word, and the
// state of its engine shall be found whatever is asked for.
func (g *gather) inWordsOfMetrics(ctx context.Context, scope vllm.Scope) vllm.Scope {
	if !scope.Narrows(serverPlaces...) {
		return scope
	}
	g.askTargets(ctx) // once, whoever asks first
	g.mu.Lock()
	targets := g.in.Targets
	g.mu.Unlock()
	return inWordsOf(targets, scope)
}

// inWordsOf leaves out of a scope what no target is called.
func inWordsOf(targets []evidence.Target, scope vllm.Scope) vllm.Scope {
	if len(targets) == 0 {
		return scope
	}
	return scope.InWordsOf(func(place vllm.Place) []string {
		words := make([]string, len(targets))
		for i := range targets {
			o := &targets[i].Origin
			words[i] = map[vllm.Place]string{
				vllm.Environment: o.Environment, vllm.Cluster: o.Cluster, vllm.Namespace: o.Namespace, vllm.Pod: o.Pod, vllm.Instance: o.Instance,
			}[place]
		}
		return words
	}, serverPlaces...)
}

// askTargets asks which engines the metrics know, once.
func (g *gather) askTargets(ctx context.Context) { g.targetsOnce.Do(func() { g.askForTargets(ctx) }) }

func (g *gather) askForTargets(ctx context.Context) {
	if g.Metrics == nil || g.silent(&g.metrics) {
		return
	}
	targets, calls, err := g.Metrics.Targets(ctx, g.before(g.ask.Window))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Targets = targets
	g.merge(&g.metrics, evidence.StoreReport{Calls: calls, Err: err})
}

// placesOf leaves models and engines out of a scope: which model an instance serves is what the metrics shall tell.
func placesOf(s vllm.Scope) vllm.Scope {
	return s.Without(vllm.Model, vllm.Engine, vllm.Service)
}
