package answer

import (
	"context"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// aroundRequest is how far before and after a request its lines and neighbours are looked for.
	aroundRequest = time.Minute
	// stateAround is how much engine state is shown before and after a request: enough to see whether what it met was usual.
	stateAround = 10 * time.Minute
	// detailLines bounds the lines of one request: streaming deltas can be thousands.
	detailLines = 1000
	// maxNeighbours bounds the table of requests that shared the engine.
	maxNeighbours = 200
)

// request answers with everything about one request, or those parts that are to be shown: its row, the phases of its time,
// the trace, the lines, the engine's state around it and the requests that shared the engine.
func (d *Sources) request(ctx context.Context, q query.Query) (data.Frames, error) {
	in, err := d.Fetcher.Request(ctx, q.Range, q.Request.ID)
	if err != nil {
		return nil, err
	}
	joined := join.Requests(in)
	rows, _ := join.Choose(joined.Of(q.Request.ID), join.Predicate{}, join.Order{Column: join.TimeColumn, Desc: true}, 0)
	summary := frames.Requests(rows, joined.Report, d.Source())
	summary.Name = "request"
	summary.Meta.ExecutedQueryString = executed(in.Stores)
	out := data.Frames{summary}
	if len(rows) == 0 {
		return notFound(q, summary, in.Stores), nil
	}
	row := &rows[0]
	around := evidence.Window{From: row.Time.Add(-aroundRequest), To: row.Time.Add(aroundRequest)}
	if end := row.End(); end.After(row.Time) {
		around.To = end.Add(aroundRequest)
	}
	show := q.Request
	if show.Shows(query.PartPhases) {
		out = append(out, frames.Phases(row))
	}
	state := evidence.Window{From: around.From.Add(aroundRequest - stateAround), To: around.To.Add(stateAround - aroundRequest)}
	more := detail{Sources: d, row: row, own: joined.Own(row), around: around, state: state, before: in.Stores, summary: summary}
	if show.Shows(query.PartTrace) {
		out = append(out, more.trace(ctx)...)
	}
	if show.Shows(query.PartLogs) {
		out = append(out, more.lines(ctx)...)
	}
	if show.Shows(query.PartEngine) || show.Shows(query.PartNeighbours) {
		series, shared := more.sharedEngine(ctx)
		if show.Shows(query.PartEngine) {
			out = append(out, series...)
		}
		if show.Shows(query.PartNeighbours) {
			out = append(out, shared...)
		}
	}
	if !show.Shows(query.PartSummary) {
		out = withoutSummary(out)
	}
	return out, nil
}

// notFound says where the request was looked for, in a table where a row was asked for, as a notice in every panel.
func notFound(q query.Query, summary *data.Frame, stores []evidence.StoreReport) data.Frames {
	summary.AppendNotices(data.Notice{
		Severity: data.NoticeSeverityInfo,
		Text:     "No store knows this id in the time range. Ids are compared as a whole, in every spelling that vLLM uses.",
	})
	frame := data.NewFrame(summary.Name)
	if q.Request.Shows(query.PartSummary) {
		frame = frames.RequestNotFound(q.Range, stores)
	}
	return withoutSummary(data.Frames{summary, frame})
}

// withoutSummary leaves out the summary, and puts what it says of the stores on the first frame that stays.
func withoutSummary(out data.Frames) data.Frames {
	summary, rest := out[0], out[1:]
	if len(rest) == 0 {
		rest = data.Frames{data.NewFrame(summary.Name)}
	}
	if rest[0].Meta == nil {
		rest[0].Meta = &data.FrameMeta{}
	}
	rest[0].AppendNotices(summary.Meta.Notices...)
	rest[0].Meta.ExecutedQueryString = summary.Meta.ExecutedQueryString
	return rest
}

// detail adds to the row of one request what only it needs. The stores were asked for the row before: one that failed then
// is noted on the summary already and is not asked again.
type detail struct {
	*Sources
	row     *join.Request
	own     func(at time.Time, e *vllm.LogEvent) bool // tells the row's lines from those of another try at its id
	around  evidence.Window
	state   evidence.Window // around and more, for the engine's state alone
	before  []evidence.StoreReport
	summary *data.Frame
}

// trace is the whole trace of the row.
func (d *detail) trace(ctx context.Context) data.Frames {
	if d.Jaeger == nil || d.row.TraceID == "" || d.failedBefore(evidence.Jaeger) {
		return nil
	}
	spans, report := d.Jaeger.GetTrace(ctx, d.row.TraceID)
	d.note(report, "the trace view")
	if len(spans) == 0 {
		return nil
	}
	return data.Frames{frames.Trace(spans)}
}

// lines are the lines that carry the row's id.
func (d *detail) lines(ctx context.Context) data.Frames {
	if d.Loki == nil || !vllm.ComparableRequestID(d.row.RequestID) || d.failedBefore(evidence.Loki) {
		return nil
	}
	lines, report := d.Loki.Lines(ctx, d.around, vllm.Scope{}, loki.LineFilter{RequestID: d.row.RequestID, Own: d.own}, detailLines, loki.OldestFirst)
	d.note(report, "the log lines")
	if len(lines) == 0 {
		return nil
	}
	return data.Frames{frames.Logs(lines, detailLines)}
}

// sharedEngine is the engine's state around the row, and the other requests it worked on meanwhile.
func (d *detail) sharedEngine(ctx context.Context) (state, neighbours data.Frames) {
	var scope vllm.Scope
	if d.row.Origin != nil {
		switch {
		case d.row.Origin.Pod != "":
			scope.Pods = []string{d.row.Origin.Pod}
		case d.row.Origin.Instance != "":
			scope.Instances = []string{d.row.Origin.Instance}
		}
	}
	in, err := d.Fetcher.Neighbours(ctx, d.around, d.state, scope, d.before)
	if err != nil {
		return nil, nil // nobody waits for the answer any more
	}
	for _, report := range in.Stores {
		if !d.failedBefore(report.Store) {
			d.note(report, "the engine around the request, and who shared it")
		}
	}
	joined := join.Requests(in)
	if state = frames.EngineState(joined.StateAround(d.row), d.row.Engine); len(state) > 0 {
		state = append(state, frames.InFlight(d.row))
	}
	shared := joined.Overlapping(d.row, maxNeighbours)
	if len(shared) > 0 {
		frame := frames.Requests(shared, joined.Report, d.Source())
		frame.Name = "neighbours"
		frame.Meta.Notices = nil
		neighbours = data.Frames{frame}
	}
	return state, neighbours
}

func (d *detail) failedBefore(store evidence.Store) bool {
	return slices.ContainsFunc(d.before, func(r evidence.StoreReport) bool { return r.Store == store && upstream.Trouble(r) != nil })
}

// note says on the summary what a failure costs.
func (d *detail) note(report evidence.StoreReport, missing string) {
	if err := upstream.Trouble(report); err != nil {
		d.summary.AppendNotices(frames.Missing(err, missing))
	}
	if report.Truncated {
		d.summary.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: report.Reason})
	}
}
