package models

import (
	"time"
)

// Unit of a figure.
type Unit string

// The units.
const (
	Seconds           Unit = "s"
	Ratio             Unit = "ratio" // 0 to 1
	RequestsPerSecond Unit = "requests/s"
	EventsPerSecond   Unit = "events/s"
	TokensPerSecond   Unit = "tokens/s"
	Tokens            Unit = "tokens"
	Requests          Unit = "requests"
	Bytes             Unit = "bytes"
	Watts             Unit = "W"
)

// Part says what a column of a quantile holds.
type Part string

// The parts. Low and High are the bounds of the histogram bucket that the quantile fell into: the true quantile lies
// between them, and Value is interpolated. Exact is the quantile of the requests themselves.
const (
	Value Part = ""
	Low   Part = "low"
	High  Part = "high"
	Exact Part = "exact"
)

// Column is one figure of a Result.
type Column struct {
	Name     string // "ttft_p95", "ttft_p95_low", "running": unique, stable
	Metric   string // name in the catalogue: "ttft", "running"
	Quantile float64
	Part     Part
	Unit     Unit
	Help     string
}

// Result holds the figures of every group: Values[group][column][time], NaN where not known. A table has one time, the end
// of the range over which its figures were taken.
type Result struct {
	GroupBy []string   // dimensions
	Groups  [][]string // one value per dimension; sorted
	Columns []Column
	Times   []time.Time // ascending, a step apart
	Step    time.Duration
	Values  [][][]float64
	Notices []string // sentences for the user: what is missing and why
}

// ExactQuantile is a quantile taken from the requests of a window whose requests were all seen.
type ExactQuantile struct {
	Group    []string // one value per dimension of Result.GroupBy
	Metric   string   // ttft, tpot, e2e, queue, prefill, decode
	Quantile float64
	Value    float64 // seconds
}

// WithExact adds, beside each quantile column, one with the exact values; groups without one stay unknown. The Result is
// not changed; columns that are not asked for are ignored.
func (r Result) WithExact(exact []ExactQuantile) Result { return r }
