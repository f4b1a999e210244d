package attainment

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
)

// column is one more column of a table, read off the same histogram as its figure.
type column struct {
	Name string
	Unit figures.Unit
	Help string
	of   func(share) float64
}

// Result puts both evidences side by side, one row per group that either knows. Spec must have its defaults.
func Result(spec Spec, grid Grid, requests Requests, buckets Buckets) figures.Result {
	out := figures.Result{GroupBy: spec.GroupBy, Times: grid.Times, Step: grid.Step}
	wanted := spec.figures()
	for _, f := range wanted {
		out.Columns = append(out.Columns, figures.Column{Name: f.Name, Metric: f.Name, Unit: f.Unit, Help: f.Help})
		for _, c := range f.more(spec) {
			out.Columns = append(out.Columns, figures.Column{Name: c.Name, Metric: c.Name, Unit: c.Unit, Help: c.Help})
		}
	}
	groups := map[string][]string{}
	for key, g := range requests.groups {
		groups[key] = g.group
	}
	for key, g := range buckets.groups {
		groups[key] = g.group
	}
	for _, key := range sortedKeys(groups) {
		out.Groups = append(out.Groups, groups[key])
		out.Values = append(out.Values, row(wanted, spec, grid, requests, key, buckets.groups[key]))
	}
	out.Notices = slices.Concat(buckets.Notices, requests.folded.notices(), requests.few(), requests.samples.notices(), requests.hanging(), unlimited(requests.without, buckets.without))
	return out
}

// few says that some group has requests, and fewer than a share is asked of.
func (r Requests) few() []string {
	for _, g := range r.groups {
		for _, t := range g.times {
			if all := t.met + t.missed; all > 0 && all < r.fewest {
				return []string{tooFew}
			}
		}
	}
	return nil
}

// sortedKeys orders groups by their values.
func sortedKeys(groups map[string][]string) []string {
	return slices.SortedFunc(maps.Keys(groups), func(a, b string) int { return slices.Compare(groups[a], groups[b]) })
}

// row is all columns of one group over the times.
func row(wanted []figure, spec Spec, grid Grid, requests Requests, key string, graded *graded) [][]float64 {
	a := about{target: spec.Target, seconds: grid.Length.Seconds(), fewest: requests.fewest}
	vector := func(value func(t int) float64) []float64 {
		out := make([]float64, len(grid.Times))
		for t := range out {
			out[t] = value(t)
		}
		return out
	}
	at := func(t int) shares {
		return func(histogram string) share {
			if graded == nil {
				return unknownShare
			}
			return graded.histograms[histogram].share(t)
		}
	}
	counted := requests.groups[key]
	var out [][]float64
	for _, f := range wanted {
		switch {
		case f.ofRequests == nil:
			out = append(out, vector(func(t int) float64 { return f.ofBuckets(at(t), a) }))
		case counted == nil || f.amount && !requests.Whole:
			out = append(out, vector(func(int) float64 { return math.NaN() }))
		default:
			out = append(out, vector(func(t int) float64 { return f.ofRequests(counted.times[t], a) }))
		}
		for _, c := range f.more(spec) {
			out = append(out, vector(func(t int) float64 { return c.of(at(t)(f.histograms[0])) }))
		}
	}
	return out
}

// more are the columns that a table has behind a figure.
func (f figure) more(spec Spec) []column {
	if spec.Form != figures.Table {
		return nil
	}
	return f.extra
}

// namedModels is how many models a notice names.
const namedModels = 5

// unlimited says which models nothing can be said of.
func unlimited(without ...map[string]bool) []string {
	all := map[string]bool{}
	for _, models := range without {
		maps.Copy(all, models)
	}
	if len(all) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(all))
	more := ""
	if n := len(names) - namedModels; n > 0 {
		names, more = names[:namedModels], fmt.Sprintf(" and %d more", n)
	}
	return []string{"No SLO limits are set for " + strings.Join(names, ", ") + more + ": see SLO limits in the data source's settings."}
}
