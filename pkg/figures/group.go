package figures

import (
	"maps"
	"math"
	"slices"
	"time"
)

// group holds the answers for one group: vectors by need and split value, over the times of the Result, and histograms by
// need and model. A nil vector is not known at any time.
type group struct {
	vectors  map[need]map[string][]float64
	ladders  map[need]map[string]*ladder
	gpuPrice float64   // of one GPU for one hour; NaN = not known
	known    []float64 // share of the range in which any engine is known; nil in a series
}

func newGroup(gpuPrice float64) group {
	return group{vectors: map[need]map[string][]float64{}, ladders: map[need]map[string]*ladder{}, gpuPrice: gpuPrice}
}

func (g group) set(n need, split string, vector []float64) {
	if g.vectors[n] == nil {
		g.vectors[n] = map[string][]float64{}
	}
	g.vectors[n][split] = vector
}

func (g group) get(n need, split string) []float64 { return g.vectors[n][split] }

// average is a need that was taken over the whole range, as its average over what is known of it.
func (g group) average(n need, split string) []float64 {
	if g.known == nil {
		return g.get(n, split)
	}
	return ratio(g.get(n, split), g.known)
}

// total adds up all splits of a need, in their order: the last digit of a sum depends on it.
func (g group) total(n need) []float64 {
	var sum []float64
	for _, split := range slices.Sorted(maps.Keys(g.vectors[n])) {
		sum = Sum(sum, g.vectors[n][split])
	}
	return sum
}

// orZero is one split of a need, and 0 where it is missing while others are there: a status that never occurred has no
// series. Without any series nothing is known.
func (g group) orZero(n need, split string) []float64 {
	return Sum(scale(g.total(n), 0), g.get(n, split))
}

// errors is the rate of requests that ended in an error. vLLM begins all reasons it knows at 0, so an engine that shows
// "abort" and not "error" is older than 0.13 and does not count errors: then they are not known. Its Rust front end begins
// a reason with its first request: there "error" alone may be missing, and is 0.
func (g group) errors() []float64 {
	if g.get(finished, "error") == nil && g.get(finished, "abort") != nil {
		return nil
	}
	return g.orZero(finished, "error")
}

func (g group) costPerHour() []float64 { return scale(g.average(gpus, ""), g.gpuPrice) }

// costPerMillion divides the cost by tokens, of which it takes the rate per second. Both are of the whole range, known or not:
// what was not scraped at its beginning has neither.
func (g group) costPerMillion(tokenRate []float64) []float64 {
	return ratio(scale(g.get(gpus, ""), g.gpuPrice), scale(tokenRate, time.Hour.Seconds()/1e6))
}

// both sums two vectors where both are known.
func both(a, b []float64) []float64 {
	if a == nil || b == nil {
		return nil
	}
	sum := make([]float64, len(a))
	for i := range a {
		sum[i] = a[i] + b[i]
	}
	return sum
}

// Sum adds two vectors over the same times; what is not known (NaN, or no vector at all) in one is taken from the other.
func Sum(a, b []float64) []float64 {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	sum := make([]float64, len(a))
	for i := range a {
		switch {
		case math.IsNaN(a[i]):
			sum[i] = b[i]
		case math.IsNaN(b[i]):
			sum[i] = a[i]
		default:
			sum[i] = a[i] + b[i]
		}
	}
	return sum
}

func scale(a []float64, by float64) []float64 {
	return each(a, func(x float64) float64 { return x * by })
}

func plusOne(a []float64) []float64 { return each(a, func(x float64) float64 { return x + 1 }) }

func each(a []float64, f func(float64) float64) []float64 {
	if a == nil {
		return nil
	}
	out := make([]float64, len(a))
	for i, x := range a {
		out[i] = f(x)
	}
	return out
}

// ratio divides; 0/0 is not known, and so is anything by 0.
func ratio(a, b []float64) []float64 {
	if a == nil || b == nil {
		return nil
	}
	out := make([]float64, len(a))
	for i := range a {
		out[i] = math.NaN()
		if b[i] > 0 {
			out[i] = a[i] / b[i]
		}
	}
	return out
}
