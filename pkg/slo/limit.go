package slo

import (
	"math"
	"slices"
	"time"
)

// Limit names one of an objective's limits, as the columns of the request row are named.
type Limit string

// The limits.
const (
	TTFT Limit = "ttft"
	TPOT Limit = "tpot"
	E2E  Limit = "e2e"
)

// Limits are all of them, in the order in which a request meets them.
var Limits = []Limit{TTFT, TPOT, E2E}

// Of is one limit; zero is none.
func (o Objective) Of(l Limit) time.Duration {
	switch l {
	case TTFT:
		return o.TTFT
	case TPOT:
		return o.TPOT
	case E2E:
		return o.E2E
	}
	return 0
}

// Only is the objective with nothing but one of its limits.
func (o Objective) Only(l Limit) Objective {
	one := Objective{Model: o.Model}
	switch l {
	case TTFT:
		one.TTFT = o.TTFT
	case TPOT:
		one.TPOT = o.TPOT
	case E2E:
		one.E2E = o.E2E
	}
	return one
}

// Bound is the bucket's bound, in seconds, that a limit is held against in a histogram with these finite upper bounds: the
// least that is not below the limit, so that no request counts as late that was in time. Below is the greatest bound that is
// not above the limit; the same when the limit is a bound itself. NaN where there is none.
func Bound(limit time.Duration, bounds []float64) (bound, below float64) {
	bounds = slices.Sorted(slices.Values(bounds))
	seconds := limit.Seconds()
	bound, below = math.NaN(), math.NaN()
	at, exact := slices.BinarySearch(bounds, seconds)
	if at < len(bounds) {
		bound = bounds[at]
	}
	switch {
	case exact:
		below = bound
	case at > 0:
		below = bounds[at-1]
	}
	return bound, below
}
