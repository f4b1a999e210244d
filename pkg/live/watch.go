package live

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// accounted is a watcher whose looks have a place and an account each, like a query.
type accounted struct {
	watcher
	open func(ctx context.Context) (context.Context, *memory.Account, error)
}

func (a accounted) look(ctx context.Context, p Poll) (Polled, error) {
	ctx, account, err := a.open(ctx)
	if err != nil {
		return Polled{}, err
	}
	defer account.Close()
	return a.watcher.look(ctx, p)
}

// WatcherOf makes the watcher of a query that Channel takes. It fails with an error when the store that it needs is not configured, and
// with a query.FieldError for filters that mean nothing.
func WatcherOf(d *answer.Sources, q query.Query) (watcher, error) {
	if q.Kind == query.Logs {
		if d.Loki == nil {
			return nil, answer.Needs(evidence.Loki, "log lines")
		}
		return newLineWatcher(d, q), nil
	}
	filter, err := join.CompileFilters(q.Requests.Filters)
	if err != nil {
		return nil, &query.FieldError{Field: "requests", Err: err}
	}
	w := &requestWatcher{d: d, filter: filter.Within(q.Scope), reach: requestReach, watches: map[Horizon]*fetch.Watch{}}
	for _, r := range []Horizon{Near, Far} {
		w.watches[r] = d.Fetcher.Watch(q.Scope)
	}
	return w, nil
}

// requestReach: a look every second over 30 s costs a store next to nothing; requests that last longer are followed as far
// back as 5,000 of them, which a near look reads in a tenth of a second. What comes in later than that is found by the far
// Polled: within 10 s if it began within 10 minutes, or among the last 20,000 requests of a busy fleet.
var requestReach = Reach{
	Least: 30 * time.Second, Most: 10 * time.Minute, Slack: 10 * time.Second, NearRows: 5_000, FarRows: 20_000,
}

// requestWatcher follows joined requests.
type requestWatcher struct {
	d       *answer.Sources
	filter  join.Predicate
	watches map[Horizon]*fetch.Watch
	reach   Reach
	// spoken is where the near look begins: what lies before is the far look's to tell.
	watermark time.Time
	expected  int // requests in a far window, as the last one held
}

func (w *requestWatcher) form() *data.Frame {
	return frames.Requests(nil, join.Report{}, w.d.Source())
}

func (w *requestWatcher) plan(r Horizon, now time.Time) Poll {
	if r == Near {
		window := w.reach.Near(now)
		w.watermark = window.From
		return Poll{reach: Near, at: now, ask: window, own: window}
	}
	window := w.reach.Far(now)
	before := evidence.Window{From: window.From, To: w.watermark}
	return Poll{reach: Far, at: now, ask: window, own: before, expected: w.expected}
}

func (w *requestWatcher) look(ctx context.Context, p Poll) (Polled, error) {
	in, err := w.watches[p.reach].Look(ctx, p.ask, p.expected)
	if err != nil {
		return Polled{}, err
	}
	joined := join.Requests(in)
	out := Polled{complete: true, lives: make([]Lifetime, len(joined.Rows))}
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
			return Polled{}, s.Err // without spans, requests that are known would come again from their lines
		}
		out.failed = out.failed || s.Err != nil
		out.complete = out.complete && upstream.Trouble(s) == nil && !s.Truncated
	}
	rows, _ := join.Choose(joined.Rows, w.filter, join.Order{}, len(joined.Rows))
	cells := frames.CellsOf(frames.Requests(rows, joined.Report, w.d.Source()))
	out.rows = make([]Row[frames.Cells], len(rows))
	for i := range rows {
		out.rows[i] = Row[frames.Cells]{Key: rows[i].Key(), Time: rows[i].Time, Last: rows[i].End(), Value: cells[i]}
	}
	return out, nil
}

func (w *requestWatcher) done(l Polled) {
	if l.reach == Near {
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
	d        *answer.Sources
	q        query.Query
	narrowed *memo.Memo[struct{}, answer.Narrowed]
}

// modelMoves is for how long it is believed where a model runs: a new pod's first lines are about its start.
const modelMoves = 30 * time.Second

var keptNarrowed = memo.Declare(memo.Kind{
	Name: "plugin.live_pods", Holds: "the pods on which the models of one live query run",
	MovedBy: "only the store", TTL: modelMoves, Entries: 1,
})

func newLineWatcher(d *answer.Sources, q query.Query) *lineWatcher {
	return &lineWatcher{d: d, q: q, narrowed: memo.New[struct{}, answer.Narrowed](keptNarrowed, nil, d.Settings.Prometheus)}
}

// narrow is the query in the words of the streams, as they are now. Looks near and far may be at once.
func (w *lineWatcher) narrow(ctx context.Context, now time.Time) (answer.Narrowed, error) {
	n, _, err := w.narrowed.Get(ctx, struct{}{}, func(ctx context.Context) (answer.Narrowed, []evidence.Call, error) {
		window := evidence.Window{From: now.Add(-linesFar - modelMoves), To: now}
		return w.d.NarrowLogs(ctx, w.q, window), nil, nil
	})
	return n, err
}

func (w *lineWatcher) form() *data.Frame { return frames.Logs(nil, maxLiveRows) }

func (w *lineWatcher) plan(r Horizon, now time.Time) Poll {
	back := linesNear
	if r == Far {
		back = linesFar
	}
	window := evidence.Window{From: now.Add(-back), To: now.Add(linesAhead)}
	return Poll{reach: r, at: now, ask: window, own: window}
}

func (w *lineWatcher) look(ctx context.Context, p Poll) (Polled, error) {
	n, err := w.narrow(ctx, p.at)
	if err != nil {
		return Polled{}, err
	}
	if n.Nowhere {
		return Polled{fixed: true, complete: true, notices: n.Notices}, nil
	}
	lines, report := w.d.Loki.Lines(ctx, p.ask, n.Scope, n.Filter, maxLiveRows, loki.NewestFirst)
	if report.Err != nil && len(lines) == 0 {
		return Polled{}, report.Err
	}
	frame := frames.Logs(lines, maxLiveRows)
	complete := report.Err == nil && !report.Truncated
	if p.reach == Far {
		report.Truncated = false // what it did not read, near looks have
	}
	out := Polled{fixed: true, failed: report.Err != nil, complete: complete, rows: make([]Row[frames.Cells], len(lines))}
	out.notices = answer.WithStore(data.Frames{frame}, report, "the rest of the lines")[0].Meta.Notices
	out.notices = slices.Concat(out.notices, n.Notices)
	keys := answer.LineKeys(frame)
	for i, cells := range frames.CellsOf(frame) {
		out.rows[i] = Row[frames.Cells]{Key: keys[i], Time: lines[i].Time, Value: cells}
	}
	return out, nil
}

func (w *lineWatcher) done(Polled) {}

func trimDot(s string) string { return strings.TrimRight(s, ". ") }
