package promql

import (
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Result is what a query came to.
type Result struct {
	Type     string // vector, matrix, scalar or string
	Series   []Series
	Warnings []string // remarks that leave the answer whole, the store's and ours
	// Partial are the store's words where a part of it did not answer: what is here is not all there is.
	Partial []string
}

// Series is one labelled sequence, ascending in time; a vector's and a scalar's have one sample.
type Series struct {
	Labels     map[string]string
	Samples    []evidence.Sample
	Histograms []Histogram // samples that are native histograms, ascending in time
}

// WithoutHistograms is a remark that Floats adds.
const WithoutHistograms = "native histograms are not shown"

// Warn adds a remark once.
func (a *Result) Warn(text string) {
	if !slices.Contains(a.Warnings, text) {
		a.Warnings = append(a.Warnings, text)
	}
}

// Histogram is one sample of a native histogram, or of a rate of one: what fell between two bounds. Empty buckets are left
// out, as the API does.
type Histogram struct {
	UnixMilli  int64
	Count, Sum float64
	Buckets    []Bucket // ascending
}

// Bucket counts what lies above Lower and at or below Upper, either of which can be infinite.
type Bucket struct{ Lower, Upper, Count float64 }

// Floats is the answer without native histograms, and with a remark where there were some: for those who show numbers.
func (a Result) Floats() Result {
	if !slices.ContainsFunc(a.Series, func(s Series) bool { return len(s.Histograms) > 0 }) {
		return a
	}
	out := a
	out.Series = nil
	out.Warn(WithoutHistograms)
	for _, s := range a.Series {
		if s.Histograms = nil; len(s.Samples) > 0 {
			out.Series = append(out.Series, s)
		}
	}
	return out
}
