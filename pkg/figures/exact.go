package figures

import (
	"math"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// FromRequests takes the quantiles of a Result's columns from joined requests, for those groups that requests belong to.
// The rows must be all requests of the range: a quantile of some of them is not one of the range.
func FromRequests(rows []join.Request, r Result) []ExactQuantile {
	var out []ExactQuantile
	samples := map[string]map[string][]float64{} // metric, group
	for _, c := range r.Columns {
		if c.Quantile == 0 || c.Part != Value {
			continue
		}
		column, ok := join.ColumnNamed(c.Metric)
		if !ok || column.Number == nil {
			continue // ITL is of steps, not of requests
		}
		if samples[c.Metric] == nil {
			samples[c.Metric] = sample(rows, column, r.GroupBy)
		}
		for _, group := range r.Groups {
			if values := samples[c.Metric][GroupKey(group)]; len(values) > 0 {
				out = append(out, ExactQuantile{Group: group, Metric: c.Metric, Quantile: c.Quantile, Value: quantileOf(values, c.Quantile)})
			}
		}
	}
	return out
}

// sample collects a column by group, each group sorted.
func sample(rows []join.Request, column *join.Column, groupBy []string) map[string][]float64 {
	out := map[string][]float64{}
	group := make([]string, len(groupBy))
	for i := range rows {
		v := join.NullNumber(column.Number(&rows[i]))
		if v == nil {
			continue
		}
		key := GroupKey(GroupOf(&rows[i], groupBy, group))
		out[key] = append(out[key], *v)
	}
	for _, values := range out {
		slices.Sort(values)
	}
	return out
}

// GroupOf writes the group of a request into values, which has one place per dimension; "" is not known.
func GroupOf(r *join.Request, groupBy []string, values []string) []string {
	for g, dimension := range groupBy {
		values[g] = ""
		if c, ok := join.ColumnNamed(dimension); ok && c.Text != nil {
			if text := c.Text(r); text != nil {
				values[g] = *text
			}
		}
	}
	return values
}

// quantileOf sorted values, linear between order statistics (Hyndman and Fan's type 7, the default of R and NumPy).
func quantileOf(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(math.Floor(at))
	if low+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
