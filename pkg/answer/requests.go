package answer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// requests answers with one row per request.
func (d *Sources) requests(ctx context.Context, q query.Query) (data.Frames, error) {
	spec := q.Requests
	if spec.Form != figures.Table {
		return d.requestsShare(ctx, q)
	}
	filter, err := join.CompileFilters(spec.Filters)
	if err != nil {
		return nil, &query.FieldError{Field: "requests", Err: err}
	}
	filter = filter.Within(q.Scope)
	in, err := d.Fetcher.Requests(ctx, fetch.Ask{
		Window: q.Range, Scope: q.Scope, Keep: spec.Limit, Order: spec.Sort, Select: filter,
		Early: join.DecidedBySpans(spec.Filters, spec.Sort),
	})
	if err != nil {
		return nil, err
	}
	defer observeStage("join")()
	joined := join.Requests(in).Within(q.Scope)
	rows, total := join.Choose(joined.Rows, filter, spec.Sort, spec.Limit)
	joined.Report.Dropped += total - len(rows)
	frame := frames.Requests(rows, joined.Report, d.Source())
	frame.Meta.ExecutedQueryString = executed(in.Stores)
	if spec.Live {
		d.Follow(ctx, frame, q, keysOf(rows), frames.Follow{Sort: spec.Sort.Column, Desc: spec.Sort.Desc, Limit: spec.Limit})
	}
	if len(rows) == 0 && !spec.Live { // what is followed may have rows in a moment
		frame.AppendNotices(noRequests(q))
	}
	return data.Frames{frame}, nil
}

// share answers with the share of requests that pass the filters, or how many do.
func (d *Sources) requestsShare(ctx context.Context, q query.Query) (data.Frames, error) {
	steps, length := figures.Grid(q.Requests.Form, q.Range, q.Interval, d.ScrapeInterval(ctx, q.Range))
	grid := attainment.Grid{Times: steps.Times(), Step: steps.Step, Length: length}
	in, err := d.Fetcher.Requests(ctx, fetch.Ask{Window: grid.Window(), Scope: q.Scope})
	if err == nil && q.FromAlert {
		err = incomplete(in.Stores)
	}
	if err != nil {
		return nil, err
	}
	joined := d.joined(in, q.Scope)
	known := joined.Known()
	samples, calls, err := d.survey(ctx, joined, known, grid.Window(), q.Scope)
	if err == nil && q.FromAlert {
		err = upstream.Join(upstream.Trouble(calls), blind(joined.Report, join.OfSpans(q.Requests.Filters)))
	}
	if err != nil && q.FromAlert {
		return nil, err
	}
	shares, err := attainment.Share(joined.Rows, attainment.Asked{
		Filters: q.Requests.Filters, Figure: q.Requests.Metric, GroupBy: q.Requests.GroupBy, Objectives: d.Settings.VLLM.SLO, Samples: samples,
		Known: known, Fewest: fewest(q), Cut: slices.ContainsFunc(in.Stores, func(s evidence.StoreReport) bool { return s.Truncated || s.Err != nil }),
	}, grid)
	if err != nil {
		return nil, &query.FieldError{Field: "requests", Err: err}
	}
	if q.FromAlert && shares.Decidable != nil {
		return nil, downstream(shares.Decidable)
	}
	fs := withExecuted(frames.Share(shares.Result, q.Requests.Form), append(in.Stores, calls))
	for _, text := range shares.Notices {
		fs[0].AppendNotices(information("%s", text))
	}
	return frames.StoreNotices(fs, joined.Report), nil
}

// noRequests says why a table is empty. What a store failed at, the frame says already.
func noRequests(q query.Query) data.Notice {
	text := "No store saw a request in this time range. Widen it, or see what Save & test in the data source's settings says."
	if len(q.Requests.Filters) > 0 || q.Scope.Narrows(vllm.Places...) {
		text = "No request of this time range passes the filters. Widen the range, or take a filter away."
	}
	return data.Notice{Severity: data.NoticeSeverityInfo, Text: text}
}

func keysOf(rows []join.Request) []string {
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key()
	}
	return keys
}

// incomplete is the error of an alert whose number depends on a store that failed or was cut: a rule must not decide on
// half of the evidence.
func incomplete(stores []evidence.StoreReport) error {
	var errs []error
	for _, s := range stores {
		if err := upstream.Trouble(s); s.Configured && err != nil {
			errs = append(errs, err)
		} else if s.Truncated {
			errs = append(errs, backend.DownstreamErrorf("%s", cmp.Or(s.Reason, s.Store.Title()+" answered only in part.")))
		}
	}
	return upstream.Join(errs...)
}

// executed lists what was asked of each store, for the query inspector.
func executed(stores []evidence.StoreReport) string {
	var b strings.Builder
	for _, s := range stores {
		for _, c := range s.Calls {
			fmt.Fprintf(&b, "%s: %s  (%d ms, %d rows)\n", s.Store, c.Text, c.Duration.Milliseconds(), c.Rows)
		}
	}
	return b.String()
}

// withExecuted sets the executed query on the first frame, where the inspector looks.
func withExecuted(fs data.Frames, stores []evidence.StoreReport) data.Frames {
	if len(fs) > 0 {
		if fs[0].Meta == nil {
			fs[0].Meta = &data.FrameMeta{}
		}
		fs[0].Meta.ExecutedQueryString = executed(stores)
	}
	return fs
}
