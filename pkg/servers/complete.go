package servers

import (
	"cmp"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Names lists the pods and instances under which the metrics know the server that an origin means, beside its own.
func (t *Table) Names(o *evidence.Origin) []string {
	names := []string{o.Instance, o.Pod}
	if f := t.find(NameOf(o)); f.At != None {
		for _, p := range t.Servers[f.At].Places {
			names = append(names, p.Instance, p.Pod)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// Complete gives a place the names that the metrics have for it: those of its server, or what all servers that it may be have in
// common. The words of a log stream for pod and instance yield to them, so that all that is told of a server meets.
func (t *Table) Complete(o *evidence.Origin) {
	f := t.find(NameOf(o)) // without the memory: the origin is about to change
	if f.At != None {
		s := &t.Servers[f.At]
		known := func(of func(*evidence.Origin) string, name string) bool {
			return slices.ContainsFunc(s.Places, func(p evidence.Origin) bool { return of(&p) == name })
		}
		if s.Origin.Pod != "" && !known(func(p *evidence.Origin) string { return p.Pod }, o.Pod) {
			o.Pod = s.Origin.Pod
		}
		if s.Origin.Instance != "" && !known(func(p *evidence.Origin) string { return p.Instance }, o.Instance) {
			o.Instance = s.Origin.Instance
		}
		o.Model = cmp.Or(o.Model, s.Origin.Model)
		merge(o, &s.Origin)
		return
	}
	if len(f.Shared) == 0 {
		return
	}
	common := t.Servers[f.Shared[0]].Origin
	for _, i := range f.Shared[1:] {
		keepCommon(&common, &t.Servers[i].Origin)
	}
	o.Model = cmp.Or(o.Model, common.Model)
	merge(o, &common)
}

// keepCommon clears what differs.
func keepCommon(a, b *evidence.Origin) {
	for _, pair := range [][2]*string{
		{&a.Model, &b.Model}, {&a.Environment, &b.Environment}, {&a.Cluster, &b.Cluster}, {&a.Namespace, &b.Namespace},
		{&a.Pod, &b.Pod}, {&a.Instance, &b.Instance},
	} {
		if *pair[0] != *pair[1] {
			*pair[0] = ""
		}
	}
}
