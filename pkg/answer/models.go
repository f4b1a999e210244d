package answer

import (
	"context"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// exactRequests is up to how many requests in a table's range the quantiles are also taken from the requests themselves:
// beyond, fetching the spans would take longer than the whole of the bucket figures.
const exactRequests = 20_000

// models answers with figures per model (or instance, engine, environment).
func (d *Sources) models(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.Prometheus == nil {
		return nil, Needs(evidence.Prometheus, "figures per model")
	}
	price := figures.Price{GPUHour: d.Settings.VLLM.GPUPrice, Currency: d.Settings.VLLM.Currency}
	result, calls, err := fetch.Figures(ctx, d.Prometheus, *q.Models, q.Range, q.Interval, q.Scope, price)
	if err != nil && (q.FromAlert || len(result.Groups) == 0) {
		return nil, err
	}
	var failures []data.Notice
	if err != nil {
		failures = append(failures, frames.Missing(err, "the figures that the failed queries give"))
	}
	stores := []evidence.StoreReport{{Store: evidence.Prometheus, Configured: true, Calls: calls}}
	if partial := upstream.Trouble(stores[0]); partial != nil {
		if q.FromAlert {
			return nil, partial
		}
		failures = append(failures, frames.Missing(partial, "what that part knows: sums and rates are too low, or a group is not there"))
	}
	exact, more, why := d.exactQuantiles(ctx, q, result)
	if why != "" {
		failures = append(failures, information("Quantiles of the requests themselves are not shown beside those of the buckets: %s.", why))
	}
	result = result.WithExact(exact)
	for _, report := range more {
		if err := upstream.Trouble(report); err != nil {
			failures = append(failures, frames.Missing(err, "the quantiles of the requests themselves, beside those of the buckets"))
		}
	}
	fs := withExecuted(frames.Models(result, q.Models.WithDefaults().Form, d.Source()), append(stores, more...))
	fs[0].AppendNotices(failures...)
	fs[0].AppendNotices(d.whyEmpty(ctx, q.Range, nothingIn(result))...)
	return fs, nil
}

// exactQuantiles takes a table's quantiles from the requests themselves, when all of them can be had: traces are there,
// they are few enough, nothing was cut, and the rows explain the engines' own count. It also gives what the stores said, and
// why there are none where they were to be had.
func (d *Sources) exactQuantiles(ctx context.Context, q query.Query, result figures.Result) ([]figures.ExactQuantile, []evidence.StoreReport, string) {
	spec := q.Models.WithDefaults()
	if q.FromAlert || spec.Form != figures.Table || d.Jaeger == nil || !hasQuantiles(result) {
		return nil, nil, ""
	}
	in, why := d.Fetcher.Spans(ctx, fetch.Ask{Window: q.Range, Scope: q.Scope}, exactRequests)
	if why != "" {
		return nil, in.Stores, why
	}
	joined := join.Requests(in)
	if !joined.Report.Complete() {
		return nil, in.Stores, fmt.Sprintf("the spans found are %.1f %% of the requests that the engines counted (traces are sampled, or some were lost)", 100*joined.Report.Explained.Ratio())
	}
	rows, _ := join.Choose(joined.Rows, join.Predicate{}.Within(q.Scope), join.Order{}, 0)
	return figures.FromRequests(rows, result), in.Stores, ""
}

func hasQuantiles(r figures.Result) bool {
	for _, c := range r.Columns {
		if c.Quantile > 0 {
			return true
		}
	}
	return false
}
