package servers

import (
	"cmp"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// reduce gives an engine its series out of variants, each metric at each time once.
func reduce(variants []*variant) Engine {
	e := Engine{Series: map[string][]*evidence.Series{}, Most: 1}
	if len(variants) == 1 {
		for _, s := range variants[0].series {
			e.Series[s.Metric] = append(e.Series[s.Metric], s)
		}
		return e
	}
	relations := map[[2]*variant]Relation{}
	relation := func(v, w *variant) Relation {
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
		of     *variant
		s      *evidence.Series
		copies []*evidence.Series
	}
	parts := map[part][]owned{}
	var order []part
	for _, v := range variants {
		for _, s := range v.series {
			p := part{s.Metric, s.Part}
			if parts[p] == nil {
				order = append(order, p)
			}
			parts[p] = append(parts[p], owned{of: v, s: s})
		}
	}
	broken := map[string]bool{}
	for _, p := range order {
		list := parts[p]
		slices.SortStableFunc(list, func(a, b owned) int { return cmp.Compare(len(b.s.Samples), len(a.s.Samples)) })
		var kept []owned
		dropped := 0
	next:
		for _, o := range list {
			for i := range kept {
				k := &kept[i]
				if !together(o.s.Samples, k.s.Samples) {
					continue
				}
				if relation(o.of, k.of) == Copies {
					k.copies = append(k.copies, o.s)
					e.Dropped, dropped = append(e.Dropped, o.s), dropped+1
					continue next
				}
				broken[p.metric] = true
				e.Sharing = e.Sharing || o.of.instance != k.of.instance
			}
			kept = append(kept, o)
		}
		for _, k := range kept {
			s := k.s
			if len(k.copies) > 0 {
				s = merged(k.s, k.copies)
				if e.Merged == nil {
					e.Merged = map[*evidence.Series]*evidence.Series{}
				}
				e.Merged[s] = k.s
			}
			e.Series[p.metric] = append(e.Series[p.metric], s)
		}
		if dropped > 0 || broken[p.metric] {
			e.Most = max(e.Most, len(kept)+dropped)
		}
	}
	for metric := range broken {
		delete(e.Series, metric)
		e.Unclear = append(e.Unclear, metric)
	}
	slices.Sort(e.Unclear)
	if len(broken) > 0 || len(e.Dropped) > 0 {
		e.Labels = labelsOf(variants)
	}
	return e
}

// merged is a series with the readings of its copies. A counter only rises: a reading that is lower than one before it came late,
// unless its own series fell, which a new process does.
func merged(s *evidence.Series, copies []*evidence.Series) *evidence.Series {
	type reading struct {
		evidence.Sample
		fell bool
	}
	var all []reading
	for _, from := range append([]*evidence.Series{s}, copies...) {
		for i, sample := range from.Samples {
			all = append(all, reading{sample, i > 0 && sample.Value < from.Samples[i-1].Value})
		}
	}
	slices.SortStableFunc(all, func(a, b reading) int { return cmp.Compare(a.UnixMilli, b.UnixMilli) })
	m, _ := vllm.LookupMetric(s.Metric)
	out := *s
	out.Samples = make([]evidence.Sample, 0, len(all))
	late := 0
	for _, r := range all {
		if n := len(out.Samples); m.Type == vllm.Counter && n > 0 && r.Value < out.Samples[n-1].Value && !r.fell && late < maxLate {
			late++
			continue
		}
		late = 0
		out.Samples = append(out.Samples, r.Sample)
	}
	return &out
}

// maxLate is how many readings in a row are taken for late ones; more are a new process, of which a late one hid the beginning.
const maxLate = 2

// OnlyOnce leaves out the copies of a GPU's series: the same device, read by two scrape jobs.
func OnlyOnce(gpus []*evidence.Series) []*evidence.Series {
	var out []*evidence.Series
	for _, g := range gpus {
		i := slices.IndexFunc(out, func(k *evidence.Series) bool {
			return k.Metric == g.Metric && device(k) != "" && device(k) == device(g) && *k.Origin == *g.Origin &&
				CompareGauges(k.Samples, g.Samples) != Sequent
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
