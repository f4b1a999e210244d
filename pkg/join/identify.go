package join

import (
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// instance is one API server as the metrics know it, with the series of its engines and of the GPUs around it.
type instance struct {
	origin  *evidence.Origin
	model   string // "" when its metrics carry several models
	models  int
	engines []engine
	gpus    []*evidence.Series
}

// within reports whether the metrics place an instance in a scope. Engines and services narrow rows, not instances: the
// counters are compared over all engines of an instance.
func (in *instance) within(s vllm.Scope) bool {
	allows := func(place vllm.Place, names ...string) bool {
		test := s.Test(place)
		return test == nil || slices.ContainsFunc(names, test)
	}
	o := in.origin
	return allows(vllm.Model, in.model) && allows(vllm.Environment, o.Environment) && allows(vllm.Cluster, o.Cluster) && allows(vllm.Namespace, o.Namespace) &&
		allows(vllm.Pod, o.Pod) && allows(vllm.Instance, o.Instance, o.Pod)
}

// engine is one data-parallel rank.
type engine struct {
	rank   string
	series map[string][]*evidence.Series // by canonical metric name
}

// instances finds an instance by the names that spans and log streams use for it.
type instances struct {
	list []instance
	// byAlias maps pod, instance and host names to an index; ambiguousAlias where several instances share the name.
	byAlias map[string]int32
	seen    map[*evidence.Origin]int32
}

const ambiguousAlias = int32(-2)

// newInstances files targets and engine series under their instance.
func newInstances(targets []evidence.Target, series []evidence.Series) *instances {
	x := &instances{byAlias: map[string]int32{}, seen: map[*evidence.Origin]int32{}}
	for i := range targets {
		x.engine(&targets[i].Origin)
	}
	var gpus []*evidence.Series
	for i := range series {
		s := &series[i]
		if isGPU(s.Metric) {
			gpus = append(gpus, s)
			continue
		}
		if e := x.engine(s.Origin); e != nil {
			e.series[s.Metric] = append(e.series[s.Metric], s)
		}
	}
	for _, g := range gpus { // after the engines: a GPU belongs to an instance that is known
		if i := x.find(g.Origin); i >= 0 {
			x.list[i].gpus = append(x.list[i].gpus, g)
			continue
		}
		x.attachByHost(g)
	}
	return x
}

// engine returns the engine of an origin, made when new. Origins without any place are one nameless instance.
func (x *instances) engine(o *evidence.Origin) *engine {
	if o == nil {
		return nil
	}
	i := x.exact(o)
	in := &x.list[i]
	if o.Model != "" && in.model != o.Model {
		if in.models == 0 {
			in.model = o.Model
		} else {
			in.model = ""
		}
		in.models++
	}
	for e := range in.engines {
		if in.engines[e].rank == o.Engine {
			return &in.engines[e]
		}
	}
	in.engines = append(in.engines, engine{rank: o.Engine, series: map[string][]*evidence.Series{}})
	return &in.engines[len(in.engines)-1]
}

// exact finds or makes the instance with this namespace, pod and instance. A pod has one address at a time: under another it
// came back, and is the same to whoever knows it by its name. Two ports of a pod are two API servers.
func (x *instances) exact(o *evidence.Origin) int32 {
	name := o.Instance
	if o.Pod != "" {
		name = port(o.Instance)
	}
	key := "\x00" + o.Namespace + "\x00" + o.Pod + "\x00" + name
	i, ok := x.byAlias[key]
	if !ok {
		i = ordinal(len(x.list))
		x.list = append(x.list, instance{origin: o})
		x.byAlias[key] = i
	}
	for _, alias := range aliases(o) {
		if other, taken := x.byAlias[alias]; taken && other != i {
			x.byAlias[alias] = ambiguousAlias
		} else {
			x.byAlias[alias] = i
		}
	}
	return i
}

// aliases are the names under which other stores may know an instance: with the namespace first, since a pod's name is
// unique only there.
func aliases(o *evidence.Origin) []string {
	var out []string
	for _, name := range []string{o.Pod, o.Instance, vllm.Host(o.Instance)} {
		if name == "" {
			continue
		}
		if o.Namespace != "" {
			out = append(out, o.Namespace+"/"+name)
		}
		out = append(out, name)
	}
	return out
}

// find returns the instance that another store's origin names, or -1. Pods decide before instance names; a name that several
// instances share finds none.
func (x *instances) find(o *evidence.Origin) int32 {
	if o == nil {
		return -1
	}
	if i, ok := x.seen[o]; ok {
		return i
	}
	i := x.lookUp(o)
	x.seen[o] = i
	return i
}

func (x *instances) lookUp(o *evidence.Origin) int32 {
	for _, alias := range aliases(o) {
		i, ok := x.byAlias[alias]
		if !ok || i == ambiguousAlias {
			continue
		}
		if !contradicts(o, x.list[i].origin) {
			return i
		}
	}
	return -1
}

// contradicts reports whether two origins that share a name are two all the same: in two namespaces, in two pods, or behind
// two ports of one host.
func contradicts(a, b *evidence.Origin) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	if differ(a.Namespace, b.Namespace) || differ(a.Pod, b.Pod) {
		return true
	}
	return vllm.Host(a.Instance) == vllm.Host(b.Instance) && differ(port(a.Instance), port(b.Instance))
}

// attachByHost gives a GPU that names no pod to the instances of its host, when the host runs exactly one.
func (x *instances) attachByHost(g *evidence.Series) {
	h := vllm.Host(g.Origin.Instance)
	if h == "" {
		return
	}
	at := -1
	for i := range x.list {
		if vllm.Host(x.list[i].origin.Instance) == h {
			if at >= 0 {
				return
			}
			at = i
		}
	}
	if at >= 0 {
		x.list[at].gpus = append(x.list[at].gpus, g)
	}
}

// port is what vllm.Host cuts off, empty without one.
func port(instance string) string {
	_, after, _ := strings.Cut(instance, vllm.Host(instance))
	return strings.TrimPrefix(after, "]")
}

// identify settles instance, engine and model of every row.
func (j *joiner) identify() {
	j.instances = newInstances(j.in.Targets, j.in.Series)
	only := int32(-1)
	if len(j.instances.list) == 1 {
		only = 0
	}
	for i := range j.rows {
		r := &j.rows[i]
		place := j.instances.find(r.Origin)
		assumed := false
		if place < 0 && only >= 0 && !named(r.Origin) && (r.Span != nil || r.Signals&SignalLogs != 0) {
			place, assumed = only, true
		}
		r.place = place
		if place >= 0 {
			if in := &j.instances.list[place]; len(in.engines) == 1 {
				r.Engine = in.engines[0].rank
			}
		}
		if r.Origin != nil && r.Origin.Engine != "" {
			r.Engine = r.Origin.Engine
		}
		j.nameModel(r, place, assumed)
	}
	j.nameAdapters()
}

// nameAdapters corrects the rows that only a caller could name: a client asks for a LoRA adapter by the adapter's name.
// Which model an adapter belongs to is learned from the requests that reached an engine.
func (j *joiner) nameAdapters() {
	base := map[string]string{}
	for i := range j.rows {
		lora, r := j.events[i].lora.word, &j.rows[i]
		if lora == "" || r.Model == "" || r.ModelSource == ModelFromCaller {
			continue
		}
		if known, seen := base[lora]; seen && known != r.Model {
			base[lora] = "" // two models have an adapter of this name
		} else {
			base[lora] = r.Model
		}
	}
	for i := range j.rows {
		r := &j.rows[i]
		if r.ModelSource != ModelFromCaller {
			continue
		}
		if model := base[r.Model]; model != "" {
			r.LoRA, r.Model = r.Model, model
		}
	}
}

// named reports whether an origin says where it comes from at all. A random id does not: the OpenTelemetry SDK makes one up for
// a process whose operator set no service.instance.id.
func named(o *evidence.Origin) bool {
	return o != nil && (o.Pod != "" || o.Instance != "" && !random(o.Instance))
}

// random reports whether a name has the form of a UUID of version 4.
func random(name string) bool {
	return len(name) == 36 && name[8] == '-' && name[13] == '-' && name[14] == '4' && name[18] == '-' && name[23] == '-'
}

// nameModel asks, in this order: the span, its resource or stream, the metrics of the instance, the callers.
func (j *joiner) nameModel(r *Request, place int32, assumed bool) {
	switch {
	case r.Span != nil && r.Span.Model != "":
		r.Model, r.ModelSource = r.Span.Model, ModelFromSpan
	case r.Origin != nil && r.Origin.Model != "":
		r.Model, r.ModelSource = r.Origin.Model, ModelFromResource
	case r.Call != nil && r.Call.Model != "":
		r.Model, r.ModelSource = r.Call.Model, ModelFromCaller
	case r.Caller != nil && r.Caller.Model != "":
		r.Model, r.ModelSource = r.Caller.Model, ModelFromCaller
	case r.Root != nil && r.Root.Model != "":
		r.Model, r.ModelSource = r.Root.Model, ModelFromCaller
	}
	// The served name of the metrics is the one that all panels use; a caller may use an alias of it, or a LoRA name.
	if place >= 0 {
		served := j.instances.list[place].model
		if served != "" && (r.Model == "" || r.ModelSource == ModelFromCaller && r.Model != served) {
			r.Model, r.ModelSource = served, ModelFromInstance
			if assumed {
				r.ModelSource = ModelFromOnly
			}
		}
	}
	if r.Origin != nil && r.Origin.LoRA != "" {
		r.LoRA = r.Origin.LoRA
	}
}
