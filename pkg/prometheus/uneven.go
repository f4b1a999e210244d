package prometheus

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// unevenTTL is how long it is believed that all replicas have the same bounds: they change with a roll-out.
	unevenTTL = 5 * time.Minute
	// maxUnevenEntries bounds the cache: some ten histograms, for windows that end at a few different times.
	maxUnevenEntries = 256
)

// unevenCache remembers which histograms have replicas with different bounds.
type unevenCache struct {
	mu      sync.Mutex
	entries map[unevenKey]unevenEntry
}

type unevenKey struct {
	metric string
	window evidence.Window
}

type unevenEntry struct {
	uneven  bool
	expires time.Time
}

// Uneven says of classic histograms (canonical names) whether replicas of one model have different bounds, as those with and
// without --custom-histogram-buckets do: then a sum by bound is of some replicas alone. It counts the series of each bound at
// the beginning, the middle and the end of a window, in one cheap call for all histograms that were not asked about lately.
func (c *Client) Uneven(ctx context.Context, names Names, metrics []string, w evidence.Window) (map[string]bool, []evidence.Call, error) {
	grain := evidence.Window{From: floor(w.From, nameGrain), To: floor(w.To, nameGrain)}
	out, byName := map[string]bool{}, map[string]string{}
	var full []string
	now := time.Now()
	c.uneven.mu.Lock()
	for _, metric := range metrics {
		if e, ok := c.uneven.entries[unevenKey{metric, grain}]; ok && now.Before(e.expires) {
			out[metric] = e.uneven
			continue
		}
		for _, e := range names.Of(metric) {
			if name := names.Full(e) + bucketSuffix; names.all || names.have[name] {
				full, byName[name] = append(full, name), metric
			}
		}
	}
	c.uneven.mu.Unlock()
	if len(full) == 0 {
		return out, nil, nil
	}
	labels := c.store.Labels
	by := []string{model.MetricNameLabel, labels.Model, bucketLabel}
	var exprs []string
	for _, selector := range names.Selectors(full, ScopeMatchers(labels, vllm.Scope{})...) {
		exprs = append(exprs, Aggregate("count", by, selector))
	}
	answer, call, err := c.QueryRange(ctx, joinOr(exprs), Range{From: w.From, To: w.To, Step: max((w.Duration() / 2).Truncate(time.Millisecond), time.Millisecond)})
	if err != nil {
		return out, []evidence.Call{call}, err
	}
	for _, metric := range metrics {
		if _, known := out[metric]; !known {
			out[metric] = false
		}
	}
	for key, held := range heldAt(answer, labels.Model) {
		for _, n := range held.bounds {
			if n != held.all {
				out[byName[key.name]] = true
			}
		}
	}
	c.uneven.mu.Lock()
	defer c.uneven.mu.Unlock()
	if c.uneven.entries == nil || len(c.uneven.entries) >= maxUnevenEntries {
		c.uneven.entries = map[unevenKey]unevenEntry{}
	}
	for _, metric := range byName {
		c.uneven.entries[unevenKey{metric, grain}] = unevenEntry{out[metric], now.Add(unevenTTL)}
	}
	return out, []evidence.Call{call}, nil
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

func heldAt(answer Answer, modelLabel string) map[heldKey]held {
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
