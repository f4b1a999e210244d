package join

import (
	"cmp"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// instance is one API server as the metrics know it, with the series of its engines and of the GPUs around it.
type instance struct {
	origin  *evidence.Origin // its Model is "" when its metrics carry several
	engines []engine
	gpus    []*evidence.Series
	// unclear is set when series of its counters contradict each other: what it counted is not known.
	unclear bool
}

// within reports whether the metrics place an instance in a scope. Engines and services narrow rows, not instances: the
// counters are compared over all engines of an instance.
func (in *instance) within(s vllm.Scope) bool {
	allows := func(place vllm.Place, names ...string) bool {
		test := s.Test(place)
		return test == nil || slices.ContainsFunc(names, test)
	}
	o := in.origin
	return allows(vllm.Model, o.Model) && allows(vllm.Environment, o.Environment) && allows(vllm.Cluster, o.Cluster) &&
		allows(vllm.Namespace, o.Namespace) && allows(vllm.Pod, o.Pod) && allows(vllm.Instance, o.Instance, o.Pod)
}

// engine is one data-parallel rank, or one replica of those that share an address.
type engine struct {
	rank, model string
	replica     []string                              // values of the labels that tell it from others of the same rank; nil when none has to
	series      map[string][]*evidence.Series         // by canonical metric name; copies are left out
	merged      map[*evidence.Series]*evidence.Series // a series with the readings of its copies → the one that it was made of
	unclear     bool                                  // series of some metrics contradict each other, and are left out
}

// instances are the servers that the metrics know.
type instances struct {
	list  []instance
	table *servers.Table
	found servers.SeriesFound
}

// newInstances files targets and engine series under their instance.
func newInstances(targets []evidence.Target, series []evidence.Series) *instances {
	origins := make([]*evidence.Origin, 0, len(targets)+len(series))
	for i := range targets {
		origins = append(origins, &targets[i].Origin)
	}
	var gpus []*evidence.Series
	for i := range series {
		if s := &series[i]; isGPU(s.Metric) {
			gpus = append(gpus, s)
		} else {
			origins = append(origins, s.Origin)
		}
	}
	x := &instances{table: servers.NewTable(origins)}
	x.list = make([]instance, len(x.table.Servers))
	for i := range x.list {
		x.list[i].origin = &x.table.Servers[i].Origin
	}
	for i := range targets {
		x.engine(&targets[i].Origin)
	}
	for i := range series {
		if s := &series[i]; !isGPU(s.Metric) && s.Origin != nil {
			e := x.engine(s.Origin)
			e.series[s.Metric] = append(e.series[s.Metric], s)
		}
	}
	for i := range x.list {
		x.settleEngines(&x.list[i])
	}
	for _, g := range servers.OnlyOnce(gpus) { // after the engines: a GPU belongs to an instance that is known
		if i := x.table.Find(g.Origin).At; i != servers.None {
			x.list[i].gpus = append(x.list[i].gpus, g)
			continue
		}
		x.attachByHost(g)
	}
	return x
}

// engine returns the engine of an origin of the metrics, made when new.
func (x *instances) engine(o *evidence.Origin) *engine {
	in := &x.list[x.table.Of(o)]
	for e := range in.engines {
		if k := &in.engines[e]; k.rank == o.Engine && (k.model == o.Model || k.model == "" || o.Model == "") {
			if k.model == "" {
				k.model = o.Model
			}
			return k
		}
	}
	in.engines = append(in.engines, engine{rank: o.Engine, model: o.Model, series: map[string][]*evidence.Series{}})
	return &in.engines[len(in.engines)-1]
}

// settleEngines leaves each engine of an instance one series of each metric at any time.
func (x *instances) settleEngines(in *instance) {
	var out []engine
	for i := range in.engines {
		e := &in.engines[i]
		settled := servers.Settle(e.series)
		x.found.Note(cmp.Or(in.origin.Instance, in.origin.Pod), settled)
		for _, s := range settled {
			out = append(out, engine{rank: e.rank, model: e.model, replica: s.Replica, series: s.Series, merged: s.Merged, unclear: len(s.Unclear) > 0})
			in.unclear = in.unclear || slices.Contains(s.Unclear, vllm.RequestSuccess)
		}
	}
	in.engines = out
}

// attachByHost gives a GPU that names no pod to the instance of its host, when the host runs exactly one.
func (x *instances) attachByHost(g *evidence.Series) {
	if on := x.table.OnHost(servers.NameOf(g.Origin).Host); len(on) == 1 {
		x.list[on[0]].gpus = append(x.list[on[0]].gpus, g)
	}
}

// engineOf gives the engine of an instance that a row means, or -1. undecided says that several are left which nothing on the row
// tells apart, though they have one rank.
func (in *instance) engineOf(r *Request) (at int32, undecided bool) {
	at = -1
	if len(in.engines) == 1 {
		if r.Engine == in.engines[0].rank {
			return 0, in.engines[0].unclear
		}
		return -1, false
	}
	several := in.origin.Model == "" && r.Model != ""
	for e := range in.engines {
		k := &in.engines[e]
		if k.rank != r.Engine || several && k.model != "" && k.model != r.Model || !k.may(r.Origin, in.engines) {
			continue
		}
		if at >= 0 {
			return -1, true
		}
		at, undecided = ordinal(e), k.unclear
	}
	return at, undecided
}

// may reports whether a row's origin may mean this replica: it names none, or this one.
func (e *engine) may(o *evidence.Origin, all []engine) bool {
	if o == nil || e.replica == nil {
		return true
	}
	names := func(k *engine) bool {
		return slices.ContainsFunc(k.replica, func(v string) bool { return v != "" && (v == o.Instance || v == o.Pod) })
	}
	return names(e) || !slices.ContainsFunc(all, func(k engine) bool { return names(&k) })
}

// rankOf is the data-parallel rank that all engines of an instance have which a row may mean; "" when they have several.
func (in *instance) rankOf(r *Request) string {
	rank, found := "", false
	several := in.origin.Model == "" && r.Model != ""
	for e := range in.engines {
		k := &in.engines[e]
		if several && k.model != "" && k.model != r.Model {
			continue
		}
		if found && k.rank != rank {
			return ""
		}
		rank, found = k.rank, true
	}
	return rank
}

func isGPU(metric string) bool {
	return metric == vllm.GPUUtilization || metric == vllm.GPUMemoryUsed || metric == vllm.GPUPower
}
