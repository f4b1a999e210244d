package prometheus

import (
	"encoding/json"
	"math"
	"slices"
)

// Histogram is one sample of a native histogram, or of a rate of one: what fell between two bounds. Empty buckets are left
// out, as the API does.
type Histogram struct {
	UnixMilli  int64
	Count, Sum float64
	Buckets    []Bucket // ascending
}

// Bucket counts what lies above Lower and at or below Upper, either of which can be infinite.
type Bucket struct{ Lower, Upper, Count float64 }

// histogram reads [time, {"count": "3", "sum": "0.7", "buckets": [[0, "0.25", "0.5", "3"], …]}] after the opening bracket.
func (c *cursor) histogram() (Histogram, error) {
	ms, err := c.unixMilli()
	if err != nil {
		return Histogram{}, err
	}
	if !c.take(',') {
		return Histogram{}, c.fail("comma")
	}
	raw, err := c.raw()
	if err != nil {
		return Histogram{}, err
	}
	var text struct {
		Count, Sum string
		Buckets    [][]any // which bounds are closed, lower, upper, count
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return Histogram{}, c.fail("histogram")
	}
	h := Histogram{UnixMilli: ms, Count: number([]byte(text.Count)), Sum: number([]byte(text.Sum))}
	for _, bucket := range text.Buckets {
		values := [3]float64{math.NaN(), math.NaN(), math.NaN()}
		for i := range min(len(bucket)-1, len(values)) {
			if s, ok := bucket[i+1].(string); ok {
				values[i] = number([]byte(s))
			}
		}
		if b := (Bucket{values[0], values[1], values[2]}); b.Count == b.Count && b.Lower < b.Upper {
			h.Buckets = append(h.Buckets, b)
		}
	}
	if !c.take(']') {
		return Histogram{}, c.fail("end of histogram")
	}
	return h, nil
}

// histograms reads one pair or a list of pairs.
func (c *cursor) histograms(into *[]Histogram, list bool) error {
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

// Floats is the answer without native histograms, and with a remark where there were some: for those who show numbers.
func (a Answer) Floats() Answer {
	if !slices.ContainsFunc(a.Series, func(s Series) bool { return len(s.Histograms) > 0 }) {
		return a
	}
	out := a
	out.Series = nil
	out.warn(warnHistograms)
	for _, s := range a.Series {
		if s.Histograms = nil; len(s.Samples) > 0 {
			out.Series = append(out.Series, s)
		}
	}
	return out
}
