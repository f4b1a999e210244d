package attainment

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// rung is the bounds by which a limit is read off a histogram.
type rung struct {
	limit, bound, below float64 // seconds; NaN where there is no such bound
	texts               []string
}

// Rules says by which bounds of a histogram a limit is read off: those of all models, or of each where they differ.
type Rules struct {
	objectives slo.Objectives
	limit      slo.Limit
	own        []float64 // bounds that vLLM gives the histogram by itself
	all        map[time.Duration]rung
	byModel    map[string]map[time.Duration]rung
}

// NewRules begins with no bounds.
func NewRules(h Histogram, objectives slo.Objectives) Rules {
	m, _ := vllm.LookupMetric(h.Metric)
	return Rules{objectives: objectives, limit: h.limit, own: m.Buckets}
}

// OwnBounds reports whether the store has the bounds that vLLM gives the histogram by itself, and no others.
func (r Rules) OwnBounds(texts []string) bool {
	return slices.Equal(slices.Sorted(maps.Keys(finite(texts))), r.own)
}

// SetAll takes the store's bounds for all models.
func (r *Rules) SetAll(texts []string) { r.all = r.rungs(finite(texts)) }

// HeldBounds asks how many series each bound of each model has.
func (h Histogram) HeldBounds(names promql.Names, model string, window time.Duration, matchers []promql.Matcher) string {
	return promql.Aggregate("count", promql.WithLabels(nil, model, promql.BoundLabel),
		names.Either("last_over_time", h.Metric, []string{promql.BucketSuffix}, window, matchers...))
}

// of is the rung of a model's limit.
func (r Rules) of(model string, limit time.Duration) rung {
	if r.byModel != nil {
		if found, ok := r.byModel[model][limit]; ok {
			return found
		}
		return rung{limit: limit.Seconds(), bound: math.NaN(), below: math.NaN()}
	}
	return r.all[limit]
}

// Texts of all bounds that are read, in a stable order.
func (r Rules) Texts() (texts []string) {
	for _, rungs := range append(slices.Collect(maps.Values(r.byModel)), r.all) {
		for _, one := range rungs {
			texts = append(texts, one.texts...)
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// finite reads bounds as the store writes them: "1" and "1.0" may be in one fleet.
func finite(texts []string) map[float64][]string {
	out := map[float64][]string{}
	for _, text := range texts {
		if bound, err := strconv.ParseFloat(text, 64); err == nil && bound-bound == 0 {
			out[bound] = append(out[bound], text)
		}
	}
	return out
}

// rungs finds the bounds of every limit that is set.
func (r Rules) rungs(bounds map[float64][]string) map[time.Duration]rung {
	out := map[time.Duration]rung{}
	for _, o := range r.objectives {
		limit := o.Of(r.limit)
		if limit == 0 {
			continue
		}
		found := rung{limit: limit.Seconds()}
		found.bound, found.below = slo.Bound(limit, slices.Collect(maps.Keys(bounds)))
		for _, bound := range []float64{found.bound, found.below} {
			found.texts = append(found.texts, bounds[bound]...) // none of NaN
		}
		out[limit] = found
	}
	return out
}

// Split makes the rungs of each model out of how many series each of its bounds has.
func (r *Rules) Split(h Histogram, answer promql.Result, modelLabel string) (notices []string) {
	held, texts := map[string]map[float64]float64{}, map[string][]string{}
	for _, s := range answer.Series {
		model := s.Labels[modelLabel]
		bound, err := strconv.ParseFloat(s.Labels[promql.BoundLabel], 64)
		if err != nil || len(s.Samples) == 0 {
			continue
		}
		if held[model] == nil {
			held[model] = map[float64]float64{}
		}
		held[model][bound] += s.Samples[0].Value
		texts[model] = append(texts[model], s.Labels[promql.BoundLabel])
	}
	r.byModel = map[string]map[time.Duration]rung{}
	for _, model := range slices.Sorted(maps.Keys(held)) {
		bounds, all := finite(texts[model]), held[model][math.Inf(1)]
		before := len(bounds)
		maps.DeleteFunc(bounds, func(bound float64, _ []string) bool { return held[model][bound] < all })
		if len(bounds) < before {
			notices = append(notices, fmt.Sprintf("%s_attainment: replicas of %s have buckets with different bounds (--custom-histogram-buckets); limits are read off those bounds that all of them have", h.Name, model))
		}
		r.byModel[model] = r.rungs(bounds)
	}
	return notices
}

// native reads a limit off the buckets of native histograms. Those that came from classic ones have vLLM's own bounds, and are
// read at the same one; of others, the bucket in which the limit lies counts as within it.
func (r Rules) native(limit time.Duration, samples []promql.Histogram) (found rung, within, below, all []evidence.Sample) {
	seconds := limit.Seconds()
	found = rung{limit: seconds, bound: seconds, below: seconds}
	ours := true
	for _, h := range samples {
		for _, b := range h.Buckets {
			ours = ours && r.isOwn(b.Lower) && r.isOwn(b.Upper)
			if b.Lower < seconds && seconds < b.Upper {
				found.bound, found.below = max(found.bound, b.Upper), min(found.below, max(b.Lower, 0))
			}
		}
	}
	if ours && len(r.own) > 0 {
		found.bound, found.below = slo.Bound(limit, r.own)
	}
	if math.IsInf(found.bound, 1) {
		found.bound = math.NaN()
	}
	for _, h := range samples {
		at := func(bound float64) evidence.Sample {
			sum := 0.0
			for _, b := range h.Buckets {
				if b.Upper <= bound {
					sum += b.Count
				}
			}
			if math.IsNaN(bound) {
				sum = math.NaN()
			}
			return evidence.Sample{UnixMilli: h.UnixMilli, Value: sum}
		}
		within, below = append(within, at(found.bound)), append(below, at(found.below))
		all = append(all, evidence.Sample{UnixMilli: h.UnixMilli, Value: h.Count})
	}
	return found, within, below, all
}

func (r Rules) isOwn(bound float64) bool {
	return math.IsInf(bound, 0) || bound == 0 || slices.Contains(r.own, bound)
}
