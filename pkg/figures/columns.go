package figures

import (
	"math"
	"slices"
	"strconv"
)

// column is one column of a Result and how it is had.
type column struct {
	Column
	needs []need
	of    func(group) []float64
}

// columnsOf lists the columns that a spec asks for, in the order of its metrics.
func columnsOf(spec Spec) []column {
	// By pod, instance or engine there are hundreds of groups. Their buckets over time would be hundreds of megabytes, so
	// there the store computes the quantiles; elsewhere we do, with one query for all quantiles and the mean.
	fine := slices.ContainsFunc(spec.GroupBy, func(d string) bool { return d == ByPod || d == ByInstance || d == ByEngine })
	byStore := spec.Form == TimeSeries && fine

	var columns []column
	for _, name := range spec.Metrics {
		f, _ := allFigures.Find(name)
		switch {
		case f.quantiles():
			columns = append(columns, f.quantileColumns(spec, byStore)...)
		case f.meanOf != "":
			fromBuckets := !byStore && (f.guarded || slices.ContainsFunc(spec.Metrics, func(other string) bool {
				o, _ := allFigures.Find(other)
				return o.latency == f.meanOf
			}))
			columns = append(columns, f.meanColumn(fromBuckets))
		default:
			columns = append(columns, column{f.column(Value), f.needs, f.of})
		}
	}
	return columns
}

func (f figure) column(part Part) Column {
	return Column{Name: f.Name, Metric: f.Name, Unit: f.Unit, Help: f.Help, Part: part}
}

func (f figure) quantileColumns(spec Spec, byStore bool) []column {
	parts := []Part{Value}
	if spec.Form == Table {
		parts = []Part{Value, Low, High}
	}
	n := need{kind: buckets, metric: f.latency}
	var columns []column
	for _, q := range spec.Quantiles {
		if byStore {
			n = need{kind: quantile, metric: f.latency, q: q}
		}
		for _, part := range parts {
			c := f.column(part)
			c.Quantile, c.Name = q, quantileName(f.Name, q, part)
			of := func(g group) []float64 { return g.histogram(n).quantile(q, part) }
			if byStore {
				of = func(g group) []float64 { return g.get(need{kind: quantile, metric: f.latency, q: q}, "") }
			}
			columns = append(columns, column{c, []need{n}, of})
		}
	}
	return columns
}

func (f figure) meanColumn(fromBuckets bool) column {
	if fromBuckets {
		n := need{kind: buckets, metric: f.meanOf}
		return column{f.column(Value), []need{n}, func(g group) []float64 { return g.mean(n, f.guarded) }}
	}
	n := need{kind: average, metric: f.meanOf, guarded: f.guarded}
	return column{f.column(Value), []need{n}, func(g group) []float64 { return g.get(n, "") }}
}

// quantileName is ttft_p95, ttft_p99.9_low.
func quantileName(metric string, q float64, part Part) string {
	name := metric + "_p" + strconv.FormatFloat(math.Round(q*1e6)/1e4, 'f', -1, 64)
	if part != Value {
		name += "_" + string(part)
	}
	return name
}
