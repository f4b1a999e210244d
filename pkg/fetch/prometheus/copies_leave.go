package prometheus

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// differing names the labels in which copies differ, the usual ones first.
func differing(copied [][]member, places []string) (names []string) {
	for _, group := range copied {
		for _, m := range group {
			for name := range m.labels {
				if name == model.MetricNameLabel || slices.Contains(places, name) || slices.Contains(names, name) {
					continue
				}
				if slices.ContainsFunc(group, func(o member) bool { return o.labels[name] != m.labels[name] }) {
					names = append(names, name)
				}
			}
		}
	}
	usual := []string{"job", "prometheus_replica", "__replica__", "replica", "prometheus"}
	rank := func(name string) int {
		if i := slices.Index(usual, name); i >= 0 {
			return i
		}
		return len(usual)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b)) })
	return names
}

// leaveOut chooses the values of a label without which every engine is still there for as long. rest are the groups that stay
// double.
func leaveOut(label string, groups *engineGroups, copied [][]member) (leave []string, rest [][]member) {
	engines := map[string]int{}
	for _, g := range groups.list {
		for _, m := range g.members {
			engines[m.labels[label]]++
		}
	}
	var values []string
	for v := range engines {
		values = append(values, v)
	}
	// What knows the most engines is kept, and the first in the order of the alphabet.
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(engines[b], engines[a]), strings.Compare(a, b))
	})
	var kept []string
	for _, v := range values {
		if v == "" || !covered(label, v, kept, groups, copied) {
			kept = append(kept, v)
		} else {
			leave = append(leave, v)
		}
	}
	for _, group := range copied {
		n := 0
		for _, m := range group {
			if slices.Contains(kept, m.labels[label]) {
				n++
			}
		}
		if n > 1 {
			rest = append(rest, group)
		}
	}
	return leave, rest
}

// covered reports whether each series with a value of a label has a copy among the values that are kept, for as long.
func covered(label, value string, kept []string, groups *engineGroups, copied [][]member) bool {
	for _, g := range groups.list {
		for _, m := range g.members {
			if m.labels[label] != value {
				continue
			}
			stands := func(group []member) bool {
				return slices.ContainsFunc(group, func(o member) bool { return same(o.labels, m.labels) }) &&
					slices.ContainsFunc(group, func(o member) bool {
						return slices.Contains(kept, o.labels[label]) && o.covers(m)
					})
			}
			if !slices.ContainsFunc(copied, stands) {
				return false
			}
		}
	}
	return true
}

func same(a, b map[string]string) bool { return identity(a) == identity(b) }

// settle finds how queries can leave copies out: by the values of one label, of which one that is kept is there for as long; else
// by taking the largest over the labels in which copies differ.
func settle(c *promql.Copies, groups *engineGroups, copied [][]member, places []string) {
	labels := differing(copied, places)
	for len(labels) > 0 && len(copied) > 0 {
		label := labels[0]
		leave, rest := leaveOut(label, groups, copied)
		if len(leave) > 0 && len(rest) == 0 {
			slices.Sort(leave)
			op, value := "!=", leave[0]
			if len(leave) > 1 {
				quoted := make([]string, len(leave))
				for i, v := range leave {
					quoted[i] = regexp.QuoteMeta(v)
				}
				op, value = "!~", strings.Join(quoted, "|")
			}
			c.Leave = []promql.Matcher{{Label: label, Op: op, Value: value}}
			return
		}
		labels = labels[1:]
	}
	if len(copied) > 0 {
		c.Merge = differing(copied, places)
	}
}

func weightOf(c promql.Copies) memo.Weight {
	w := memo.Strings(c.Merge)
	for _, m := range c.Leave {
		w.Bytes += len(m.Label) + len(m.Value) + 48
	}
	return memo.Weight{Bytes: w.Bytes}
}
