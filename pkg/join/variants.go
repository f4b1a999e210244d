package join

import (
	"cmp"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// seriesFound is what was seen of engines that have more than one series of a metric at the same time.
type seriesFound struct {
	copied, replicas, unclear int // engines with copies, replicas that share an address, engines whose series contradict each other
	sharing                   int // servers of one name that run at the same time
	most                      int // series of one metric of one engine at the same time
	labels                    []string
	example                   string
}

// note keeps the labels in which variants differ.
func (f *seriesFound) note(in *instance, labels []string, series int) {
	f.most = max(f.most, series)
	if f.example == "" {
		f.example = cmp.Or(in.origin.Instance, in.origin.Pod)
	}
	for _, l := range labels {
		if !slices.Contains(f.labels, l) {
			f.labels = append(f.labels, l)
		}
	}
	slices.Sort(f.labels)
}

// variant is all series of one engine that have the same address and the same further labels.
type variant struct {
	key      string
	instance string // address
	labels   []evidence.Label
	series   []*evidence.Series
}

// settleEngines leaves each engine of an instance one series of each metric at any time: replicas behind one address become
// engines, copies are left out, and what contradicts itself is left out altogether.
func (x *instances) settleEngines(in *instance) {
	var settled []engine
	for i := range in.engines {
		e := &in.engines[i]
		if e.single() {
			settled = append(settled, *e)
			continue
		}
		groups := byReplica(variantsOf(e))
		if len(groups) > 1 {
			x.found.replicas += len(groups)
			x.found.note(in, labelsOf(slices.Concat(groups...)), len(groups))
		}
		for _, group := range groups {
			k := engine{rank: e.rank, model: e.model}
			if len(groups) > 1 {
				k.replica = replicaOf(group)
			}
			x.reduce(in, &k, group)
			settled = append(settled, k)
		}
	}
	in.engines = settled
}

// single reports whether every metric has one series for each of its parts.
func (e *engine) single() bool {
	for _, list := range e.series {
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

func variantsOf(e *engine) []*variant {
	byKey := map[string]*variant{}
	for _, list := range e.series {
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
		switch surely, perhaps := servers.TellsEngines(name); {
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
	if anyPair(groups, func(v, w *variant) bool { return v.relation(w) == servers.Different }) &&
		!anyPair(groups, func(v, w *variant) bool { return v.relation(w) == servers.Copies }) {
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
		met = met || servers.CompareGauges(a.Samples, b.Samples) != servers.Sequent
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
func (v *variant) relation(w *variant) servers.Relation {
	found := map[servers.Relation]int{}
	gauges := map[servers.Relation]int{}
	v.common(w, func(a, b *evidence.Series) {
		if m, _ := vllm.LookupMetric(a.Metric); m.Type == vllm.Counter {
			found[servers.CompareCounters(a.Samples, b.Samples)]++
		} else {
			gauges[servers.CompareGauges(a.Samples, b.Samples)]++
		}
	})
	switch {
	case found[servers.Different] > 0, gauges[servers.Different] > 0:
		return servers.Different
	case found[servers.Copies] > 0:
		return servers.Copies
	case gauges[servers.Unclear] > 0:
		return servers.Unclear
	case gauges[servers.Copies] > 0:
		return servers.Copies
	case found[servers.Unclear] > 0: // nothing was counted by either: they say the same
		return servers.Copies
	}
	return servers.Sequent
}

func replicaOf(group []*variant) (names []string) {
	for _, v := range group {
		for _, l := range v.labels {
			if _, perhaps := servers.TellsEngines(l.Name); perhaps && !slices.Contains(names, l.Value) {
				names = append(names, l.Value)
			}
		}
	}
	return names
}

// reduce gives an engine its series out of variants, each metric at each time once.
func (x *instances) reduce(in *instance, e *engine, variants []*variant) {
	e.series = map[string][]*evidence.Series{}
	if len(variants) == 1 {
		for _, s := range variants[0].series {
			e.series[s.Metric] = append(e.series[s.Metric], s)
		}
		return
	}
	relations := map[[2]*variant]servers.Relation{}
	relation := func(v, w *variant) servers.Relation {
		pair := [2]*variant{v, w}
		r, ok := relations[pair]
		if !ok {
			r = v.relation(w)
			relations[pair], relations[[2]*variant{w, v}] = r, r
		}
		return r
	}
	type part struct{ metric, part string }
	type owned struct {
		of *variant
		s  *evidence.Series
	}
	parts := map[part][]owned{}
	var order []part
	for _, v := range variants {
		for _, s := range v.series {
			p := part{s.Metric, s.Part}
			if parts[p] == nil {
				order = append(order, p)
			}
			parts[p] = append(parts[p], owned{v, s})
		}
	}
	copied, broken, shared := false, map[string]bool{}, false
	for _, p := range order {
		list := parts[p]
		slices.SortStableFunc(list, func(a, b owned) int { return cmp.Compare(len(b.s.Samples), len(a.s.Samples)) })
		var kept []owned
	next:
		for _, o := range list {
			for _, k := range kept {
				if servers.CompareGauges(o.s.Samples, k.s.Samples) == servers.Sequent {
					continue
				}
				if relation(o.of, k.of) == servers.Copies {
					copied = true
					continue next
				}
				broken[p.metric] = true
				shared = shared || o.of.instance != k.of.instance
			}
			kept = append(kept, o)
		}
		for _, k := range kept {
			e.series[p.metric] = append(e.series[p.metric], k.s)
		}
	}
	for metric := range broken {
		delete(e.series, metric)
		e.unclear = true
		in.unclear = in.unclear || metric == vllm.RequestSuccess
	}
	switch {
	case len(broken) > 0 && shared:
		x.found.sharing++
		x.found.note(in, labelsOf(variants), len(variants))
	case len(broken) > 0:
		x.found.unclear++
		x.found.note(in, labelsOf(variants), len(variants))
	case copied:
		x.found.copied++
		x.found.note(in, labelsOf(variants), len(variants))
	}
}

// onlyOnce leaves out the copies of a GPU's series: the same device, read by two scrape jobs.
func onlyOnce(gpus []*evidence.Series) []*evidence.Series {
	var out []*evidence.Series
	for _, g := range gpus {
		i := slices.IndexFunc(out, func(k *evidence.Series) bool {
			return k.Metric == g.Metric && device(k) != "" && device(k) == device(g) && *k.Origin == *g.Origin &&
				servers.CompareGauges(k.Samples, g.Samples) != servers.Sequent
		})
		if i < 0 {
			out = append(out, g)
		} else if len(g.Samples) > len(out[i].Samples) {
			out[i] = g
		}
	}
	return out
}

// device is the id that a GPU has whatever its exporter; "" when none is told. Partitions of one have one each.
func device(g *evidence.Series) string {
	id, partition := "", ""
	for _, l := range g.Rest {
		switch l.Name {
		case "UUID", "uuid":
			id = l.Value
		case "GPU_I_ID":
			partition = l.Value
		}
	}
	if id == "" {
		return ""
	}
	return id + "/" + partition
}
