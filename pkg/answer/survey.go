package answer

import (
	"context"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// joined joins, and narrows to a scope.
func (d *Sources) joined(in join.Input, scope vllm.Scope) join.Joined {
	defer observeStage("join")()
	return join.Requests(in).Within(scope)
}

// survey says how much the rows have of each model's requests. Only where spans are fewer than what the engines counted, their
// histograms are asked whether these spans are like the others.
func (d *Sources) survey(ctx context.Context, joined join.Joined, known join.Known, w evidence.Window, scope vllm.Scope) (attainment.Samples, evidence.StoreReport, error) {
	report := evidence.StoreReport{Store: evidence.Prometheus, Configured: d.Prometheus != nil}
	var shapes attainment.Shapes
	if d.Prometheus != nil && attainment.Sampled(joined.Rows, joined.Report, known) {
		shapes, report.Calls, report.Err = fetch.Shapes(ctx, d.Prometheus, w, scope)
	}
	return attainment.Survey(joined.Rows, joined.Report, shapes, known), report, report.Err
}

// fewest is of how many requests a share is at least that a query asks for.
func fewest(q query.Query) float64 {
	if q.FromAlert {
		return attainment.FewestInRule
	}
	return 0
}

// blind is the error of an alert whose number depends on a store that has nothing of a time in which there were requests. Lines
// have no part in what spans alone decide.
func blind(r join.Report, bySpans bool) error {
	var errs []error
	for _, s := range r.Blind {
		if s == evidence.Loki && bySpans {
			continue
		}
		errs = append(errs, backend.DownstreamErrorf("%s has nothing of a time in which there were requests", s.Title()))
	}
	return upstream.Join(errs...)
}

// downstream marks an error as that of what the stores have, and not of this plugin.
func downstream(err error) error {
	if err == nil {
		return nil
	}
	return backend.DownstreamError(err)
}

func warning(format string, args ...any) data.Notice {
	return data.Notice{Severity: data.NoticeSeverityWarning, Text: fmt.Sprintf(format, args...)}
}
