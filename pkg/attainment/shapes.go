package attainment

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ShapeQuery is one PromQL query that shapes are read from.
type ShapeQuery struct {
	Expr   string
	limit  slo.Limit
	native bool
}

// ShapeQueries lists what is to be asked for the shapes of a window. A histogram that the store does not have is left out.
func ShapeQueries(names promql.Names, labels vllm.LabelNames, scope vllm.Scope, window time.Duration) (queries []ShapeQuery) {
	matchers := promql.ScopeMatchers(labels, scope)
	for _, h := range []Histogram{{limit: slo.E2E, Metric: vllm.E2E}, {limit: slo.TTFT, Metric: vllm.TTFT}} {
		if classic := names.Either("increase", h.Metric, []string{promql.BucketSuffix}, window, matchers...); classic != "" {
			queries = append(queries, ShapeQuery{promql.Aggregate("sum", []string{labels.Model, promql.BoundLabel}, classic), h.limit, false})
		}
		if native := names.Native("increase", h.Metric, window, matchers...); native != "" {
			queries = append(queries, ShapeQuery{promql.Aggregate("sum", []string{labels.Model}, native), h.limit, true})
		}
	}
	return queries
}

// ShapesOf reads the results of ShapeQueries, one each in the same order.
func ShapesOf(queries []ShapeQuery, results []promql.Result, modelLabel string) Shapes {
	out, most := Shapes{}, map[string]map[slo.Limit]float64{}
	for i, q := range queries {
		read := classicShapes
		if q.native {
			read = nativeShapes
		}
		for model, shape := range read(results[i], modelLabel) {
			if out[model] == nil {
				out[model], most[model] = map[slo.Limit]Shape{}, map[slo.Limit]float64{}
			}
			if shape.all > most[model][q.limit] { // of replicas with different types, those that saw most stand for all
				out[model][q.limit], most[model][q.limit] = shape.Shape, shape.all
			}
		}
	}
	return out
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
		bound, err := strconv.ParseFloat(s.Labels[promql.BoundLabel], 64)
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
