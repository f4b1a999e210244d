package answer

import (
	"context"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// coverageSteps is how many points a coverage series has at most: each is a report over its own part of the window.
const coverageSteps = 120

// coverage answers with the join report.
func (d *Sources) coverage(ctx context.Context, q query.Query) (data.Frames, error) {
	spec := q.Coverage
	in, err := d.Fetcher.Requests(ctx, fetch.Ask{Window: q.Range, Scope: q.Scope})
	metric, one := join.CoverageMetrics.Find(spec.Metric)
	aboutStores := metric.OfStores()
	// A rule that watches for blind stores must still see them when all are blind, but not when it was not waited for.
	if err != nil && (!aboutStores || ctx.Err() != nil) {
		return nil, err
	}
	if q.FromAlert && !aboutStores {
		if err := incomplete(in.Stores); err != nil {
			return nil, err
		}
	}
	joined := join.Requests(in).Within(q.Scope)
	switch spec.Form {
	case figures.Numeric:
		return frames.StoreNotices(withExecuted(frames.CoverageNumbers(joined.Report, metric), in.Stores), joined.Report), nil
	case figures.TimeSeries:
		metrics := join.CoverageMetrics
		if one {
			metrics = []join.CoverageMetric{metric}
		}
		step := max(q.Interval, d.ScrapeInterval(ctx, q.Range)*4, q.Range.Duration()/coverageSteps).Truncate(time.Second)
		series := frames.CoverageSeries(joined.Slices(max(step, time.Second)), metrics)
		return frames.StoreNotices(withExecuted(series, in.Stores), joined.Report), nil
	default:
		frame := frames.Coverage(joined.Report, d.Source())
		frame.Meta.ExecutedQueryString = executed(in.Stores)
		return data.Frames{frame}, nil
	}
}
