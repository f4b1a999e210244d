package fetch

import (
	"context"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// FetchBuckets asks for those buckets alone that the limits are read off: first which bounds there are, of the index, then
// the rates of the ones next to each limit. A histogram has some twenty, and a series per engine of each.
//
// Spec must have its defaults, grid must be that of steps. When some queries fail, the error says which, and the other
// histograms are kept.
func Buckets(
	ctx context.Context, client *prometheus.Client, spec attainment.Spec, objectives slo.Objectives, scope vllm.Scope,
	steps promql.Range, grid attainment.Grid,
) (attainment.Buckets, []evidence.Call, error) {
	out := attainment.NewBuckets()
	labels, window := client.Labels(), grid.Window()
	group, err := figures.GroupLabels(labels, spec.GroupBy)
	if err != nil {
		return out, nil, err
	}
	names, calls, err := client.NamesOnce(ctx, window)
	if err != nil {
		return out, calls, err
	}
	wanted := slices.DeleteFunc(spec.Histograms(), func(h attainment.Histogram) bool {
		if len(names.Of(h.Metric)) > 0 {
			return false
		}
		out.Notices = append(out.Notices, h.Name+"_attainment: the store has no "+names.Today(h.Metric))
		return true
	})
	matchers := promql.ScopeMatchers(labels, scope)
	ask := func(ctx context.Context, expr string) (promql.Result, evidence.Call, error) {
		if spec.Form == figures.TimeSeries {
			return client.QueryRangeHistograms(ctx, expr, steps)
		}
		return client.QueryHistograms(ctx, expr, steps.To)
	}

	type asked struct {
		rules   attainment.Rules
		rates   promql.Result
		notices []string
		calls   []evidence.Call
	}
	answers := make([]asked, len(wanted))
	errs := prometheus.Each(ctx, client.Concurrency(), len(wanted), func(ctx context.Context, i int) (err error) {
		h, a := wanted[i], &answers[i]
		if a.rules, a.notices, a.calls, err = measureBounds(ctx, client, h, names, window, matchers, objectives); err != nil {
			return err
		}
		expr := h.Rates(names, group, labels.Model, a.rules.Texts(), grid.Length, matchers)
		if expr == "" {
			return nil
		}
		answer, call, err := ask(ctx, expr)
		a.rates, a.calls = answer, append(a.calls, call)
		return err
	})
	from := attainment.Source{Objectives: objectives, Grid: steps, Model: labels.Model, Group: group}
	for i, h := range wanted {
		calls = append(calls, answers[i].calls...)
		out.Notices = append(out.Notices, answers[i].notices...)
		out.Add(h, answers[i].rules, answers[i].rates, from)
		for _, warning := range answers[i].rates.Warnings {
			out.Notices = append(out.Notices, "Prometheus: "+warning)
		}
	}
	slices.Sort(out.Notices)
	out.Notices = slices.Compact(out.Notices)
	return out, calls, upstream.Join(errs...)
}

// measure makes the rules of a histogram. Where the store has other bounds than vLLM's own, or some replicas lack bounds that
// others have (--custom-histogram-buckets), it asks which model has which: a sum by bound is only right at bounds that all
// replicas have.
func measureBounds(
	ctx context.Context, client *prometheus.Client, h attainment.Histogram, names promql.Names, window evidence.Window, matchers []promql.Matcher,
	objectives slo.Objectives,
) (attainment.Rules, []string, []evidence.Call, error) {
	rules := attainment.NewRules(h, objectives)
	var texts []string
	var calls []evidence.Call
	if classic, _ := names.HistogramTypes(h.Metric); !classic {
		return rules, nil, nil, nil
	}
	for _, exposed := range names.Of(h.Metric) {
		more, call, err := client.LabelValuesOf(ctx, promql.BoundLabel, names.Full(exposed)+promql.BucketSuffix, window, matchers)
		calls = append(calls, call)
		if err != nil {
			return rules, nil, calls, err
		}
		texts = append(texts, more...)
	}
	if rules.OwnBounds(texts) {
		uneven, more, err := client.Uneven(ctx, names, []string{h.Metric}, window)
		calls = append(calls, more...)
		if err != nil || !uneven[h.Metric] {
			rules.SetAll(texts)
			return rules, nil, calls, err
		}
	}
	model := client.Labels().Model
	answer, call, err := client.Query(ctx, h.HeldBounds(names, model, window.Duration(), matchers), window.To)
	calls = append(calls, call)
	if err != nil {
		return rules, nil, calls, err
	}
	notices := rules.Split(h, answer, model)
	return rules, notices, calls, nil
}

// FetchShapes asks how the engines' own histograms divide the requests of a window, by model: what spans are held against when
// not every request left one. A histogram that the store does not have is left out.
func Shapes(ctx context.Context, client *prometheus.Client, w evidence.Window, scope vllm.Scope) (attainment.Shapes, []evidence.Call, error) {
	names, calls, err := client.NamesOnce(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	labels := client.Labels()
	queries := attainment.ShapeQueries(names, labels, scope, w.Duration())
	answers, asked := make([]promql.Result, len(queries)), make([]evidence.Call, len(queries))
	errs := prometheus.Each(ctx, client.Concurrency(), len(queries), func(ctx context.Context, i int) (err error) {
		answers[i], asked[i], err = client.QueryHistograms(ctx, queries[i].Expr, w.To)
		return err
	})
	return attainment.ShapesOf(queries, answers, labels.Model), append(calls, asked...), upstream.Join(errs...)
}

// Findings says of vLLM's histograms in a window as which types the store has them, where that is not the classic one alone,
// and which limits fall between bounds that are not vLLM's own.
func HistogramFindings(ctx context.Context, client *prometheus.Client, objectives slo.Objectives, w evidence.Window) ([]evidence.Finding, []evidence.Call, error) {
	names, calls, err := client.Names(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	var findings []evidence.Finding
	if f, ok := attainment.TypeFinding(names); ok {
		findings = append(findings, f)
	}
	matchers := promql.ScopeMatchers(client.Labels(), vllm.Scope{})
	var found []string
	for _, h := range attainment.LimitedHistograms(objectives) {
		rules, notices, asked, err := measureBounds(ctx, client, h, names, w, matchers, objectives)
		calls = append(calls, asked...)
		if err != nil {
			return findings, calls, err
		}
		for _, text := range append(rules.Between(h), attainment.ReplicasDiffer(h, notices)...) {
			if !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	return append(findings, attainment.LimitFindings(found)...), calls, nil
}
