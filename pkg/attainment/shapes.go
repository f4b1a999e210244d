package attainment

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// FetchShapes asks how the engines' own histograms divide the requests of a window, by model: what spans are held against when
// not every request left one. A histogram that the store does not have is left out.
func FetchShapes(ctx context.Context, client *prometheus.Client, w evidence.Window, scope vllm.Scope) (Shapes, []evidence.Call, error) {
	names, calls, err := client.NamesOnce(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	labels := client.Labels()
	matchers := promql.ScopeMatchers(labels, scope)
	type query struct {
		limit  slo.Limit
		native bool
		expr   string
	}
	var queries []query
	for _, h := range []histogram{{limit: slo.E2E, metric: vllm.E2E}, {limit: slo.TTFT, metric: vllm.TTFT}} {
		if classic := names.Either("increase", h.metric, []string{"_bucket"}, w.Duration(), matchers...); classic != "" {
			queries = append(queries, query{h.limit, false, promql.Aggregate("sum", []string{labels.Model, leLabel}, classic)})
		}
		if native := names.Native("increase", h.metric, w.Duration(), matchers...); native != "" {
			queries = append(queries, query{h.limit, true, promql.Aggregate("sum", []string{labels.Model}, native)})
		}
	}
	answers, asked := make([]promql.Result, len(queries)), make([]evidence.Call, len(queries))
	errs := prometheus.Each(ctx, client.Concurrency(), len(queries), func(ctx context.Context, i int) (err error) {
		answers[i], asked[i], err = client.QueryHistograms(ctx, queries[i].expr, w.To)
		return err
	})
	out, most := Shapes{}, map[string]map[slo.Limit]float64{}
	for i, q := range queries {
		read := classicShapes
		if q.native {
			read = nativeShapes
		}
		for model, shape := range read(answers[i], labels.Model) {
			if out[model] == nil {
				out[model], most[model] = map[slo.Limit]Shape{}, map[slo.Limit]float64{}
			}
			if shape.all > most[model][q.limit] { // of replicas with different types, those that saw most stand for all
				out[model][q.limit], most[model][q.limit] = shape.Shape, shape.all
			}
		}
	}
	return out, append(calls, asked...), upstream.Join(errs...)
}

// countedShape is a shape and of how many requests it is.
type countedShape struct {
	Shape
	all float64
}

// nativeShapes reads native histograms, one series per model.
func nativeShapes(answer promql.Result, modelLabel string) map[string]countedShape {
	out := map[string]countedShape{}
	for _, s := range answer.Series {
		if len(s.Histograms) == 0 || !(s.Histograms[0].Count > 0) {
			continue
		}
		h := s.Histograms[0]
		shape, sum := countedShape{all: h.Count}, 0.0
		for _, b := range h.Buckets {
			if sum += b.Count; !math.IsInf(b.Upper, 1) {
				shape.Bounds, shape.Within = append(shape.Bounds, b.Upper), append(shape.Within, min(sum/h.Count, 1))
			}
		}
		out[s.Labels[modelLabel]] = shape
	}
	return out
}

// classicShapes reads cumulative buckets, one series per model and bound.
func classicShapes(answer promql.Result, modelLabel string) map[string]countedShape {
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
	out := map[string]countedShape{}
	for model, at := range counts {
		all := at[math.Inf(1)]
		if !(all > 0) {
			continue
		}
		shape := countedShape{all: all}
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
