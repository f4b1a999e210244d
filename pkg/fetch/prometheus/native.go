package prometheus

import (
	"encoding/json"
	"math"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// histogram reads [time, {"count": "3", "sum": "0.7", "buckets": [[0, "0.25", "0.5", "3"], …]}] after the opening bracket.
func (c *cursor) histogram() (promql.Histogram, error) {
	ms, err := c.unixMilli()
	if err != nil {
		return promql.Histogram{}, err
	}
	if !c.take(',') {
		return promql.Histogram{}, c.fail("comma")
	}
	raw, err := c.raw()
	if err != nil {
		return promql.Histogram{}, err
	}
	var text struct {
		Count, Sum string
		Buckets    [][]any // which bounds are closed, lower, upper, count
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return promql.Histogram{}, c.fail("histogram")
	}
	h := promql.Histogram{UnixMilli: ms, Count: number([]byte(text.Count)), Sum: number([]byte(text.Sum))}
	for _, bucket := range text.Buckets {
		values := [3]float64{math.NaN(), math.NaN(), math.NaN()}
		for i := range min(len(bucket)-1, len(values)) {
			if s, ok := bucket[i+1].(string); ok {
				values[i] = number([]byte(s))
			}
		}
		if b := (promql.Bucket{Lower: values[0], Upper: values[1], Count: values[2]}); b.Count == b.Count && b.Lower < b.Upper {
			h.Buckets = append(h.Buckets, b)
		}
	}
	if !c.take(']') {
		return promql.Histogram{}, c.fail("end of histogram")
	}
	return h, nil
}

// histograms reads one pair or a list of pairs.
func (c *cursor) histograms(into *[]promql.Histogram, list bool) error {
	if !c.take('[') {
		return c.fail("list")
	}
	if list && c.take(']') {
		return nil
	}
	for {
		if list && !c.take('[') {
			return c.fail("histogram")
		}
		h, err := c.histogram()
		if err != nil {
			return err
		}
		if err := c.charge(histogramCost + bucketCost*len(h.Buckets)); err != nil {
			return err
		}
		*into = append(*into, h)
		if !list {
			return nil
		}
		if more, err := c.next(']'); !more {
			return err
		}
	}
}
