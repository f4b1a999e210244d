package figures

import (
	"math"
	"strings"
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
	Joules            Unit = "J"
	GPUs              Unit = "GPUs"
	Money             Unit = "currency"
	Multiple          Unit = "×"
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
	// Currency of the columns in Money, such as €; empty = not said.
	Currency string
}

// ExactQuantile is a quantile taken from the requests of a window whose requests were all seen.
type ExactQuantile struct {
	Group    []string // one value per dimension of Result.GroupBy
	Metric   string   // ttft, tpot, e2e, queue, prefill, decode
	Quantile float64
	Value    float64 // seconds
}

// WithExact adds, after each quantile's own columns, one with the exact values; groups without one stay not known. What was
// not asked for is left out, and without any exact value nothing is added. The Result itself is not changed.
func (r Result) WithExact(exact []ExactQuantile) Result {
	byColumn := map[string]map[string]float64{} // column name of the value, group key
	for _, e := range exact {
		name := quantileName(e.Metric, e.Quantile, Value)
		if byColumn[name] == nil {
			byColumn[name] = map[string]float64{}
		}
		byColumn[name][GroupKey(e.Group)] = e.Value
	}
	out := r
	out.Columns = nil
	out.Values = make([][][]float64, len(r.Groups))
	for i, c := range r.Columns {
		out.Columns = append(out.Columns, c)
		for g := range r.Groups {
			out.Values[g] = append(out.Values[g], r.Values[g][i])
		}
		values := byColumn[quantileName(c.Metric, c.Quantile, Value)]
		if values == nil || i+1 < len(r.Columns) && r.Columns[i+1].Metric == c.Metric && r.Columns[i+1].Quantile == c.Quantile {
			continue // no exact values, or more columns of this quantile follow
		}
		c.Part, c.Name = Exact, quantileName(c.Metric, c.Quantile, Exact)
		c.Help = "of the requests themselves, all of which were seen"
		out.Columns = append(out.Columns, c)
		for g, group := range r.Groups {
			vector := make([]float64, len(r.Times))
			for t := range vector {
				vector[t] = math.NaN()
			}
			if v, ok := values[GroupKey(group)]; ok && len(vector) == 1 { // over the range, so for a table
				vector[0] = v
			}
			out.Values[g] = append(out.Values[g], vector)
		}
	}
	return out
}

// GroupKey is one text for the values of a group.
func GroupKey(values []string) string { return strings.Join(values, "\xff") }
