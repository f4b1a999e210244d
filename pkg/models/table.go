package models

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
)

// table collects answers by group on the grid.
type table struct {
	plan   plan
	grid   prometheus.Range
	times  []time.Time
	groups map[string]group
	values map[string][]string // of the dimensions, by group key

	gpuPrice float64 // NaN = not known
}

func newTable(p plan, grid prometheus.Range, gpuPrice float64) *table {
	return &table{
		plan: p, grid: grid, times: grid.Times(), groups: map[string]group{}, values: map[string][]string{}, gpuPrice: gpuPrice,
	}
}

// add files the series of one answer.
func (t *table) add(n need, answer prometheus.Answer) {
	for _, s := range answer.Series {
		values := make([]string, len(t.plan.group))
		for i, label := range t.plan.group {
			values[i] = s.Labels[label]
		}
		key := GroupKey(values)
		g, ok := t.groups[key]
		if !ok {
			g = newGroup(t.gpuPrice)
			t.groups[key], t.values[key] = g, values
		}
		vector := t.grid.Vector(s.Samples)
		if n.kind == buckets {
			g.ladder(n, s.Labels[t.plan.labels.Model]).add(s.Labels[leLabel], vector)
			continue
		}
		g.set(n, s.Labels[n.split], vector)
	}
}

// result computes every column of every group.
func (t *table) result(spec Spec, columns []column) Result {
	r := Result{GroupBy: spec.GroupBy, Times: t.times, Step: t.grid.Step}
	for _, c := range columns {
		r.Columns = append(r.Columns, c.Column)
	}
	keys := slices.Collect(maps.Keys(t.groups))
	slices.SortFunc(keys, func(a, b string) int { return slices.Compare(t.values[a], t.values[b]) })
	for _, key := range keys {
		g := t.groups[key]
		row := make([][]float64, len(columns))
		for i, c := range columns {
			row[i] = c.of(g)
			if row[i] == nil {
				row[i] = t.grid.Vector(nil)
			}
		}
		r.Groups = append(r.Groups, t.values[key])
		r.Values = append(r.Values, row)
		if g.mixed() {
			r.Notices = append(r.Notices, "quantiles of "+strings.Join(t.values[key], ", ")+
				" are not known: its models have histograms with different buckets, which cannot be added up")
		}
	}
	return r
}
