package attainment

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// FetchShapes asks how the engines' own histograms divide the requests of a window, by model: what spans are held against when
// not every request left one. A histogram that the store does not have is left out.
func FetchShapes(ctx context.Context, client *prometheus.Client, w evidence.Window, scope vllm.Scope) (Shapes, []evidence.Call, error) {
	names, calls, err := client.Names(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	labels := client.Labels()
	matchers := prometheus.ScopeMatchers(labels, scope)
	wanted := []histogram{{limit: slo.E2E, metric: vllm.E2E}, {limit: slo.TTFT, metric: vllm.TTFT}}
	wanted = slices.DeleteFunc(wanted, func(h histogram) bool { return len(names.Of(h.metric)) == 0 })
	answers, asked := make([]prometheus.Answer, len(wanted)), make([]evidence.Call, len(wanted))
	errs := prometheus.Each(ctx, client.Concurrency(), len(wanted), func(ctx context.Context, i int) (err error) {
		answers[i], asked[i], err = client.Query(ctx, prometheus.Aggregate("sum", []string{labels.Model, leLabel},
			names.Either("increase", wanted[i].metric, []string{"_bucket"}, w.Duration(), matchers...)), w.To)
		return err
	})
	out := Shapes{}
	for i, h := range wanted {
		for model, shape := range shapesOf(answers[i], labels.Model) {
			if out[model] == nil {
				out[model] = map[slo.Limit]Shape{}
			}
			out[model][h.limit] = shape
		}
	}
	return out, append(calls, asked...), upstream.Join(errs...)
}

// shapesOf reads cumulative buckets, one series per model and bound.
func shapesOf(answer prometheus.Answer, modelLabel string) map[string]Shape {
	counts := map[string]map[float64]float64{}
	for _, s := range answer.Series {
		bound, err := strconv.ParseFloat(s.Labels[leLabel], 64)
		if err != nil || len(s.Samples) == 0 {
			continue
		}
		model := s.Labels[modelLabel]
		if counts[model] == nil {
			counts[model] = map[float64]float64{}
		}
		counts[model][bound] += s.Samples[0].Value // "1" and "1.0" may be in one fleet
	}
	out := map[string]Shape{}
	for model, at := range counts {
		all := at[math.Inf(1)]
		if !(all > 0) {
			continue
		}
		var shape Shape
		for bound := range at {
			if !math.IsInf(bound, 1) {
				shape.Bounds = append(shape.Bounds, bound)
			}
		}
		slices.Sort(shape.Bounds)
		for _, bound := range shape.Bounds {
			shape.Within = append(shape.Within, min(at[bound]/all, 1))
		}
		out[model] = shape
	}
	return out
}
