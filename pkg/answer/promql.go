package answer

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// dollar finds Grafana variables that nobody filled in: alert rules run without the browser that does it.
var dollar = regexp.MustCompile(`\$\{?([A-Za-z_]\w*)`)

// group finds the names of a regular expression's groups: label_replace refers to them as $name in its replacement.
var group = regexp.MustCompile(`\(\?P?<([A-Za-z_]\w*)>`)

// dashboardVariable gives the first variable of a dashboard that stands in an expression, "" when there is none. The name of a
// group of a regular expression in the same expression is no variable.
func dashboardVariable(expr string) string {
	groups := map[string]bool{}
	for _, match := range group.FindAllStringSubmatch(expr, -1) {
		groups[match[1]] = true
	}
	for _, match := range dollar.FindAllStringSubmatch(expr, -1) {
		if !groups[match[1]] {
			return match[0]
		}
	}
	return ""
}

// promql answers with any PromQL, so that a dashboard needs this data source only.
func (d *Sources) promql(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.Prometheus == nil {
		return nil, Needs(evidence.Prometheus, "PromQL")
	}
	spec := q.PromQL
	scrape := d.ScrapeInterval(ctx, q.Range)
	step := promql.Step(q.Interval, spec.Minimum(), scrape, q.Range.Duration())
	if spec.RateStep() {
		step = promql.Step(q.Interval, promql.RateWindow(step, scrape), scrape, q.Range.Duration())
	}
	copies := promql.CopyLabels
	var calls []evidence.Call
	if promql.UsesCopies(spec.Expr) { // what a failed look-up does not tell, the usual labels do
		names, asked, err := d.Prometheus.NamesOnce(ctx, q.Range)
		if calls = asked; err == nil {
			copies = names.Copies().CopyLabels()
		}
	}
	expr := promql.Expand(spec.Expr, q.Range, step, scrape, d.Settings.VLLM.MetricPrefix, copies)
	if left := dashboardVariable(expr); left != "" && q.FromAlert {
		return nil, &query.FieldError{Field: "promql.expr", Err: fmt.Errorf("%s is a dashboard variable: an alert rule has none", left)}
	}
	options := frames.PromQLOptions{Legend: spec.Legend, Alert: q.FromAlert, Expr: expr}
	if !q.FromAlert { // a rule reads numbers and series, whatever a panel makes of them
		options.Table, options.Heatmap = spec.Format == query.FormatTable, spec.Format == query.FormatHeatmap
	}
	if spec.Legend == query.LegendAuto {
		options.Legend, options.AutoLegend = "", true
	}
	var answer promql.Result
	var call evidence.Call
	var err error
	if spec.Instant {
		answer, call, err = d.Prometheus.Query(ctx, expr, q.Range.To)
	} else {
		options.Step = step
		answer, call, err = d.Prometheus.QueryRange(ctx, expr, promql.Align(q.Range.From, q.Range.To, step))
	}
	if err != nil {
		return nil, err
	}
	account := memory.Of(ctx)
	answer, bytes, cut := frames.FitPromQL(answer, options, account.Left(), account.Share())
	if call.Partial == "" {
		call.Partial = cut
	}
	if err := account.Take(ctx, bytes); err != nil {
		return nil, tooLarge(err, account.Share())
	}
	defer account.Give(bytes) // the frames are charged when they are there
	report := evidence.StoreReport{Store: evidence.Prometheus, Configured: true, Calls: append(calls, call)}
	if partial := upstream.Trouble(report); partial != nil && q.FromAlert {
		return nil, partial
	}
	fs := WithStore(frames.PromQL(answer, options), report, "series and samples that the missing part has")
	if len(fs) > 0 {
		fs[0].AppendNotices(d.whyEmpty(ctx, q.Range, len(answer.Series) == 0 && strings.Contains(expr, "["))...)
	}
	return fs, nil
}

// withStore adds what the one store said about its answer: the executed query, a failure half-way, a cut.
func WithStore(fs data.Frames, report evidence.StoreReport, missing string) data.Frames {
	fs = withExecuted(fs, []evidence.StoreReport{report})
	if len(fs) == 0 {
		return fs
	}
	if err := upstream.Trouble(report); err != nil {
		fs[0].AppendNotices(frames.Missing(err, missing))
	}
	if report.Truncated {
		fs[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: report.Reason})
	}
	return fs
}
