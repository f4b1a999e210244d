package attainment

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// infinity is the bound of the bucket that holds everything.
const infinity = "+Inf"

// FetchBuckets asks for those buckets alone that the limits are read off: first which bounds there are, of the index, then
// the rates of the ones next to each limit. A histogram has some twenty, and a series per engine of each.
//
// Spec must have its defaults, grid must be that of steps. When some queries fail, the error says which, and the other
// histograms are kept.
func FetchBuckets(
	ctx context.Context, client *prometheus.Client, spec Spec, objectives slo.Objectives, scope vllm.Scope,
	steps promql.Range, grid Grid,
) (Buckets, []evidence.Call, error) {
	out := Buckets{groups: map[string]*graded{}, without: map[string]bool{}}
	labels, window := client.Labels(), grid.Window()
	group, err := models.GroupLabels(labels, spec.GroupBy)
	if err != nil {
		return out, nil, err
	}
	names, calls, err := client.NamesOnce(ctx, window)
	if err != nil {
		return out, calls, err
	}
	wanted := slices.DeleteFunc(spec.histograms(), func(h histogram) bool {
		if len(names.Of(h.metric)) > 0 {
			return false
		}
		out.Notices = append(out.Notices, h.Name+"_attainment: the store has no "+names.Today(h.metric))
		return true
	})
	matchers := promql.ScopeMatchers(labels, scope)
	ask := func(ctx context.Context, expr string) (promql.Result, evidence.Call, error) {
		if spec.Form == models.TimeSeries {
			return client.QueryRangeHistograms(ctx, expr, steps)
		}
		return client.QueryHistograms(ctx, expr, steps.To)
	}

	type asked struct {
		rules   ruler
		rates   promql.Result
		notices []string
		calls   []evidence.Call
	}
	answers := make([]asked, len(wanted))
	errs := prometheus.Each(ctx, client.Concurrency(), len(wanted), func(ctx context.Context, i int) (err error) {
		h, a := wanted[i], &answers[i]
		if a.rules, a.notices, a.calls, err = h.measure(ctx, client, names, window, matchers, objectives); err != nil {
			return err
		}
		expr := h.rates(names, group, labels.Model, a.rules.texts(), grid.Length, matchers)
		if expr == "" {
			return nil
		}
		answer, call, err := ask(ctx, expr)
		a.rates, a.calls = answer, append(a.calls, call)
		return err
	})
	from := source{objectives: objectives, grid: steps, model: labels.Model, group: group}
	for i, h := range wanted {
		calls = append(calls, answers[i].calls...)
		out.Notices = append(out.Notices, answers[i].notices...)
		out.file(h, answers[i].rules, answers[i].rates, from)
		for _, warning := range answers[i].rates.Warnings {
			out.Notices = append(out.Notices, "Prometheus: "+warning)
		}
	}
	slices.Sort(out.Notices)
	out.Notices = slices.Compact(out.Notices)
	return out, calls, upstream.Join(errs...)
}

// rates writes what is read of a histogram: the classic buckets at these bounds and the last, and native histograms whole.
func (h histogram) rates(
	names promql.Names, group []string, model string, texts []string, window time.Duration, matchers []promql.Matcher,
) string {
	by := withLabels(group, model)
	var exprs []string
	if len(texts) > 0 {
		some := append(slices.Clone(matchers), promql.AnyOf(leLabel, append(texts, infinity)...))
		exprs = append(exprs, promql.Aggregate("sum", withLabels(by, leLabel), names.Either("rate", h.metric, []string{"_bucket"}, window, some...)))
	}
	if native := names.Native("rate", h.metric, window, matchers...); native != "" {
		exprs = append(exprs, "label_replace("+promql.Aggregate("sum", by, native)+", "+promql.Quote(leLabel)+", "+
			promql.Quote(nativeBuckets)+`, "", "")`)
	}
	return strings.Join(exprs, " or ")
}

// histograms that the figures of a spec are read off.
func (s Spec) histograms() (out []histogram) {
	for _, h := range histograms {
		if slices.ContainsFunc(s.figures(), func(f figure) bool { return slices.Contains(f.histograms, h.Name) }) {
			out = append(out, h)
		}
	}
	return out
}

// withLabels adds labels that are not yet there.
func withLabels(labels []string, more ...string) []string {
	out := slices.Clone(labels)
	for _, l := range more {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
