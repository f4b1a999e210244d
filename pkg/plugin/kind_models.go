package plugin

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// exactRequests is up to how many requests in a table's range the quantiles are also taken from the requests themselves:
// beyond, fetching the spans would take longer than the whole of the bucket figures.
const exactRequests = 20_000

// models answers with figures per model (or instance, engine, environment).
func (d *Datasource) models(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.prometheus == nil {
		return nil, needs(evidence.Prometheus, "figures per model")
	}
	result, calls, err := models.Fetch(ctx, d.prometheus, *q.Models, q.Range, q.Interval, q.Scope)
	if err != nil && (q.FromAlert || len(result.Groups) == 0) {
		return nil, err
	}
	if err != nil {
		result.Notices = append(result.Notices, err.Error())
	}
	report := evidence.StoreReport{Store: evidence.Prometheus, Configured: true, Calls: calls}
	stores := []evidence.StoreReport{report}
	if exact, more := d.exactQuantiles(ctx, q, result); exact != nil {
		result = result.WithExact(exact)
		stores = append(stores, more...)
	}
	form := q.Models.WithDefaults().Form
	return withExecuted(frames.Models(result, form), stores), nil
}

// exactQuantiles takes a table's quantiles from the requests themselves, when all of them can be had: traces are there,
// they are few enough, nothing was cut, and the rows explain the engines' own count.
func (d *Datasource) exactQuantiles(ctx context.Context, q query.Query, result models.Result) ([]models.ExactQuantile, []evidence.StoreReport) {
	spec := q.Models.WithDefaults()
	if q.FromAlert || spec.Form != models.Table || d.jaeger == nil || !hasQuantiles(result) {
		return nil, nil
	}
	in, complete := d.fetcher.Spans(ctx, fetch.Ask{Window: q.Range, Scope: q.Scope}, exactRequests)
	if !complete {
		return nil, nil
	}
	joined := join.Requests(in)
	if !joined.Report.Complete() {
		return nil, nil
	}
	rows, _ := join.Choose(joined.Rows, join.Predicate{}.Within(q.Scope), join.Order{}, 0)
	return models.FromRequests(rows, result), in.Stores[2:]
}

func hasQuantiles(r models.Result) bool {
	for _, c := range r.Columns {
		if c.Quantile > 0 {
			return true
		}
	}
	return false
}
