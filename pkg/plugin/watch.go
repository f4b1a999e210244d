package plugin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/tail"
)

// accounted is a watcher whose looks have a place and an account each, like a query.
type accounted struct {
	watcher
	source *Datasource
}

func (a accounted) look(ctx context.Context, p plan) (look, error) {
	ctx, account, err := a.source.openAccount(ctx, backend.PluginContext{}, false)
	if err != nil {
		return look{}, err
	}
	defer account.Close()
	return a.watcher.look(ctx, p)
}

// watcherOf makes the watcher of a query that Channel takes.
func (d *Datasource) watcherOf(q query.Query) (watcher, error) {
	if q.Kind == query.Logs {
		if d.loki == nil {
			return nil, needs(evidence.Loki, "log lines")
		}
		return d.lineWatcher(q), nil
	}
	filter, err := join.CompileFilters(q.Requests.Filters)
	if err != nil {
		return nil, &query.FieldError{Field: "requests", Err: err}
	}
	w := &requestWatcher{d: d, filter: filter.Within(q.Scope), reach: requestReach, watches: map[reach]*fetch.Watch{}}
	for _, r := range []reach{near, far} {
		w.watches[r] = d.fetcher.Watch(q.Scope)
	}
	return w, nil
}

// requestReach: a look every second over 30 s costs a store next to nothing; requests that last longer are followed as far
// back as 5,000 of them, which a near look reads in a tenth of a second. What comes in later than that is found by the far
// look: within 10 s if it began within 10 minutes, or among the last 20,000 requests of a busy fleet.
var requestReach = tail.Reach{
	Least: 30 * time.Second, Most: 10 * time.Minute, Slack: 10 * time.Second, NearRows: 5_000, FarRows: 20_000,
}

// requestWatcher follows joined requests.
type requestWatcher struct {
	d       *Datasource
	filter  join.Predicate
	watches map[reach]*fetch.Watch
	reach   tail.Reach
	// spoken is where the near look begins: what lies before is the far look's to tell.
	spoken   time.Time
	expected int // requests in a far window, as the last one held
}

func (w *requestWatcher) form() *data.Frame {
	return frames.Requests(nil, join.Report{}, w.d.source())
}

func (w *requestWatcher) plan(r reach, now time.Time) plan {
	if r == near {
		window := w.reach.Near(now)
		w.spoken = window.From
		return plan{reach: near, at: now, ask: window, own: window}
	}
	window := w.reach.Far(now)
	before := evidence.Window{From: window.From, To: w.spoken}
	return plan{reach: far, at: now, ask: window, own: before, expected: w.expected}
}

func (w *requestWatcher) look(ctx context.Context, p plan) (look, error) {
	in, err := w.watches[p.reach].Look(ctx, p.ask, p.expected)
	if err != nil {
		return look{}, err
	}
	joined := join.Requests(in)
	out := look{complete: true, lives: make([]tail.Lifetime, len(joined.Rows))}
	for i := range joined.Rows {
		r := &joined.Rows[i]
		out.lives[i].Start = r.Time
		if !r.Open() {
			out.lives[i].End = r.End()
		}
	}
	out.notices = frames.StoreNotices(data.Frames{w.form()}, join.Report{Stores: in.Stores})[0].Meta.Notices
	for _, s := range in.Stores {
		if s.Store == evidence.Jaeger && s.Err != nil {
			return look{}, s.Err // without spans, requests that are known would come again from their lines
		}
		out.failed = out.failed || s.Err != nil
		out.complete = out.complete && upstream.Trouble(s) == nil && !s.Truncated
	}
	rows, _ := join.Choose(joined.Rows, w.filter, join.Order{}, len(joined.Rows))
	cells := frames.CellsOf(frames.Requests(rows, joined.Report, w.d.source()))
	out.rows = make([]tail.Row[frames.Cells], len(rows))
	for i := range rows {
		out.rows[i] = tail.Row[frames.Cells]{Key: rows[i].Key(), Time: rows[i].Time, Last: rows[i].End(), Value: cells[i]}
	}
	return out, nil
}

func (w *requestWatcher) done(l look) {
	if l.reach == near {
		w.reach.SawNear(l.at, l.ask, l.lives)
		return
	}
	w.reach.SawFar(l.at, l.ask, l.lives)
	w.expected = len(l.lives)
}

// Lines come in at once; a shipper that holds them back does so for seconds. The far look finds those of one that was
// stuck.
const (
	linesNear = 10 * time.Second
	linesFar  = time.Minute
	// linesAhead is how far the clocks of log shippers may be ahead of ours.
	linesAhead = 5 * time.Second
)

// lineWatcher follows log lines. A line stays as it was written, so a look can only bring new ones.
type lineWatcher struct {
	d        *Datasource
	q        query.Query
	narrowed *memo.Memo[struct{}, narrowed]
}

// modelMoves is for how long it is believed where a model runs: a new pod's first lines are about its start.
const modelMoves = 30 * time.Second

var keptNarrowed = memo.Declare(memo.Kind{
	Name: "plugin.live_pods", Holds: "the pods on which the models of one live query run",
	MovedBy: "only the store", TTL: modelMoves, Entries: 1,
})

func (d *Datasource) lineWatcher(q query.Query) *lineWatcher {
	return &lineWatcher{d: d, q: q, narrowed: memo.New[struct{}, narrowed](keptNarrowed, nil, d.settings.Prometheus)}
}

// narrow is the query in the words of the streams, as they are now. Looks near and far may be at once.
func (w *lineWatcher) narrow(ctx context.Context, now time.Time) (narrowed, error) {
	n, _, err := w.narrowed.Get(ctx, struct{}{}, func(ctx context.Context) (narrowed, []evidence.Call, error) {
		window := evidence.Window{From: now.Add(-linesFar - modelMoves), To: now}
		return w.d.narrowLogs(ctx, w.q, window), nil, nil
	})
	return n, err
}

func (w *lineWatcher) form() *data.Frame { return frames.Logs(nil, maxLiveRows) }

func (w *lineWatcher) plan(r reach, now time.Time) plan {
	back := linesNear
	if r == far {
		back = linesFar
	}
	window := evidence.Window{From: now.Add(-back), To: now.Add(linesAhead)}
	return plan{reach: r, at: now, ask: window, own: window}
}

func (w *lineWatcher) look(ctx context.Context, p plan) (look, error) {
	n, err := w.narrow(ctx, p.at)
	if err != nil {
		return look{}, err
	}
	if n.nowhere {
		return look{fixed: true, complete: true, notices: n.notices}, nil
	}
	lines, report := w.d.loki.Lines(ctx, p.ask, n.scope, n.filter, maxLiveRows, loki.NewestFirst)
	if report.Err != nil && len(lines) == 0 {
		return look{}, report.Err
	}
	frame := frames.Logs(lines, maxLiveRows)
	complete := report.Err == nil && !report.Truncated
	if p.reach == far {
		report.Truncated = false // what it did not read, near looks have
	}
	out := look{fixed: true, failed: report.Err != nil, complete: complete, rows: make([]tail.Row[frames.Cells], len(lines))}
	out.notices = withStore(data.Frames{frame}, report, "the rest of the lines")[0].Meta.Notices
	out.notices = slices.Concat(out.notices, n.notices)
	keys := lineKeys(frame)
	for i, cells := range frames.CellsOf(frame) {
		out.rows[i] = tail.Row[frames.Cells]{Key: keys[i], Time: lines[i].Time, Value: cells}
	}
	return out, nil
}

func (w *lineWatcher) done(look) {}

func trimDot(s string) string { return strings.TrimRight(s, ". ") }
