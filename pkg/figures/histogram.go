package figures

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ladder is one histogram over the times: cumulative rates by upper bound of its classic series, and the rates in the buckets
// of its native ones. A model whose replicas are of both types has both.
type ladder struct {
	rungs   map[float64][]float64 // by upper bound, +Inf included
	sum     []float64
	own     []float64                      // finite bounds that vLLM gives this histogram by itself
	holders map[float64][]float64          // how many series each rung has, where that was asked
	native  [][]promql.Bucket              // by time
	natives struct{ count, sum []float64 } // of the native series
}

func (g group) ladder(n need, model string) *ladder {
	if g.ladders[n] == nil {
		g.ladders[n] = map[string]*ladder{}
	}
	if g.ladders[n][model] == nil {
		m, _ := vllm.LookupMetric(n.metric)
		g.ladders[n][model] = &ladder{rungs: map[float64][]float64{}, own: m.Buckets}
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

// hold notes how many series a rung has.
func (l *ladder) hold(le string, vector []float64) {
	bound, err := strconv.ParseFloat(le, 64)
	if err != nil || math.IsNaN(bound) {
		return
	}
	if l.holders == nil {
		l.holders = map[float64][]float64{}
	}
	l.holders[bound] = Sum(l.holders[bound], vector)
}

// addNative files the native histograms of one series on the grid.
func (l *ladder) addNative(grid promql.Range, samples []promql.Histogram) {
	counts, sums := make([]evidence.Sample, len(samples)), make([]evidence.Sample, len(samples))
	for i, h := range samples {
		counts[i], sums[i] = evidence.Sample{UnixMilli: h.UnixMilli, Value: h.Count}, evidence.Sample{UnixMilli: h.UnixMilli, Value: h.Sum}
	}
	l.natives.count = Sum(l.natives.count, grid.Vector(counts))
	l.natives.sum = Sum(l.natives.sum, grid.Vector(sums))
	if l.native == nil {
		l.native = make([][]promql.Bucket, len(l.natives.count))
	}
	for _, h := range samples {
		if t, ok := grid.Index(h.UnixMilli); ok {
			l.native[t] = append(l.native[t], h.Buckets...)
		}
	}
}

func (l *ladder) bounds() []float64 { return slices.Sorted(maps.Keys(l.rungs)) }

// usual reports whether the classic series have the bounds that vLLM gives this histogram by itself: then all replicas do.
func (l *ladder) usual() bool {
	bounds := l.bounds()
	return len(bounds) == 0 || l.own == nil || len(bounds) == len(l.own)+1 && slices.Equal(bounds[:len(l.own)], l.own)
}

// shared leaves only the rungs that all replicas have, time by time: where --custom-histogram-buckets differ, a sum by bound
// is of those replicas alone that have the bound. It reports whether there were others.
func (l *ladder) shared() (uneven bool) {
	if l.holders == nil { // that question was not answered
		l.rungs = map[float64][]float64{math.Inf(1): l.rungs[math.Inf(1)]}
		return false
	}
	all := l.holders[math.Inf(1)]
	for bound, rung := range l.rungs {
		held := l.holders[bound]
		for t := range rung {
			if t < len(all) && t < len(held) && held[t] < all[t] {
				rung[t], uneven = math.NaN(), true
			}
		}
	}
	if !uneven {
		l.holders = nil
	}
	return uneven
}

// histogram is the histogram of the whole group: of its models added up, if they have the same bounds. Otherwise nil,
// since adding would give counts that never were.
func (g group) histogram(n need) *ladder {
	var whole *ladder
	for _, model := range slices.Sorted(maps.Keys(g.ladders[n])) {
		l := g.ladders[n][model]
		switch {
		case whole == nil:
			whole = l
		case len(whole.rungs) > 0 && len(l.rungs) > 0 && !slices.Equal(whole.bounds(), l.bounds()):
			return nil
		default:
			whole = whole.plus(l)
		}
	}
	return whole
}

func (l *ladder) plus(other *ladder) *ladder {
	both := &ladder{rungs: maps.Clone(l.rungs), sum: Sum(l.sum, other.sum), own: l.own, holders: l.holders}
	if both.holders == nil {
		both.holders = other.holders
	}
	for bound, rung := range other.rungs {
		both.rungs[bound] = Sum(both.rungs[bound], rung)
	}
	both.natives.count = Sum(l.natives.count, other.natives.count)
	both.natives.sum = Sum(l.natives.sum, other.natives.sum)
	both.native = make([][]promql.Bucket, max(len(l.native), len(other.native)))
	for t := range both.native {
		for _, native := range [][][]promql.Bucket{l.native, other.native} {
			if t < len(native) {
				both.native[t] = append(both.native[t], native[t]...)
			}
		}
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
	if l == nil || len(l.rungs[math.Inf(1)]) == 0 && l.native == nil {
		return nil
	}
	bounds := l.bounds()
	out := make([]float64, max(len(l.rungs[math.Inf(1)]), len(l.native)))
	if l.native == nil && l.holders == nil { // nearly always, and ten times as fast
		rungs := make([][]float64, len(bounds))
		for i, b := range bounds {
			rungs[i] = l.rungs[b]
		}
		for t := range out {
			out[t] = quantileAt(bounds, rungs, t, q, part)
		}
		return out
	}
	logarithmic := len(bounds) == 0 && exponential(l.native, l.own)
	for t := range out {
		out[t] = quantileOfPieces(l.pieces(bounds, t, logarithmic), q, part)
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

func zeroIfNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// pieces are the populated buckets at one time, of classic and native series alike.
func (l *ladder) pieces(bounds []float64, t int, logarithmic bool) []piece {
	var pieces []piece
	low, below := math.Inf(-1), 0.0
	for _, bound := range bounds {
		cumulative := l.rungs[bound][t]
		if math.IsNaN(cumulative) && !math.IsInf(bound, 1) {
			if l.holders != nil {
				continue // not a bound of all replicas
			}
			cumulative = 0
		}
		// Rates of buckets are extrapolated one by one, so that a higher one can come out a hair lower: the running maximum is
		// taken, as Prometheus does.
		if cumulative > below {
			pieces = append(pieces, piece{low, bound, cumulative - below, false})
			below = cumulative
		}
		low = bound
	}
	if t < len(l.native) {
		for _, b := range l.native[t] {
			if b.Count > 0 {
				pieces = append(pieces, piece{b.Lower, b.Upper, b.Count, logarithmic && b.Lower > 0})
			}
		}
	}
	return pieces
}

// mean is sum / count of all models and of both types. Guarded, it is not known when observations lie above the last finite
// bound: that is hours, which no request takes, but the host's uptime does that vLLM records when the engine aborts a request
// before its first token.
func (g group) mean(n need, guarded bool) []float64 {
	var sum, count []float64
	var late []bool
	for _, model := range slices.Sorted(maps.Keys(g.ladders[n])) {
		l := g.ladders[n][model]
		all := l.rungs[math.Inf(1)]
		sum, count = Sum(Sum(sum, l.sum), l.natives.sum), Sum(Sum(count, all), l.natives.count)
		late = l.late(n.metric, late, len(count))
	}
	means := ratio(sum, count)
	for t := range means {
		if guarded && late[t] {
			means[t] = math.NaN()
		}
	}
	return means
}

// late tells the times at which observations lie above the last finite bound; what is known already stays.
func (l *ladder) late(metric string, late []bool, times int) []bool {
	late = append(late, make([]bool, times-len(late))...)
	last := lastBound(metric)
	if bounds := l.bounds(); len(bounds) > 1 {
		last = bounds[len(bounds)-2]
		all, finite := l.rungs[bounds[len(bounds)-1]], l.rungs[last]
		for t := range all {
			late[t] = late[t] || all[t]-finite[t] > 1e-9*all[t]
		}
	}
	for t, buckets := range l.native {
		for _, b := range buckets {
			late[t] = late[t] || b.Count > 0 && b.Lower >= last
		}
	}
	return late
}

// lastBound is the last finite bound that vLLM gives a histogram by itself.
func lastBound(metric string) float64 {
	m, _ := vllm.LookupMetric(metric)
	if len(m.Buckets) == 0 {
		return math.Inf(1)
	}
	return m.Buckets[len(m.Buckets)-1]
}
