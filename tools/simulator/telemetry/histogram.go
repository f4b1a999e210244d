package telemetry

import "sort"

// Histogram counts observations in Prometheus buckets.
type Histogram struct {
	bounds []float64 // upper bounds without +Inf
	counts []float64 // per bucket, the last is +Inf
	sum    float64
	count  float64
}

func newHistogram(bounds []float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]float64, len(bounds)+1)}
}

// Observe adds one observation.
func (h *Histogram) Observe(v float64) { h.ObserveN(v, 1) }

// ObserveN adds n equal observations.
func (h *Histogram) ObserveN(v float64, n int) {
	h.counts[sort.SearchFloat64s(h.bounds, v)] += float64(n)
	h.sum += v * float64(n)
	h.count += float64(n)
}

// cumulative is the value of the bucket with that index.
func (h *Histogram) cumulative(bucket int) float64 {
	total := 0.0
	for _, c := range h.counts[:bucket+1] {
		total += c
	}
	return total
}

// Bucket bounds as vLLM sets them.
var (
	bucketsTTFT = []float64{
		0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
		1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
	}
	bucketsInterToken = []float64{
		0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75,
		1, 2.5, 5, 7.5, 10, 20, 40, 80,
	}
	bucketsLatency = []float64{
		0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60,
		120, 240, 480, 960, 1920, 7680,
	}
	bucketsIteration = []float64{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
	bucketsN         = []float64{1, 2, 5, 10, 20}
	bucketsPreempted = []float64{1, 2, 3, 4, 5, 10, 20}
	bucketsHTTPLow   = []float64{0.1, 0.5, 1}
	bucketsHTTPHigh  = []float64{
		0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3,
		3.5, 4, 4.5, 5, 7.5, 10, 30, 60,
	}
)

// buckets125 are 1, 2, 5, 10, … up to the model's length: models with another
// max_model_len have other buckets.
func buckets125(maxModelLen int) []float64 {
	var bounds []float64
	for decade := 1; ; decade *= 10 {
		for _, m := range []int{1, 2, 5} {
			if m*decade > maxModelLen {
				return bounds
			}
			bounds = append(bounds, float64(m*decade))
		}
	}
}
