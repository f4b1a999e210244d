package join

import (
	"cmp"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// words are what the stores call the places of their signals.
type words struct{ environments, clusters, namespaces, pods, hosts, containers map[string]bool }

func newWords() words {
	m := func() map[string]bool { return map[string]bool{} }
	return words{m(), m(), m(), m(), m(), m()}
}

func (w *words) add(o *evidence.Origin) {
	n := servers.NameOf(o)
	w.environments[n.Environment], w.clusters[n.Cluster], w.namespaces[n.Namespace] = true, true, true
	w.pods[n.Pod], w.containers[n.Container] = true, true
	if !n.Random {
		w.hosts[n.Host] = true
	}
}

// places compares what signals say of their places, with a memory: a million lines have a handful of origins.
type places struct {
	servers.Comparer
	spans, metrics words
	apart          map[[2]*evidence.Origin]bool
}

func newPlaces(in *Input) *places {
	p := &places{spans: newWords(), metrics: newWords(), apart: map[[2]*evidence.Origin]bool{}}
	seen := map[*evidence.Origin]bool{}
	each := func(w *words, o *evidence.Origin) {
		if !seen[o] {
			seen[o] = true
			w.add(o)
		}
	}
	var recent [8]*evidence.Origin // neighbours in time are of few servers
	for i := range in.Spans {
		if o := in.Spans[i].Origin; !slices.Contains(recent[:], o) {
			recent[i%len(recent)] = o
			each(&p.spans, o)
		}
	}
	for i := range in.Targets {
		p.metrics.add(&in.Targets[i].Origin)
	}
	for i := range in.Series {
		each(&p.metrics, in.Series[i].Origin)
	}
	return p
}

// same compares two places. yes and no are both false when their words cannot be compared.
func (j *joiner) same(a, b *evidence.Origin) (yes, no bool) {
	if a == b && a != nil {
		return true, false
	}
	v := j.places.Compare(a, b)
	return v == servers.Same, v == servers.Other
}

// elsewhere reports whether a line was surely not written by the process that made a span. Two different names prove that only
// where both are names that one store has for its places: a container's id differs from every pod's name, and an exporter's random
// UUID from every address.
func (j *joiner) elsewhere(span, line *evidence.Origin) bool {
	if span == line || span == nil || line == nil {
		return false
	}
	pair := [2]*evidence.Origin{span, line}
	apart, ok := j.places.apart[pair]
	if !ok {
		apart = j.places.proveApart(span, line)
		j.places.apart[pair] = apart
	}
	return apart
}

func (p *places) proveApart(span, line *evidence.Origin) bool {
	if p.Compare(span, line) != servers.Other {
		return false
	}
	a, b := servers.NameOf(span), servers.NameOf(line)
	proof := func(of func(*words) map[string]bool, a, b string) bool {
		return differ(a, b) && (of(&p.spans)[b] || of(&p.metrics)[a] && of(&p.metrics)[b])
	}
	return proof(func(w *words) map[string]bool { return w.environments }, a.Environment, b.Environment) ||
		proof(func(w *words) map[string]bool { return w.clusters }, a.Cluster, b.Cluster) ||
		proof(func(w *words) map[string]bool { return w.namespaces }, a.Namespace, b.Namespace) ||
		proof(func(w *words) map[string]bool { return w.pods }, a.Pod, b.Pod) ||
		proof(func(w *words) map[string]bool { return w.containers }, a.Container, b.Container) ||
		a.Pod == "" && b.Pod == "" && proof(func(w *words) map[string]bool { return w.hosts }, a.Host, b.Host) ||
		a.Host != "" && a.Host == b.Host && differ(a.Port, b.Port)
}

// foreign reports whether neither spans nor metrics have this word for a place.
func (p *places) foreign(o *evidence.Origin) bool {
	n := servers.NameOf(o)
	knows := func(w *words) bool {
		return n.Pod != "" && w.pods[n.Pod] || n.Pod == "" && (n.Host != "" && w.hosts[n.Host] || n.Container != "" && w.containers[n.Container])
	}
	return !knows(&p.spans) && !knows(&p.metrics)
}

// learnNames settles which streams are of the same process, and which place of spans is meant by them.
func (j *joiner) learnNames() {
	same := map[evidence.Origin]*evidence.Origin{} // places in the log store's words → the words to keep
	home := func(o *evidence.Origin) *evidence.Origin {
		if o == nil {
			return nil
		}
		if known, ok := same[*o]; ok {
			return known
		}
		return o
	}
	pairs := make([][2]evidence.Origin, 0, len(j.streams.votes))
	for pair := range j.streams.votes {
		pairs = append(pairs, pair)
	}
	slices.SortFunc(pairs, func(a, b [2]evidence.Origin) int {
		if c := compareOrigins(&a[0], &b[0]); c != 0 {
			return c
		}
		return compareOrigins(&a[1], &b[1])
	})
	for i := range pairs {
		a, b := home(&pairs[i][0]), home(&pairs[i][1])
		if j.places.foreign(a) && !j.places.foreign(b) { // the name that others know is the one to keep
			a, b = b, a
		}
		if *a == *b {
			continue
		}
		for from, to := range same {
			if *to == *b {
				same[from] = a
			}
		}
		same[*b] = a
	}
	meetings := j.meetings()
	for _, s := range j.streams.list {
		s.place = home(s.origin)
		best, share := usual(meetings[s])
		if best == nil || share < 0.8 {
			continue
		}
		if yes, _ := j.same(best, s.place); !yes || !spelledAlike(best, s.place) {
			s.place = inWordsOf(best, s.origin)
		}
	}
}

// spelledAlike reports whether two names of one place are the same words, as far as both say them.
func spelledAlike(a, b *evidence.Origin) bool {
	return !differ(a.Pod, b.Pod) && !differ(a.Namespace, b.Namespace)
}

// inWordsOf is the place of spans with what only the stream of lines says.
func inWordsOf(span, line *evidence.Origin) *evidence.Origin {
	place := *span
	if line != nil {
		place.Engine = cmp.Or(line.Engine, place.Engine)
		place.Model, place.LoRA = cmp.Or(line.Model, place.Model), cmp.Or(line.LoRA, place.LoRA)
	}
	return &place
}

// meetings counts over unique ids by which place of spans each stream was met.
func (j *joiner) meetings() map[*stream]map[evidence.Origin]int {
	out := map[*stream]map[evidence.Origin]int{}
	for m, n := range j.streams.met {
		if !servers.Named(m.span) {
			continue
		}
		if out[m.line] == nil {
			out[m.line] = map[evidence.Origin]int{}
		}
		out[m.line][*m.span] += *n
	}
	return out
}

// usual gives the place that was met most often and its share; nil when too few were met.
func usual(met map[evidence.Origin]int) (best *evidence.Origin, share float64) {
	all, most := 0, 0
	for place, n := range met {
		all += n
		if n > most || n == most && compareOrigins(&place, best) < 0 {
			most, best = n, &place
		}
	}
	if all < enoughPairs {
		return nil, 0
	}
	return best, float64(most) / float64(all)
}
