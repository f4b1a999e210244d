package prometheus

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// copySlice is how much of a window is read to tell copies of series from series of several engines: a hundred scrapes.
	copySlice = 30 * time.Minute
	// maxSlices bounds how many parts of a window are read.
	maxSlices = 3
	// maxDoubtful bounds how many engines are looked at closely: scrape jobs that double one double many.
	maxDoubtful = 50
	// covers is what share of a copy's samples another one must have to stand for it.
	covers = 0.95
)

// NamesOnce is Names, and besides which series are copies of others: queries that are written with these names leave copies out.
// It costs one more call, or none when it was asked lately, and a few where engines have several series.
func (c *Client) NamesOnce(ctx context.Context, w evidence.Window) (promql.Names, []evidence.Call, error) {
	names, calls, err := c.Names(ctx, w)
	if err != nil || len(names.Of(vllm.NumRequestsRunning)) == 0 {
		return names, calls, err
	}
	copies, asked, err := c.copies.Get(ctx, grained(w), func(ctx context.Context) (promql.Copies, []evidence.Call, error) {
		return c.measureCopies(ctx, names, w)
	})
	names = names.WithCopies(copies)
	return names, slices.Concat(calls, asked), err
}

// SeriesPerEngine says of the engines of a window in which way they have several series at the same time.
func (c *Client) SeriesPerEngine(ctx context.Context, w evidence.Window) ([]evidence.Finding, []evidence.Call, error) {
	names, calls, err := c.NamesOnce(ctx, w)
	found := names.Copies().Found
	return found.Findings(), calls, err
}

// member is one series of an engine in a window.
type member struct {
	labels map[string]string
	counts [countParts]float64 // samples in each part of the window
}

// countParts is into how many parts a window is divided, to see which series were there when.
const countParts = 8

// covers reports whether a series was there whenever another one was.
func (m member) covers(o member) bool {
	for i, n := range o.counts {
		if m.counts[i] < n-max(1, (1-covers)*n) {
			return false
		}
	}
	return true
}

func (c *Client) measureCopies(ctx context.Context, names promql.Names, w evidence.Window) (promql.Copies, []evidence.Call, error) {
	part := max((w.Duration() / countParts).Truncate(time.Millisecond), time.Millisecond)
	answer, call, err := c.QueryRange(ctx, names.Either("count_over_time", vllm.NumRequestsRunning, nil, part,
		promql.ScopeMatchers(c.store.Labels, vllm.Scope{})...), promql.Range{From: w.To.Add(-(countParts - 1) * part), To: w.To, Step: part})
	calls := []evidence.Call{call}
	if err != nil {
		return promql.Copies{}, calls, err
	}
	groups := c.groupsOf(answer, w.To, part)
	doubtful, times := groups.doubtful(w, part)
	if len(doubtful) == 0 {
		return promql.Copies{}, calls, nil
	}
	found := promql.Copies{}
	scope := c.scopeOf(doubtful)
	var copied [][]member
	seen := map[int]bool{}
	for _, slice := range times {
		series, asked, err := c.EngineState(ctx, []evidence.Window{slice}, scope, []string{vllm.NumRequestsRunning, vllm.GenerationTokens})
		calls = append(calls, asked...)
		if err != nil {
			return promql.Copies{}, calls, err
		}
		by := groups.assign(series)
		for i, g := range groups.list {
			if by[i] == nil || seen[i] {
				continue
			}
			engines := servers.Settle(by[i])
			doubled := len(engines) > 1
			for _, e := range engines {
				doubled = doubled || len(e.Dropped) > 0 || len(e.Unclear) > 0
				if len(e.Dropped) > 0 {
					copied = append(copied, g.copiesOf(e, c.store.Labels))
				}
			}
			if seen[i] = doubled; doubled {
				found.Found.Note(g.address(), engines)
			}
		}
	}
	settle(&found, groups, copied, placesOf(c.store.Labels))
	return found, calls, nil
}

// engineGroups are the series of each engine.
type engineGroups struct {
	list  []engineGroup
	table *servers.Table
	at    map[engineKey]int
}

type engineKey struct {
	server        int32
	model, engine string
}

type engineGroup struct {
	origin  evidence.Origin
	members []member
}

func (g engineGroup) address() string { return cmp.Or(g.origin.Instance, g.origin.Pod) }

func (c *Client) groupsOf(answer promql.Result, end time.Time, part time.Duration) *engineGroups {
	g := &engineGroups{at: map[engineKey]int{}}
	origins := make([]*evidence.Origin, len(answer.Series))
	for i, s := range answer.Series {
		origin := originOf(c.store.Labels, s.Labels, false)
		origins[i] = &origin
	}
	g.table = servers.NewTable(origins)
	for i, s := range answer.Series {
		k := engineKey{g.table.Of(origins[i]), origins[i].Model, origins[i].Engine}
		at, ok := g.at[k]
		if !ok {
			at = len(g.list)
			g.at[k], g.list = at, append(g.list, engineGroup{origin: *origins[i]})
		}
		m := member{labels: s.Labels}
		for _, sample := range s.Samples {
			back := int((end.UnixMilli() - sample.UnixMilli + part.Milliseconds()/2) / max(part.Milliseconds(), 1))
			if back >= 0 && back < countParts {
				m.counts[countParts-1-back] = sample.Value
			}
		}
		g.list[at].members = append(g.list[at].members, m)
	}
	return g
}

// doubtful are engines with several series in some part of the window, which may be one after the other, and the times at which
// to look at them closely.
func (g *engineGroups) doubtful(w evidence.Window, part time.Duration) (out []engineGroup, times []evidence.Window) {
	var votes [countParts]int
	for _, e := range g.list {
		best, at := 0.0, -1
		for i := range countParts {
			var counts []float64
			for _, m := range e.members {
				counts = append(counts, m.counts[i])
			}
			slices.Sort(counts)
			if n := len(counts); n > 1 && counts[n-2] > max(best, 1) {
				best, at = counts[n-2], i
			}
		}
		if at >= 0 && len(out) < maxDoubtful {
			out = append(out, e)
			votes[at]++
		}
	}
	for range maxSlices {
		at := 0
		for i, n := range votes {
			if n > votes[at] {
				at = i
			}
		}
		if votes[at] == 0 {
			break
		}
		votes[at] = 0
		middle := w.To.Add(-time.Duration(2*(countParts-at)-1) * part / 2)
		slice := evidence.Window{From: middle.Add(-copySlice / 2), To: middle.Add(copySlice / 2)}
		if slice.From.Before(w.From) {
			slice = evidence.Window{From: w.From, To: w.From.Add(copySlice)}
		}
		if slice.To.After(w.To) {
			slice = evidence.Window{From: w.To.Add(-min(copySlice, w.Duration())), To: w.To}
		}
		if !slices.Contains(times, slice) {
			times = append(times, slice)
		}
	}
	return out, times
}

// scopeOf asks for these engines alone, where addresses or pods tell them.
func (c *Client) scopeOf(groups []engineGroup) (scope vllm.Scope) {
	for _, g := range groups {
		for _, m := range g.members {
			if instance := m.labels[c.store.Labels.Instance]; instance != "" && !slices.Contains(scope.Instances, instance) {
				scope.Instances = append(scope.Instances, instance)
			}
		}
	}
	return scope
}

// assign gives raw series to their engines.
func (g *engineGroups) assign(series []evidence.Series) map[int]map[string][]*evidence.Series {
	out := map[int]map[string][]*evidence.Series{}
	for i := range series {
		s := &series[i]
		at, ok := g.at[engineKey{g.table.Of(s.Origin), s.Origin.Model, s.Origin.Engine}]
		if !ok {
			continue
		}
		if out[at] == nil {
			out[at] = map[string][]*evidence.Series{}
		}
		out[at][s.Metric] = append(out[at][s.Metric], s)
	}
	return out
}

// copiesOf are the members of an engine that say the same.
func (g engineGroup) copiesOf(e servers.Engine, names vllm.LabelNames) (out []member) {
	for _, m := range g.members {
		is := func(s *evidence.Series) bool {
			return s.Metric == vllm.NumRequestsRunning && *s.Origin == originOf(names, m.labels, false) &&
				!slices.ContainsFunc(s.Rest, func(l evidence.Label) bool { return m.labels[l.Name] != l.Value })
		}
		if slices.ContainsFunc(e.Dropped, is) || slices.ContainsFunc(e.Series[vllm.NumRequestsRunning], is) {
			out = append(out, m)
		}
	}
	return out
}
