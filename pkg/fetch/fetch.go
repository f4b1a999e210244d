package fetch

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Metrics is what joins and events ask of Prometheus.
type Metrics interface {
	EngineState(ctx context.Context, windows []evidence.Window, scope vllm.Scope, metrics []string) ([]evidence.Series, []evidence.Call, error)
	Targets(ctx context.Context, w evidence.Window) ([]evidence.Target, []evidence.Call, error)
	Finished(ctx context.Context, w evidence.Window, scope vllm.Scope) ([]evidence.Finished, []evidence.Call, error)
	FinishedOver(ctx context.Context, w evidence.Window, scope vllm.Scope) (evidence.Load, []evidence.Call, error)
	EngineChanges(ctx context.Context, w evidence.Window, scope vllm.Scope, ask prometheus.ChangesAsk) (evidence.EngineChanges, []evidence.Call, error)
}

// Logs is what joins and events ask of Loki.
type Logs interface {
	RequestEvents(ctx context.Context, windows []evidence.Window, scope vllm.Scope, filter loki.RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport)
	RequestIDSample(ctx context.Context, window evidence.Window) (loki.Sample, error)
	EngineLines(ctx context.Context, w evidence.Window, scope vllm.Scope, events []vllm.EngineEvent) ([]evidence.EngineLine, evidence.StoreReport)
}

// Traces is what a join asks of Jaeger.
type Traces interface {
	RequestSpans(ctx context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport
	CallerTraces(ctx context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport
	CallerServices(ctx context.Context) ([]string, error)
	OtherServices(ctx context.Context) ([]string, error)
	FindBySentID(ctx context.Context, window evidence.Window, services []string, id string) ([]jaeger.Trace, evidence.StoreReport)
	FindByRequestID(ctx context.Context, window evidence.Window, ids []string) ([]jaeger.Trace, evidence.StoreReport)
	GetTrace(ctx context.Context, traceID string) ([]evidence.Span, evidence.StoreReport)
}

// Fetcher gathers evidence. A nil store is one that is not configured. One that is not made by New learns nothing from one query for
// the next.
type Fetcher struct {
	Metrics Metrics
	Logs    Logs
	Traces  Traces
	VLLM    settings.VLLM
	Limits  settings.Limits
	// ScrapeInterval tells how often the engines are scraped in a window; nil = as VLLM says.
	ScrapeInterval func(ctx context.Context, w evidence.Window) time.Duration

	// WholeUpTo is up to how many requests a window is read whole whatever is asked of it; 0 means DefaultWholeUpTo.
	WholeUpTo int

	kept
}

// New makes a fetcher with the fields that f has. Stores are all that its Metrics, Logs and Traces ask.
func New(f Fetcher, stores ...settings.Store) *Fetcher {
	f.kept = newKept(stores)
	return &f
}

// Ask says which requests are wanted.
type Ask struct {
	Window evidence.Window
	// Scope narrows what the stores are asked for, where they hold more than can be read. Requests of other places may be in the
	// answer all the same: Joined.Within leaves them out.
	Scope vllm.Scope
	// Keep is how many rows the answer will show at most, in Order; 0 means all. With Select, which tells from span and
	// place alone whether a row can be in the answer at all, it lets logs and metrics be asked only for rows that stay.
	Keep   int
	Order  join.Order
	Select join.Predicate
	// Early says that Select and Order can be decided before logs and metrics are there.
	Early bool
}

// StaleAfter is the age at which a sample of the engines is stale in a window: it follows the interval at which they are
// scraped, which is measured where it is not set.
func (f *Fetcher) StaleAfter(ctx context.Context, w evidence.Window) time.Duration {
	interval := cmp.Or(f.VLLM.ScrapeInterval, prometheus.DefaultScrapeInterval)
	if f.ScrapeInterval != nil {
		interval = f.ScrapeInterval(ctx, w)
	}
	return promql.StaleAfter(interval)
}

// Requests gathers what a join of the window needs. The only error is that no store answered at all; everything less stands
// in Input.Stores.
func (f *Fetcher) Requests(ctx context.Context, ask Ask) (join.Input, error) {
	g := f.gather(ctx, ask)
	expected := g.expectations(ctx)
	g.read(ctx, expected)
	if g.uncounted && g.cutShort() { // all places have more than is ever read: what the scope asks for may be less
		g = f.gather(ctx, ask)
		g.read(ctx, 0)
	}
	if g.unsure {
		scope := g.ask.Scope
		g = f.gather(ctx, ask)
		g.narrow(scope)
		g.wholeWindow(ctx, expected)
	}
	if err := ctx.Err(); err != nil {
		return join.Input{}, err
	}
	g.noteParts()
	return g.input(), g.nothing()
}

// read asks the stores, for the whole window or for the rows that will be shown.
func (g *gather) read(ctx context.Context, expected int) {
	whole := g.ask.Keep == 0 || !g.ask.Early || (expected > 0 && expected <= max(g.ask.Keep, g.wholeUpTo()))
	if whole {
		g.wholeWindow(ctx, expected)
	} else {
		g.chosenRows(ctx, expected)
	}
}

// linesPerRequest is how many lines vLLM writes about a request with --enable-log-requests: received, added, generated, access.
const linesPerRequest = 4

// DefaultWholeUpTo is up to how many requests a window is read whole, whatever limit, order or filter the question has: what a row
// says may hang on evidence that lies elsewhere in the window, such as another try at its id, or the clock of its log
// stream. Lines of that many requests cost about what their spans cost, and come at the same time.
const DefaultWholeUpTo = 10_000

func (f *Fetcher) wholeUpTo() int { return cmp.Or(f.WholeUpTo, DefaultWholeUpTo) }

// readable is up to how many requests a window can be read whole, where its rows depend on that.
func (f *Fetcher) readable() int {
	return min(cmp.Or(f.Limits.Requests, settings.DefaultRequests), cmp.Or(f.Limits.LogLines, settings.DefaultLogLines)/linesPerRequest)
}

// expectations is estimate, of what will be read. Logs and traces are asked for a scope only where all places together have more
// requests than can be read whole: an id may be used at several places. Else the scope is left to whoever looks at the rows. The
// engines' state is asked for the scope alone: each row's engine has its own.
func (g *gather) expectations(ctx context.Context) int {
	if !g.ask.Scope.Narrows(vllm.Places...) {
		return g.estimate(ctx)
	}
	var scoped, all int
	Parallel(
		func() { scoped = g.count(ctx, g.ask.Scope) },
		func() { all = g.count(ctx, vllm.Scope{}) },
	)
	if all > g.readable() {
		return g.spreadOf(ctx, scoped)
	}
	g.narrow(vllm.Scope{})
	g.uncounted = all == 0
	return g.spreadOf(ctx, all)
}

// Spans gathers engine spans, and the counters that they are held against, when there are at most limit requests in the
// window. Why is not empty when there are more, their number is not known, or the search was not complete.
func (f *Fetcher) Spans(ctx context.Context, ask Ask, limit int) (in join.Input, why string) {
	g := f.gather(ctx, ask)
	expected := g.estimate(ctx)
	switch {
	case expected == 0:
		return join.Input{}, "how many requests the engines finished in this range is not known, or none did"
	case expected > limit:
		return join.Input{}, fmt.Sprintf("the engines finished %d requests in this range, and at most %d are read", expected, limit)
	}
	Parallel(
		func() { g.askTraces(ctx, expected, false) },
		func() { g.askTargets(ctx) },
		func() { g.askMetrics(ctx, []evidence.Window{g.scrapes(ask.Window)}) },
	)
	switch {
	case g.traces.Err != nil || upstream.Trouble(g.metrics) != nil:
		why = "a store failed"
	case g.traces.Truncated:
		why = "not all spans could be read: " + strings.TrimSuffix(g.traces.Reason, ".")
	}
	return g.input(), why
}
