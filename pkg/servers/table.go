package servers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// None is the index of no server.
const None = int32(-1)

// Server is one API server as the metrics know it.
type Server struct {
	// Origin is what its origins say together; of several addresses, such as those of a pod that came back, the first in the
	// order of the alphabet. Model is set when those that name one name the same, Engine and LoRA never.
	Origin evidence.Origin
	// Places are the origins that were filed under it, as they are.
	Places []evidence.Origin
	names  []Name
	models []string
}

// Table knows the servers that the metrics name, and finds them by the words of other stores.
type Table struct {
	Servers []Server
	byAlias map[string][]int32
	filed   map[evidence.Origin]int32
	found   map[*evidence.Origin]Found
	// The words that the metrics have for environments and clusters.
	environments, clusters map[string]bool
}

// Found is what a table answers. At is None when no server fits, or when several do: these are Shared.
type Found struct {
	At     int32
	Shared []int32
}

// NewTable files origins of the metrics under their servers; the order of the origins does not matter. Two origins are one
// server when they have the same address, or the same pod and port (a pod has one address at a time: under another it came
// back), and nothing keeps them apart. One that names less than others, such as no cluster, belongs to the only one that it
// fits; where it fits several it is a server of its own.
func NewTable(origins []*evidence.Origin) *Table {
	t := &Table{
		byAlias: map[string][]int32{}, filed: map[evidence.Origin]int32{}, found: map[*evidence.Origin]Found{},
		environments: map[string]bool{}, clusters: map[string]bool{},
	}
	models := map[evidence.Origin][]string{}
	var places []evidence.Origin
	for _, o := range origins {
		if o == nil {
			continue
		}
		p := place(o)
		if _, known := models[p]; !known {
			places = append(places, p)
		}
		models[p] = append(models[p], o.Model)
	}
	slices.SortFunc(places, func(a, b evidence.Origin) int {
		return cmp.Or(cmp.Compare(told(&b), told(&a)), inOrder(&a, &b))
	})
	for i := range places {
		t.file(&places[i], models[places[i]])
	}
	return t
}

// place is what an origin says about its server.
func place(o *evidence.Origin) evidence.Origin {
	return evidence.Origin{
		Environment: o.Environment, Cluster: o.Cluster, Namespace: o.Namespace, Pod: o.Pod, Instance: o.Instance,
	}
}

// told counts what an origin names.
func told(o *evidence.Origin) (n int) {
	for _, name := range []string{o.Environment, o.Cluster, o.Namespace, o.Pod, o.Instance} {
		if name != "" {
			n++
		}
	}
	return n
}

func inOrder(a, b *evidence.Origin) int {
	return cmp.Or(
		strings.Compare(a.Environment, b.Environment), strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Namespace, b.Namespace),
		strings.Compare(a.Pod, b.Pod), strings.Compare(a.Instance, b.Instance))
}

// file puts a place under its server, which is made when new.
func (t *Table) file(p *evidence.Origin, models []string) {
	name := NameOf(p)
	t.environments[p.Environment], t.clusters[p.Cluster] = true, true
	var fitting []int32
	for _, alias := range name.aliases() {
		for _, i := range t.byAlias[alias] {
			if !slices.Contains(fitting, i) && t.Servers[i].is(name) {
				fitting = append(fitting, i)
			}
		}
	}
	var at int32
	if len(fitting) == 1 {
		at = fitting[0]
		merge(&t.Servers[at].Origin, p)
	} else {
		at = int32(len(t.Servers)) // #nosec G115 -- a fleet has thousands of servers, not billions
		t.Servers = append(t.Servers, Server{Origin: *p})
	}
	s := &t.Servers[at]
	s.names, s.Places = append(s.names, name), append(s.Places, *p)
	t.filed[*p] = at
	for _, alias := range name.aliases() {
		if !slices.Contains(t.byAlias[alias], at) {
			t.byAlias[alias] = append(t.byAlias[alias], at)
		}
	}
	for _, model := range models {
		if model != "" && !slices.Contains(s.models, model) {
			s.models = append(s.models, model)
		}
	}
	s.Origin.Model = ""
	if len(s.models) == 1 {
		s.Origin.Model = s.models[0]
	}
}

// merge fills in what is not known yet.
func merge(into, from *evidence.Origin) {
	into.Environment = cmp.Or(into.Environment, from.Environment)
	into.Cluster = cmp.Or(into.Cluster, from.Cluster)
	into.Namespace = cmp.Or(into.Namespace, from.Namespace)
	into.Pod = cmp.Or(into.Pod, from.Pod)
	into.Instance = cmp.Or(into.Instance, from.Instance)
}

// is reports whether a name of the metrics is one more name of this server.
func (s *Server) is(n Name) bool {
	same := false
	for _, known := range s.names {
		switch {
		case Apart(known, n), differ(known.Pod, n.Pod):
			return false
		case known.Pod != "" && known.Pod == n.Pod:
			// The port tells API servers of one pod apart; a name without one may be any of theirs, and is, if there is one only.
			if differ(known.Port, n.Port) {
				return false
			}
			same = true
		case known.Pod == "" && !known.IP && known.Host == n.Pod && n.Pod != "", n.Pod == "" && !n.IP && n.Host == known.Pod && n.Host != "":
			same = true // an address that was replaced by the pod's name
		case known.address() != "" && known.address() == n.address(), known.Port == n.Port && known.Host != "" && known.Host == n.Host:
			same = true
		}
	}
	return same
}

// Of gives the server that an origin of the metrics was filed under, None for one that was not.
func (t *Table) Of(o *evidence.Origin) int32 {
	if o == nil {
		return None
	}
	if i, ok := t.filed[place(o)]; ok {
		return i
	}
	return None
}

// Find gives the server that another store's origin means. Pods decide before addresses, and addresses before hosts.
func (t *Table) Find(o *evidence.Origin) Found {
	if o == nil {
		return Found{At: None}
	}
	if f, ok := t.found[o]; ok {
		return f
	}
	f := t.find(NameOf(o))
	t.found[o] = f
	return f
}

func (t *Table) find(n Name) Found {
	var shared []int32
	for _, alias := range n.aliases() {
		var fitting []int32
		for _, i := range t.byAlias[alias] {
			if t.fits(n, i) {
				fitting = append(fitting, i)
			}
		}
		if len(shared) > 0 { // a further name may tell which of those that share the first is meant
			fitting = slices.DeleteFunc(fitting, func(i int32) bool { return !slices.Contains(shared, i) })
		}
		switch len(fitting) {
		case 0:
		case 1:
			return Found{At: fitting[0]}
		default:
			if len(shared) == 0 || len(fitting) < len(shared) {
				shared = fitting
			}
		}
	}
	return Found{At: None, Shared: shared}
}

// fits reports whether any name of a server may be what n means.
func (t *Table) fits(n Name, i int32) bool {
	// A word for an environment or a cluster that no metric has may be another store's word for one that they have. Then only
	// a pod's name that Kubernetes made up proves that the pod is the same.
	if Unmistakable(n.Pod) {
		if !t.environments[n.Environment] {
			n.Environment = ""
		}
		if !t.clusters[n.Cluster] {
			n.Cluster = ""
		}
	}
	for _, known := range t.Servers[i].names {
		if compare(n, known) != Other {
			return true
		}
	}
	return false
}

// Unmistakable reports whether a pod's name ends in Kubernetes' five random letters behind a hash, as those of a Deployment do:
// no other pod has it, in whichever cluster.
func Unmistakable(pod string) bool {
	rest, last, ok := cutLast(pod)
	if !ok || len(last) != 5 || strings.Trim(last, randomLetters) != "" {
		return false
	}
	_, hash, ok := cutLast(rest)
	return ok && len(hash) >= 8 && len(hash) <= 10 && strings.Trim(hash, randomLetters) == ""
}

// randomLetters are those of Kubernetes' made-up names.
const randomLetters = "bcdfghjklmnpqrstvwxz2456789"

func cutLast(text string) (before, last string, ok bool) {
	i := strings.LastIndexByte(text, '-')
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+1:], true
}

// OnHost gives the servers of a host.
func (t *Table) OnHost(host string) []int32 {
	var out []int32
	for _, i := range t.byAlias[host] {
		if slices.ContainsFunc(t.Servers[i].names, func(n Name) bool { return n.Host == host }) {
			out = append(out, i)
		}
	}
	return out
}
