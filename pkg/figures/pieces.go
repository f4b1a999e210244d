package figures

import (
	"math"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// piece is one populated bucket: count observations above low and at or below high.
type piece struct {
	low, high, count float64
	exponential      bool // its observations are taken to be spread evenly on a logarithmic scale, as Prometheus does
}

// exponential reports whether native buckets are of one of Prometheus' exponential schemas: all bounds are powers of 2^(2^-n),
// n from -4 to 8. Those that came from a classic histogram have its own bounds, of which 0.25 to 0.5 could be either.
func exponential(times [][]promql.Bucket, own []float64) bool {
	schema, foreign := math.NaN(), false
	for _, buckets := range times {
		for _, b := range buckets {
			if math.IsInf(b.Lower, 0) || math.IsInf(b.Upper, 0) {
				return false // only custom buckets are without end
			}
			if !(b.Lower > 0) {
				continue // about zero
			}
			n := math.Round(-math.Log2(math.Log2(b.Upper / b.Lower)))
			steps := math.Log2(b.Upper) * math.Exp2(n)
			if math.Abs(steps-math.Round(steps)) > 1e-6*max(1, math.Abs(steps)) || schema == schema && n != schema ||
				math.Abs(b.Upper/b.Lower-math.Exp2(math.Exp2(-n))) > 1e-6 {
				return false
			}
			schema = n
			foreign = foreign || !slices.Contains(own, b.Upper) || !slices.Contains(own, b.Lower)
		}
	}
	return foreign
}

// share is the part of the piece's observations at or below x, by interpolation.
func (p piece) share(x float64) float64 {
	low := p.start()
	switch {
	case x >= p.high:
		return 1
	case x <= low || math.IsInf(p.high, 1):
		return 0
	case p.exponential:
		return math.Log(x/low) / math.Log(p.high/low)
	}
	return (x - low) / (p.high - low)
}

// start is where the piece's observations can begin: times and tokens are not below zero.
func (p piece) start() float64 {
	if math.IsInf(p.low, -1) {
		return min(0, p.high)
	}
	return p.low
}

// quantileOfPieces computes one part of a quantile, of buckets that need not share their bounds. Of one histogram, it is
// Prometheus' histogram_quantile and the bounds of its bucket. Of several, the value interpolates in each and adds up; the
// quantile lies above low, below which there are too few observations wherever they lie in their buckets, and at or below
// high, at which there are enough wherever they lie.
func quantileOfPieces(pieces []piece, q float64, part Part) float64 {
	total, finite := 0.0, false
	edges := make([]float64, 0, 2*len(pieces))
	for _, p := range pieces {
		total += p.count
		finite = finite || !math.IsInf(p.high, 1) || !math.IsInf(p.low, -1)
		edges = append(edges, p.start(), p.high)
	}
	if !(total > 0) || !finite { // no traffic, not known, or no finite bound
		return math.NaN()
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	rank := q * total
	// What the interpolated sum leaves short of its own total by rounding must not push a quantile into the next bucket.
	reached := func(sum float64) bool { return sum >= rank*(1-1e-12) }
	sum := func(of func(p piece) float64) (s float64) {
		for _, p := range pieces {
			s += of(p) * p.count
		}
		return s
	}
	below := edges[0]
	switch part {
	case Low:
		for _, e := range edges {
			if most := sum(func(p piece) float64 { return boolean(p.start() < e) }); reached(most) {
				break
			}
			below = e
		}
		return below
	case High:
		for _, e := range edges {
			if reached(sum(func(p piece) float64 { return boolean(p.high <= e) })) {
				if math.IsInf(e, 1) {
					return math.NaN()
				}
				return e
			}
		}
		return math.NaN()
	}
	for _, e := range edges {
		if !reached(sum(func(p piece) float64 { return p.share(e) })) {
			below = e
			continue
		}
		switch {
		case math.IsInf(e, 1), e == below:
			return below
		}
		at := sum(func(p piece) float64 { return p.share(below) })
		part := (rank - at) / (sum(func(p piece) float64 { return p.share(e) }) - at)
		if !slices.ContainsFunc(pieces, func(p piece) bool { return !p.exponential && p.start() < e && p.high > below }) && below > 0 {
			return below * math.Pow(e/below, part)
		}
		return below + (e-below)*part
	}
	return below
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
