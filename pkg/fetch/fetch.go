package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Metrics is what joins and events ask of Prometheus.
type Metrics interface {
	EngineState(ctx context.Context, windows []evidence.Window, scope vllm.Scope, metrics []string) ([]evidence.Series, []evidence.Call, error)
	Targets(ctx context.Context, w evidence.Window) ([]evidence.Target, []evidence.Call, error)
	Finished(ctx context.Context, w evidence.Window, scope vllm.Scope) ([]evidence.Finished, []evidence.Call, error)
	EngineChanges(ctx context.Context, w evidence.Window, scope vllm.Scope, ask prometheus.ChangesAsk) (evidence.EngineChanges, []evidence.Call, error)
}

// Logs is what joins and events ask of Loki.
type Logs interface {
	RequestEvents(ctx context.Context, windows []evidence.Window, scope vllm.Scope, filter loki.RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport)
	EngineLines(ctx context.Context, w evidence.Window, scope vllm.Scope, events []vllm.EngineEvent) ([]evidence.EngineLine, evidence.StoreReport)
}

// Traces is what a join asks of Jaeger.
type Traces interface {
	RequestSpans(ctx context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport
	CallerTraces(ctx context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport
	FindByRequestID(ctx context.Context, window evidence.Window, ids []string) ([]jaeger.Trace, evidence.StoreReport)
	GetTrace(ctx context.Context, traceID string) ([]evidence.Span, evidence.StoreReport)
}

// Fetcher gathers evidence. A nil store is one that is not configured.
type Fetcher struct {
	Metrics Metrics
	Logs    Logs
	Traces  Traces
	VLLM    settings.VLLM
	Limits  settings.Limits

	callers serviceMemory
}

// Ask says which requests are wanted.
type Ask struct {
	Window evidence.Window
	Scope  vllm.Scope
	// Keep is how many rows the answer will show at most, in Order; 0 means all. With Select, which tells from span and
	// place alone whether a row can be in the answer at all, it lets logs and metrics be asked only for rows that stay.
	Keep   int
	Order  join.Order
	Select join.Predicate
	// Early says that Select and Order can be decided before logs and metrics are there.
	Early bool
}

// engineMetrics are the series that every join needs: state at arrival, and the counters that rows are held against.
var engineMetrics = []string{
	vllm.NumRequestsRunning, vllm.NumRequestsWaiting, vllm.KVCacheUsage, vllm.NumPreemptions, vllm.RequestSuccess,
	vllm.GPUUtilization, vllm.GPUMemoryUsed,
}

// staleScrapes is after how many scrape intervals a sample says nothing any more: one missed scrape is forgiven.
const staleScrapes = 2.5

// StaleAfter is the age at which a sample of the engines is stale.
func (f *Fetcher) StaleAfter() time.Duration {
	return time.Duration(staleScrapes * float64(f.VLLM.ScrapeInterval))
}

// estimateTimeout is how long the search for spans waits for the engines' own count of requests, which saves it from
// fetching anything twice. It is an instant query; when Prometheus is slow the search does without.
const estimateTimeout = time.Second

// maxExpected is more than is ever read: a larger count, be it one that no engine can have, tells nothing more.
const maxExpected = 1e9

// Requests gathers what a join of the window needs. The only error is that no store answered at all; everything less stands
// in Input.Stores.
func (f *Fetcher) Requests(ctx context.Context, ask Ask) (join.Input, error) {
	g := f.gather(ask)
	expected := g.estimate(ctx)
	whole := ask.Keep == 0 || !ask.Early || (expected > 0 && expected <= ask.Keep)
	if whole {
		g.wholeWindow(ctx, expected)
	} else {
		g.chosenRows(ctx, expected)
	}
	if err := ctx.Err(); err != nil {
		return join.Input{}, err
	}
	return g.input(), g.nothing()
}

// gather is one question on its way through the stores.
type gather struct {
	*Fetcher
	ask Ask

	mu      sync.Mutex // guards what follows while stores are asked in parallel
	in      join.Input
	metrics evidence.StoreReport
	logs    evidence.StoreReport
	traces  evidence.StoreReport
	// spansCut says that a limit kept engine spans from us. A cut search for callers does not.
	spansCut bool
}

func (f *Fetcher) gather(ask Ask) *gather {
	return &gather{
		Fetcher: f, ask: ask,
		in:      join.Input{Window: ask.Window, Looked: ask.Window, StaleAfter: f.StaleAfter(), SLO: f.VLLM.SLO},
		metrics: evidence.StoreReport{Store: evidence.Prometheus, Configured: f.Metrics != nil},
		logs:    evidence.StoreReport{Store: evidence.Loki, Configured: f.Logs != nil},
		traces:  evidence.StoreReport{Store: evidence.Jaeger, Configured: f.Traces != nil},
	}
}

func (g *gather) input() join.Input {
	g.in.Stores = []evidence.StoreReport{g.metrics, g.logs, g.traces}
	return g.in
}

// nothing is the error of a question that no store answered. Rows come from traces and logs; metrics alone give none.
func (g *gather) nothing() error {
	if !g.traces.Configured && !g.logs.Configured {
		return backend.DownstreamError(errors.New("neither Jaeger nor Loki is configured: requests are known from engine spans and log lines"))
	}
	if (g.traces.Configured && g.traces.Err == nil) || (g.logs.Configured && g.logs.Err == nil) {
		return nil
	}
	if len(g.in.Spans) > 0 || len(g.in.Events) > 0 || len(g.in.Callers) > 0 {
		return nil // a store failed half-way: what it gave stays
	}
	return upstream.Join(g.traces.Err, g.logs.Err, g.metrics.Err)
}

// estimate is how many requests the engines counted in the window; 0 when that is not known.
func (g *gather) estimate(ctx context.Context) int {
	if g.Metrics == nil || g.Traces == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, estimateTimeout)
	defer cancel()
	finished, calls, err := g.Metrics.Finished(ctx, g.ask.Window, g.ask.Scope)
	g.metrics.Calls = append(g.metrics.Calls, calls...)
	if err != nil {
		return 0 // the engine state asks the same store and reports its failure
	}
	sum := 0.0
	for _, f := range finished {
		sum += f.Count
	}
	return int(min(sum, maxExpected))
}

// wholeWindow asks all three stores for the whole window at once: every request is wanted, also those that left no span.
func (g *gather) wholeWindow(ctx context.Context, expected int) {
	Parallel(
		func() { g.askTraces(ctx, expected, true) },
		func() { g.askLogs(ctx, []evidence.Window{widen(g.ask.Window)}, nil) },
		func() { g.askMetrics(ctx, []evidence.Window{g.before(g.ask.Window)}, g.ask.Scope) },
		func() { g.askTargets(ctx) },
	)
	if g.cutShort() {
		g.onlyWithSpans()
	}
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
			func() { g.askMetrics(ctx, []evidence.Window{g.before(g.ask.Window)}, g.ask.Scope) },
		)
		return
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
		func() { g.askMetrics(ctx, g.beforeAll(windows), g.ask.Scope) },
		func() { g.askCallers(ctx, g.search(expected), callers) },
	)
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

// maxWindows is how many windows one store is asked for: each is a call, and a hundred calls cost more than a wider one.
const maxWindows = 32

// around is the time around spans, merged into few windows.
func around(spans []evidence.RequestSpan) []evidence.Window {
	windows := make([]evidence.Window, 0, len(spans))
	for i := range spans {
		s := &spans[i]
		windows = append(windows, evidence.Window{From: s.Start.Add(-join.BeforeStart), To: s.End().Add(join.AfterEnd)})
	}
	return fewWindows(windows)
}

// fewWindows merges near windows until there are not too many.
func fewWindows(windows []evidence.Window) []evidence.Window {
	merged := evidence.MergeWindows(windows, 5*time.Second)
	for gap := 10 * time.Second; len(merged) > maxWindows; gap *= 2 {
		merged = evidence.MergeWindows(merged, gap)
	}
	return merged
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
	known := g.callers.get()
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
	g.callers.add(above, g.VLLM.CallerServices)
	g.mu.Lock()
	g.in.Spans, g.spansCut = spans, report.Truncated
	g.merge(&g.traces, report)
	g.mu.Unlock()
	if !withCallers || report.Err != nil {
		return
	}
	g.askCallers(ctx, search, g.callers.notIn(known))
}

// search is for the spans of the window, and of a little before it.
func (g *gather) search(expected int) jaeger.Search {
	return jaeger.Search{
		Window:   evidence.Window{From: g.ask.Window.From.Add(-join.BeforeStart), To: g.ask.Window.To},
		Services: g.ask.Scope.Services, Scope: g.ask.Scope, SpanName: g.VLLM.SpanName, Limit: g.Limits.Requests, Expected: expected,
	}
}

// askCallers finds requests that an application sent and no engine span answers.
func (g *gather) askCallers(ctx context.Context, search jaeger.Search, services []string) {
	if g.Traces == nil || len(services) == 0 {
		return
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

func (g *gather) askLogs(ctx context.Context, windows []evidence.Window, ids []string) {
	if g.Logs == nil || g.silent(&g.logs) {
		return
	}
	events, report := g.Logs.RequestEvents(ctx, windows, g.ask.Scope, loki.RequestFilter{IDs: ids})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Events = onlyOf(events, ids)
	g.merge(&g.logs, report)
}

// onlyOf keeps the events of given requests: lines of others in the same windows would look like requests without a span.
// No ids mean all.
func onlyOf(events []evidence.RequestEvent, ids []string) []evidence.RequestEvent {
	if ids == nil {
		return events
	}
	wanted := make(map[string]bool, 2*len(ids))
	for _, id := range ids {
		wanted[id], wanted[vllm.ResponseID(id)] = true, true
	}
	return slices.DeleteFunc(events, func(e evidence.RequestEvent) bool {
		return !wanted[e.External] && !wanted[vllm.ExternalFromChild(e.ID)]
	})
}

func (g *gather) askMetrics(ctx context.Context, windows []evidence.Window, scope vllm.Scope) {
	if g.Metrics == nil || g.silent(&g.metrics) {
		return
	}
	series, calls, err := g.Metrics.EngineState(ctx, windows, placesOf(scope), engineMetrics)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Series = series
	g.merge(&g.metrics, evidence.StoreReport{Calls: calls, Err: err, Seen: len(series)})
}

func (g *gather) askTargets(ctx context.Context) {
	if g.Metrics == nil || g.silent(&g.metrics) {
		return
	}
	targets, calls, err := g.Metrics.Targets(ctx, g.before(g.ask.Window))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in.Targets = targets
	g.merge(&g.metrics, evidence.StoreReport{Calls: calls, Err: err})
}

// silent reports whether a store did not answer an earlier call of the same question: it is not asked again then, so that
// one that is slow costs its timeout once.
func (g *gather) silent(store *evidence.StoreReport) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return upstream.Silent(store.Err)
}

// merge adds what a further call said to a store's report.
func (g *gather) merge(into *evidence.StoreReport, r evidence.StoreReport) {
	into.Calls = append(into.Calls, r.Calls...)
	into.Seen += r.Seen
	into.Truncated = into.Truncated || r.Truncated
	if into.Reason == "" {
		into.Reason = r.Reason
	}
	if into.Err == nil {
		into.Err = r.Err
	}
}

// before widens a window so that the last sample before its first request is in it.
func (g *gather) before(w evidence.Window) evidence.Window {
	return evidence.Window{From: w.From.Add(-g.StaleAfter()), To: w.To}
}

func (g *gather) beforeAll(windows []evidence.Window) []evidence.Window {
	out := make([]evidence.Window, len(windows))
	for i, w := range windows {
		out[i] = g.before(w)
	}
	return evidence.MergeWindows(out, g.StaleAfter())
}

// widen adds the slack between a span and its lines to both ends.
func widen(w evidence.Window) evidence.Window {
	return evidence.Window{From: w.From.Add(-join.BeforeStart), To: w.To.Add(join.AfterEnd)}
}

// placesOf leaves models and engines out of a scope: which model an instance serves is what the metrics shall tell.
func placesOf(s vllm.Scope) vllm.Scope {
	return s.Without(vllm.Model, vllm.Engine, vllm.Service)
}

// Parallel runs functions at the same time. A panic in one must not end the plugin process: it is kept and raised again
// in the caller's goroutine, where the query's own recover turns it into that query's error.
func Parallel(functions ...func()) {
	var wg sync.WaitGroup
	panics := make([]any, len(functions))
	for i, f := range functions {
		wg.Go(func() {
			defer func() { panics[i] = recover() }()
			f()
		})
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(fmt.Sprintf("fetch: %v", p))
		}
	}
}

// Spans gathers engine spans, and the counters that they are held against, when there are at most limit requests in the
// window; ok is false when there are more, their number is not known, or the search was not complete.
func (f *Fetcher) Spans(ctx context.Context, ask Ask, limit int) (in join.Input, ok bool) {
	g := f.gather(ask)
	expected := g.estimate(ctx)
	if expected == 0 || expected > limit {
		return join.Input{}, false
	}
	Parallel(
		func() { g.askTraces(ctx, expected, false) },
		func() { g.askTargets(ctx) },
		func() { g.askMetrics(ctx, []evidence.Window{g.before(ask.Window)}, ask.Scope) },
	)
	return g.input(), g.traces.Err == nil && !g.traces.Truncated && g.metrics.Err == nil
}
