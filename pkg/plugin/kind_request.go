package plugin

import (
	"context"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// aroundRequest is how much engine state is shown before and after a request: enough to see what it met.
	aroundRequest = time.Minute
	// detailLines bounds the lines of one request: streaming deltas can be thousands.
	detailLines = 1000
	// maxNeighbours bounds the table of requests that shared the engine.
	maxNeighbours = 200
)

// request answers with everything about one request, or those parts that are to be shown: its row, the phases of its time,
// the trace, the lines, the engine's state around it and the requests that shared the engine.
func (d *Datasource) request(ctx context.Context, q query.Query) (data.Frames, error) {
	in, err := d.fetcher.Request(ctx, q.Range, q.Request.ID)
	if err != nil {
		return nil, err
	}
	joined := join.Requests(in)
	rows, _ := join.Choose(joined.Rows, join.Predicate{}, join.Order{Column: join.TimeColumn, Desc: true}, 0)
	summary := frames.Requests(rows, joined.Report, d.source())
	summary.Name = "request"
	summary.Meta.ExecutedQueryString = executed(in.Stores)
	out := data.Frames{summary}
	if len(rows) == 0 {
		summary.AppendNotices(data.Notice{
			Severity: data.NoticeSeverityInfo,
			Text:     "No store knows this id in the time range. Ids are compared as a whole, in every spelling vLLM uses.",
		})
		return out, nil
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
	if show.Shows(query.PartTrace) {
		out = append(out, d.requestTrace(ctx, row, summary)...)
	}
	if show.Shows(query.PartLogs) {
		out = append(out, d.requestLines(ctx, row, around, summary)...)
	}
	if show.Shows(query.PartEngine) || show.Shows(query.PartNeighbours) {
		state, shared := d.sharedEngine(ctx, row, around, summary)
		if show.Shows(query.PartEngine) {
			out = append(out, state...)
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

// requestTrace is the whole trace of a row.
func (d *Datasource) requestTrace(ctx context.Context, row *join.Request, summary *data.Frame) data.Frames {
	if d.jaeger == nil || row.TraceID == "" {
		return nil
	}
	spans, report := d.jaeger.GetTrace(ctx, row.TraceID)
	noteFailure(summary, report, "the trace view")
	if len(spans) == 0 {
		return nil
	}
	return data.Frames{frames.Trace(spans)}
}

// requestLines are the lines that carry the row's id.
func (d *Datasource) requestLines(ctx context.Context, row *join.Request, around evidence.Window, summary *data.Frame) data.Frames {
	if d.loki == nil || !vllm.ValidRequestID(row.RequestID) {
		return nil
	}
	lines, report := d.loki.Lines(ctx, around, vllm.Scope{}, loki.LineFilter{RequestID: row.RequestID}, detailLines, loki.OldestFirst)
	noteFailure(summary, report, "the log lines")
	if len(lines) == 0 {
		return nil
	}
	return data.Frames{frames.Logs(lines, detailLines)}
}

// sharedEngine is the engine's state around the row, and the other requests it worked on meanwhile.
func (d *Datasource) sharedEngine(ctx context.Context, row *join.Request, around evidence.Window, summary *data.Frame) (state, neighbours data.Frames) {
	var scope vllm.Scope
	if row.Origin != nil {
		switch {
		case row.Origin.Pod != "":
			scope.Pods = []string{row.Origin.Pod}
		case row.Origin.Instance != "":
			scope.Instances = []string{row.Origin.Instance}
		}
	}
	in, err := d.fetcher.Neighbours(ctx, around, scope)
	if err != nil {
		return nil, nil // each store's failure is already noted by the row's own join
	}
	state = frames.EngineState(in.Series, row.Engine)
	joined := join.Requests(in)
	shared := join.Overlapping(joined.Rows, row, maxNeighbours)
	if len(shared) > 0 {
		frame := frames.Requests(shared, joined.Report, d.source())
		frame.Name = "neighbours"
		frame.Meta.Notices = nil
		neighbours = data.Frames{frame}
	}
	return state, neighbours
}

func noteFailure(summary *data.Frame, report evidence.StoreReport, missing string) {
	if report.Err != nil {
		summary.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: report.Err.Error() + ". Missing: " + missing + "."})
	}
}
