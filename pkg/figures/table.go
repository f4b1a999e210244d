package figures

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// table collects answers by group on the grid.
type table struct {
	plan   plan
	grid   promql.Range
	times  []time.Time
	groups map[string]group
	values map[string][]string // of the dimensions, by group key

	gpuPrice float64   // NaN = not known
	known    []float64 // share of the range in which any engine is known; nil in a series
}

func newTable(p plan, grid promql.Range, gpuPrice float64) *table {
	var known []float64
	if p.whole {
		known = grid.Vector(nil) // until that question is answered, no average is known
	}
	return &table{
		known: known,
		plan:  p, grid: grid, times: grid.Times(), groups: map[string]group{}, values: map[string][]string{}, gpuPrice: gpuPrice,
	}
}

// add files the series of one answer.
func (t *table) add(n need, answer promql.Result) {
	if n.kind == seen {
		for _, s := range answer.Series {
			t.known = t.grid.Vector(s.Samples)
		}
		return
	}
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
		switch n.kind {
		case buckets:
			l := g.ladder(n, s.Labels[t.plan.labels.Model])
			if s.Labels[promql.BoundLabel] == promql.NativeBuckets {
				l.addNative(t.grid, s.Histograms)
				continue
			}
			l.add(s.Labels[promql.BoundLabel], vector)
		case holders:
			g.ladder(need{kind: buckets, metric: n.metric}, s.Labels[t.plan.labels.Model]).hold(s.Labels[promql.BoundLabel], vector)
		default:
			g.set(n, s.Labels[n.split], vector)
		}
	}
}

// unusual lists which histograms have replicas with different bounds, or classic series with other bounds than vLLM gives them by
// itself, of which that is not known: how many replicas have which must be asked.
func (t *table) unusual(asked []Query, uneven map[string]bool, unknown bool) (needs []need) {
	for _, q := range asked {
		if q.need.kind != buckets {
			continue
		}
		if uneven[q.need.metric] {
			needs = append(needs, need{kind: holders, metric: q.need.metric})
			continue
		}
		if !unknown {
			continue
		}
		for _, g := range t.groups {
			if slices.ContainsFunc(slices.Collect(maps.Values(g.ladders[q.need])), func(l *ladder) bool { return !l.usual() }) {
				needs = append(needs, need{kind: holders, metric: q.need.metric})
				break
			}
		}
	}
	return needs
}

// sharedBounds leaves the bounds that all replicas have, and says where there were others. Where it is not known which
// replicas have which, no quantile is; known are the histograms whose replicas differ.
func (t *table) sharedBounds(needs []need, known map[string]bool) (notices []string) {
	for _, n := range needs {
		uneven := false
		for _, g := range t.groups {
			for _, l := range g.ladders[need{kind: buckets, metric: n.metric}] {
				if l.holders != nil || !l.usual() || known[n.metric] {
					uneven = l.shared() || uneven
				}
			}
		}
		if uneven {
			notices = append(notices, t.plan.names.Today(n.metric)+": replicas of a model have buckets with different bounds "+
				"(--custom-histogram-buckets); quantiles are read off those bounds that all of them have")
		}
	}
	return notices
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
		g.known = t.known
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
