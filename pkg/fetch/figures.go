package fetch

import (
	"context"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Fetch answers a valid spec for a window. Interval is the panel's suggestion for the step of a time series. When some
// queries fail, the error says which, and the Result still holds the other figures.
func Figures(
	ctx context.Context, client *prometheus.Client, spec figures.Spec, w evidence.Window, interval time.Duration, scope vllm.Scope,
	price figures.Price,
) (figures.Result, []evidence.Call, error) {
	group, err := figures.GroupLabels(client.Labels(), spec.WithDefaults().GroupBy)
	if err != nil {
		return figures.Result{}, nil, err
	}
	names, calls, err := client.NamesOnce(ctx, w)
	if err != nil {
		return figures.Result{}, calls, err
	}
	scrape, measured := client.ScrapeInterval(ctx, w)
	calls = append(calls, measured...)
	calculation := figures.NewCalculation(spec, figures.Window{Range: w, Interval: interval, Scrape: scrape}, names, client.Labels(), scope, group, price)
	ask := func(queries []figures.Query) ([]promql.Result, []error) {
		results := make([]promql.Result, len(queries))
		made := make([]evidence.Call, len(queries))
		errs := prometheus.Each(ctx, client.Concurrency(), len(queries), func(ctx context.Context, i int) (err error) {
			if spec.Form == figures.TimeSeries {
				results[i], made[i], err = client.QueryRangeHistograms(ctx, queries[i].Expr, calculation.Grid())
			} else {
				results[i], made[i], err = client.QueryHistograms(ctx, queries[i].Expr, calculation.Grid().To)
			}
			return err
		})
		calls = append(calls, slices.DeleteFunc(made, func(c evidence.Call) bool { return c.Text == "" })...) // never begun
		return results, errs
	}
	queries := calculation.Queries()
	results, errs := ask(queries)
	calculation.Add(queries, results)
	uneven, counted, err := client.Uneven(ctx, names, calculation.Histograms(), w)
	calls, errs = append(calls, counted...), append(errs, err)
	if more, unusual := calculation.BoundsQueries(uneven, err != nil); unusual {
		held, failed := ask(more)
		errs = append(errs, failed...)
		calculation.AddBounds(more, held, uneven)
	}
	return calculation.Result(), calls, upstream.Join(errs...)
}
