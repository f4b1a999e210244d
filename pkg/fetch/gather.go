package fetch

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// estimateTimeout is how long the search for spans waits for the engines' own count of requests, which saves it from
// fetching anything twice. It is an instant query; when Prometheus is slow the search does without.
const estimateTimeout = time.Second

// maxExpected is more than is ever read: a larger count, be it one that no engine can have, tells nothing more.
const maxExpected = 1e9

// gather is one question on its way through the stores.
type gather struct {
	*Fetcher
	ask Ask

	depth       int // of searches for spans; 0 = as the settings say
	mostCallers int // services that are searched for calls; 0 = all that are known

	targetsOnce sync.Once

	// stateOf is what the engines' state is asked of.
	stateOf vllm.Scope

	mu      sync.Mutex // guards what follows while stores are asked in parallel
	in      join.Input
	metrics evidence.StoreReport
	logs    evidence.StoreReport
	traces  evidence.StoreReport
	// lineAsks are what the lines were asked for, in the time of spans; early and late by how much earlier and later than spans they
	// are dated, as far as this question's own evidence tells.
	lineAsks    []lineAsk
	early, late time.Duration
	// ahead are lines that were read because an earlier question found lines dated as far off as aheadEarly and aheadLate. They are
	// taken where this question's evidence says so, too: what was asked before changes no row.
	ahead                 []evidence.RequestEvent
	aheadEarly, aheadLate time.Duration
	load                  evidence.Load // how the window's requests are spread over it; empty when not known
	// spansCut says that a limit kept engine spans from us. A cut search for callers does not.
	spansCut bool
	// uncounted says that a scope was not asked for because nobody knows how many requests all places have.
	uncounted bool
	// linesWhole says that the lines of the whole window were read although only some rows were asked for.
	linesWhole bool
	// punctual says that lines are dated as spans are, so that how they are dated decides nothing.
	punctual bool
	// unsure says that only the whole window tells whose lines are whose.
	unsure bool
	// searched are the ids that were looked for in the whole window although only a part of it was read.
	searched []string
	// stateAsked says that the engines' state was asked for: to have nothing of it then is to have nothing.
	stateAsked bool
}

func (f *Fetcher) gather(ctx context.Context, ask Ask) *gather {
	g := &gather{
		Fetcher: f, ask: ask, stateOf: ask.Scope,
		in:      join.Input{Window: ask.Window, Looked: ask.Window, StaleAfter: f.StaleAfter(ctx, ask.Window), SLO: f.VLLM.SLO, ModelAliases: f.VLLM.ModelAliases},
		metrics: evidence.StoreReport{Store: evidence.Prometheus, Configured: f.Metrics != nil},
		logs:    evidence.StoreReport{Store: evidence.Loki, Configured: f.Logs != nil},
		traces:  evidence.StoreReport{Store: evidence.Jaeger, Configured: f.Traces != nil},
	}
	g.narrow(ask.Scope)
	return g
}

// narrow has spans and lines of a scope asked for, and of no other place.
func (g *gather) narrow(scope vllm.Scope) {
	g.ask.Scope, g.in.Narrowed = scope, nil
	for _, place := range []vllm.Place{vllm.Environment, vllm.Cluster, vllm.Namespace} {
		if scope.Narrows(place) {
			g.in.Narrowed = append(g.in.Narrowed, place)
		}
	}
}

// noteParts says in the input whether spans or lines of the window were left out, which may be of an id that is used again.
func (g *gather) noteParts() {
	missing := g.ask.Scope.Narrows(vllm.Places...) || g.spansCut || g.logs.Truncated
	g.in.Partly = missing || g.in.Chosen != nil || g.in.Looked != g.in.Window && !g.linesWhole
	if missing || !g.in.Partly {
		return
	}
	g.in.Searched = make(map[string]bool, len(g.searched))
	for _, id := range g.searched {
		g.in.Searched[id] = true
	}
}

func (g *gather) input() join.Input {
	g.metrics.Nothing = g.stateAsked && g.metrics.Err == nil && len(g.in.Targets) == 0 && !slices.ContainsFunc(g.in.Series, ofEngine)
	g.in.LinesEarly, g.in.LinesLate = g.early, g.late
	g.in.Stores = []evidence.StoreReport{g.metrics, g.logs, g.traces}
	return g.in
}

// ofEngine says that a series is an engine's: those of GPUs are there whatever runs on them.
func ofEngine(s evidence.Series) bool {
	m, known := vllm.LookupMetric(s.Metric)
	return !known || !m.GPU()
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

// estimate is how many requests the engines of the scope counted in the window; 0 when that is not known. It also learns when
// in the window there were how many, where that saves calls.
func (g *gather) estimate(ctx context.Context) int { return g.spreadOf(ctx, g.count(ctx, g.ask.Scope)) }

// count is how many requests the engines of a scope counted in the window; 0 when that is not known.
func (g *gather) count(ctx context.Context, scope vllm.Scope) int {
	if g.Metrics == nil || g.Traces == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, estimateTimeout)
	defer cancel()
	finished, calls, err := g.Metrics.Finished(ctx, g.ask.Window, scope)
	g.mu.Lock()
	g.metrics.Calls = append(g.metrics.Calls, calls...)
	g.mu.Unlock()
	if err != nil {
		return 0 // the engine state asks the same store and reports its failure
	}
	sum := 0.0
	for _, f := range finished {
		sum += f.Count
	}
	return int(min(sum, maxExpected))
}

func (g *gather) spreadOf(ctx context.Context, expected int) int {
	if depth := cmp.Or(g.Limits.TracesPerCall, settings.DefaultTracesPerCall); expected > depth && g.ask.Window.Duration() >= unevenAfter {
		// More than one answer holds: cut where the traffic is, or a busy hour of a day is read twice. Without it the search finds
		// out by itself, so a failure is none.
		ctx, cancel := context.WithTimeout(ctx, estimateTimeout)
		defer cancel()
		load, calls, _ := g.Metrics.FinishedOver(ctx, g.ask.Window, g.ask.Scope)
		g.metrics.Calls = append(g.metrics.Calls, calls...)
		g.load = load
	}
	return expected
}

// unevenAfter is how long a window is at least in which traffic is worth asking for step by step.
const unevenAfter = 10 * time.Minute

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
	into.Nothing = into.Nothing || r.Nothing
	into.Lines.Add(r.Lines)
	into.Findings = evidence.MergeFindings(into.Findings, r.Findings)
}
