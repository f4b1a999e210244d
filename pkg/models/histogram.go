package models

import (
	"maps"
	"math"
	"slices"
	"strconv"
)

// leLabel is the label of a classic histogram's upper bounds; the sum, read along with the buckets, has none.
const leLabel = "le"

// ladder is one histogram over the times: cumulative rates by upper bound.
type ladder struct {
	rungs map[float64][]float64 // by upper bound, +Inf included
	sum   []float64
}

func (g group) ladder(n need, model string) *ladder {
	if g.ladders[n] == nil {
		g.ladders[n] = map[string]*ladder{}
	}
	if g.ladders[n][model] == nil {
		g.ladders[n][model] = &ladder{rungs: map[float64][]float64{}}
	}
	return g.ladders[n][model]
}

// add files one series. A bound may be written in two ways in one fleet, "1" and "1.0": then both are one rung.
func (l *ladder) add(le string, vector []float64) {
	if le == "" {
		l.sum = Sum(l.sum, vector)
		return
	}
	bound, err := strconv.ParseFloat(le, 64)
	if err != nil || math.IsNaN(bound) {
		return
	}
	l.rungs[bound] = Sum(l.rungs[bound], vector)
}

func (l *ladder) bounds() []float64 { return slices.Sorted(maps.Keys(l.rungs)) }

// histogram is the histogram of the whole group: of its models added up, if they have the same bounds. Otherwise nil,
// since adding would give counts that never were.
func (g group) histogram(n need) *ladder {
	var whole *ladder
	for _, model := range slices.Sorted(maps.Keys(g.ladders[n])) {
		l := g.ladders[n][model]
		switch {
		case whole == nil:
			whole = l
		case !slices.Equal(whole.bounds(), l.bounds()):
			return nil
		default:
			whole = whole.plus(l)
		}
	}
	return whole
}

func (l *ladder) plus(other *ladder) *ladder {
	both := &ladder{rungs: map[float64][]float64{}, sum: Sum(l.sum, other.sum)}
	for bound, rung := range l.rungs {
		both.rungs[bound] = Sum(rung, other.rungs[bound])
	}
	return both
}

// mixed reports whether some histogram could not be added up.
func (g group) mixed() bool {
	for n := range g.ladders {
		if g.histogram(n) == nil {
			return true
		}
	}
	return false
}

// quantile computes one part of a quantile at every time: the value as Prometheus' histogram_quantile does, linear within
// its bucket, or a bound of that bucket, between which the true quantile lies. Above the last finite bound the value is that
// bound, and there is no upper one.
func (l *ladder) quantile(q float64, part Part) []float64 {
	if l == nil || len(l.rungs[math.Inf(1)]) == 0 {
		return nil
	}
	bounds := l.bounds()
	rungs := make([][]float64, len(bounds))
	for i, b := range bounds {
		rungs[i] = l.rungs[b]
	}
	out := make([]float64, len(rungs[0]))
	for t := range out {
		out[t] = quantileAt(bounds, rungs, t, q, part)
	}
	return out
}

func quantileAt(bounds []float64, rungs [][]float64, t int, q float64, part Part) float64 {
	last := len(bounds) - 1
	total := rungs[last][t]
	if last == 0 || !(total > 0) { // no finite bound; no traffic or not known
		return math.NaN()
	}
	// Rates of buckets are extrapolated one by one, so that a higher one can come out a hair lower: the running maximum is
	// taken, as Prometheus does.
	rank, below, reached := q*total, 0.0, 0.0
	i := 0
	for ; i < last; i++ {
		if reached = max(below, zeroIfNaN(rungs[i][t])); reached >= rank {
			break
		}
		below = reached
	}
	low, high := 0.0, bounds[i]
	if i > 0 {
		low = bounds[i-1]
	} else if high <= 0 {
		low = high
	}
	if i == last {
		high = math.NaN()
	}
	switch {
	case part == Low:
		return low
	case part == High:
		return high
	case i == last:
		return low
	default:
		return low + (high-low)*(rank-below)/(reached-below)
	}
}

// mean is sum / count. It is not known when observations lie above the last finite bound: that is hours, which no request
// takes, but the host's uptime does that vLLM records when the engine aborts a request before its first token.
func (l *ladder) mean() []float64 {
	if l == nil {
		return nil
	}
	bounds := l.bounds()
	if len(bounds) < 2 {
		return nil
	}
	count, finite := l.rungs[bounds[len(bounds)-1]], l.rungs[bounds[len(bounds)-2]]
	means := ratio(l.sum, count)
	for t := range means {
		if count[t]-finite[t] > 1e-9*count[t] {
			means[t] = math.NaN()
		}
	}
	return means
}

func zeroIfNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}
