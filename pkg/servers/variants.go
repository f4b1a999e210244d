package servers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// variant is all series of one engine that have the same address and the same further labels.
type variant struct {
	key      string
	instance string // address
	labels   []evidence.Label
	series   []*evidence.Series
}

// Engine is one engine behind a server's address, or one replica of those that share it.
type Engine struct {
	Replica []string                      // values of the labels that tell it from others; nil when none has to
	Series  map[string][]*evidence.Series // by metric, in the order of the number of samples; each metric is there once at any time
	// Dropped are series that say the same as one in Series, which holds their samples too: each is a reading of the same engine.
	Dropped []*evidence.Series
	// Merged leads from such a series in Series to the one that it was made of.
	Merged map[*evidence.Series]*evidence.Series
	// Unclear are metrics whose series contradict each other, so that none is in Series.
	Unclear []string
	// Sharing is set when contradicting series have different addresses: two servers run under one name.
	Sharing bool
	// Labels are those in which the series of the engine differ, and Most is how many there are of one metric at a time.
	Labels []string
	Most   int
}

// Settle leaves an engine one series of each metric at any time: replicas behind one address become engines, copies are left out,
// and what contradicts itself is left out altogether. The series are those of one server, rank and model, by metric.
func Settle(series map[string][]*evidence.Series) []Engine {
	if single(series) {
		return []Engine{{Series: series, Most: 1}}
	}
	groups := byReplica(variantsOf(series))
	out := make([]Engine, 0, len(groups))
	labels := labelsOf(slices.Concat(groups...))
	for _, group := range groups {
		e := reduce(group)
		if len(groups) > 1 {
			e.Replica, e.Labels, e.Most = replicaOf(group), labels, max(e.Most, len(groups))
		}
		out = append(out, e)
	}
	return out
}

// single reports whether every metric has one series for each of its parts.
func single(series map[string][]*evidence.Series) bool {
	for _, list := range series {
		for i, s := range list {
			for _, before := range list[:i] {
				if before.Part == s.Part {
					return false
				}
			}
		}
	}
	return true
}

func variantsOf(series map[string][]*evidence.Series) []*variant {
	byKey := map[string]*variant{}
	for _, list := range series {
		for _, s := range list {
			var key strings.Builder
			key.WriteString(s.Origin.Instance)
			for _, l := range s.Rest {
				key.WriteString("\xff" + l.Name + "\xff" + l.Value)
			}
			v := byKey[key.String()]
			if v == nil {
				v = &variant{key: key.String(), instance: s.Origin.Instance, labels: s.Rest}
				byKey[v.key] = v
			}
			v.series = append(v.series, s)
		}
	}
	out := make([]*variant, 0, len(byKey))
	for _, v := range byKey {
		slices.SortFunc(v.series, func(a, b *evidence.Series) int {
			return cmp.Or(strings.Compare(a.Metric, b.Metric), strings.Compare(a.Part, b.Part))
		})
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *variant) int { return strings.Compare(a.key, b.key) }) // map order must not reach the result
	return out
}

// labelsOf names the labels in which variants differ.
func labelsOf(variants []*variant) (names []string) {
	values := map[string]map[string]bool{}
	for _, v := range variants {
		for _, l := range v.labels {
			if values[l.Name] == nil {
				values[l.Name] = map[string]bool{}
			}
		}
	}
	for name := range values {
		for _, v := range variants {
			values[name][v.value(name)] = true
		}
		if len(values[name]) > 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (v *variant) value(name string) string {
	for _, l := range v.labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// byReplica separates variants whose labels say that they are of different replicas, when these run at the same time. A replica
// that took over from another is the same engine. A label that may also be a scrape job's tells replicas where numbers differ.
func byReplica(variants []*variant) [][]*variant {
	var sure, unsure []string
	for _, name := range labelsOf(variants) {
		switch surely, perhaps := TellsEngines(name); {
		case surely:
			sure = append(sure, name)
		case perhaps:
			unsure = append(unsure, name)
		}
	}
	if groups := grouped(variants, sure); anyPair(groups, (*variant).meets) {
		return groups
	}
	groups := grouped(variants, unsure)
	if anyPair(groups, func(v, w *variant) bool { return v.relation(w) == Different }) &&
		!anyPair(groups, func(v, w *variant) bool { return v.relation(w) == Copies }) {
		return groups
	}
	return [][]*variant{variants}
}

// grouped puts variants together that have equal values of some labels.
func grouped(variants []*variant, labels []string) (groups [][]*variant) {
	at := map[string]int{}
	for _, v := range variants {
		var key strings.Builder
		for _, name := range labels {
			key.WriteString(v.value(name) + "\xff")
		}
		i, ok := at[key.String()]
		if !ok {
			i = len(groups)
			at[key.String()], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], v)
	}
	return groups
}

// anyPair reports whether any two variants of different groups pass.
func anyPair(groups [][]*variant, passes func(v, w *variant) bool) bool {
	for i, a := range groups {
		for _, b := range groups[i+1:] {
			for _, v := range a {
				if slices.ContainsFunc(b, func(w *variant) bool { return passes(v, w) }) {
					return true
				}
			}
		}
	}
	return false
}

// meets reports whether two variants have a series of the same metric at the same time.
func (v *variant) meets(w *variant) bool {
	met := false
	v.common(w, func(a, b *evidence.Series) {
		met = met || CompareGauges(a.Samples, b.Samples) != Sequent
	})
	return met
}

// common visits the series that both variants have.
func (v *variant) common(w *variant, visit func(a, b *evidence.Series)) {
	for _, a := range v.series {
		for _, b := range w.series {
			if a.Metric == b.Metric && a.Part == b.Part {
				visit(a, b)
			}
		}
	}
}

// relation compares all that two variants tell. Counters decide; where they have not counted yet, gauges that agree do.
func (v *variant) relation(w *variant) Relation {
	found := map[Relation]int{}
	gauges := map[Relation]int{}
	v.common(w, func(a, b *evidence.Series) {
		if m, _ := vllm.LookupMetric(a.Metric); m.Type == vllm.Counter {
			found[CompareCounters(a.Samples, b.Samples)]++
		} else {
			gauges[CompareGauges(a.Samples, b.Samples)]++
		}
	})
	switch {
	case found[Different] > 0, gauges[Different] > 0:
		return Different
	case found[Copies] > 0:
		return Copies
	case gauges[Unclear] > 0:
		return Unclear
	case gauges[Copies] > 0:
		return Copies
	case found[Unclear] > 0: // nothing was counted by either: they say the same
		return Copies
	}
	return Sequent
}

func replicaOf(group []*variant) (names []string) {
	for _, v := range group {
		for _, l := range v.labels {
			if _, perhaps := TellsEngines(l.Name); perhaps && !slices.Contains(names, l.Value) {
				names = append(names, l.Value)
			}
		}
	}
	return names
}
