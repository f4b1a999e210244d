package prometheus

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// unevenKey is a question about some histograms, by canonical names with commas between them.
type unevenKey struct {
	metrics string
	window  evidence.Window
}

// Uneven says of classic histograms (canonical names) whether replicas of one model have different bounds, as those with and
// without --custom-histogram-buckets do: then a sum by bound is of some replicas alone. It counts the series of each bound at
// the beginning, the middle and the end of a window, in one cheap call for all histograms, or none when they were asked about lately.
func (c *Client) Uneven(ctx context.Context, names promql.Names, metrics []string, w evidence.Window) (map[string]bool, []evidence.Call, error) {
	grain := evidence.Window{From: promql.Floor(w.From, nameGrain), To: promql.Floor(w.To, nameGrain)}
	key := unevenKey{strings.Join(slices.Sorted(slices.Values(metrics)), ","), grain}
	return c.uneven.Get(ctx, key, func(ctx context.Context) (map[string]bool, []evidence.Call, error) {
		return c.lookAtBounds(ctx, names, metrics, w)
	})
}

func (c *Client) lookAtBounds(ctx context.Context, names promql.Names, metrics []string, w evidence.Window) (map[string]bool, []evidence.Call, error) {
	out, byName := map[string]bool{}, map[string]string{}
	var full []string
	for _, metric := range metrics {
		out[metric] = false
		for _, e := range names.Of(metric) {
			if name := names.Full(e) + promql.BucketSuffix; names.All || names.Have[name] {
				full, byName[name] = append(full, name), metric
			}
		}
	}
	if len(full) == 0 {
		return out, nil, nil
	}
	labels := c.store.Labels
	by := []string{model.MetricNameLabel, labels.Model, bucketLabel}
	var exprs []string
	for _, selector := range names.Selectors(full, promql.ScopeMatchers(labels, vllm.Scope{})...) {
		exprs = append(exprs, promql.Aggregate("count", by, selector))
	}
	answer, call, err := c.QueryRange(ctx, promql.Or(exprs), promql.Range{From: w.From, To: w.To, Step: max((w.Duration() / 2).Truncate(time.Millisecond), time.Millisecond)})
	for key, held := range heldAt(answer, labels.Model) {
		for _, n := range held.bounds {
			if n != held.all {
				out[byName[key.name]] = true
			}
		}
	}
	return out, []evidence.Call{call}, err
}

const bucketLabel = "le"

type heldKey struct {
	name, model string
	at          int64
}

// held is how many series each bound has at one moment, one spelling with the other.
type held struct {
	all    float64
	bounds map[float64]float64
}

func heldAt(answer promql.Result, modelLabel string) map[heldKey]held {
	out := map[heldKey]held{}
	for _, s := range answer.Series {
		bound, err := strconv.ParseFloat(s.Labels[bucketLabel], 64)
		if err != nil {
			continue
		}
		for _, sample := range s.Samples {
			key := heldKey{s.Labels[model.MetricNameLabel], s.Labels[modelLabel], sample.UnixMilli}
			h := out[key]
			if math.IsInf(bound, 1) {
				h.all += sample.Value
			} else {
				if h.bounds == nil {
					h.bounds = map[float64]float64{}
				}
				h.bounds[bound] += sample.Value
			}
			out[key] = h
		}
	}
	return out
}
