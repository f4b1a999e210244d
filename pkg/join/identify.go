package join

import (
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// identify settles instance, engine and model of every row.
func (j *joiner) identify() {
	j.instances = newInstances(j.in.Targets, j.in.Series)
	contested := j.contested()
	only := int32(-1)
	if len(j.instances.list) == 1 {
		only = 0
	}
	for i := range j.rows {
		r := &j.rows[i]
		found := j.instances.table.Find(r.Origin)
		place := found.At
		if r.undecided = len(found.Shared) > 0 || contested[place] || place >= 0 && j.untold(r.Origin, place); r.undecided {
			place = servers.None
		}
		assumed := false
		if place < 0 && only >= 0 && !r.undecided && !servers.Named(r.Origin) && (r.Span != nil || r.Signals&SignalLogs != 0) {
			place, assumed = only, true
		}
		r.place = place
		j.nameModel(r, place, assumed)
		if place >= 0 {
			r.Engine = j.instances.list[place].rankOf(r)
		}
		if r.Origin != nil && r.Origin.Engine != "" {
			r.Engine = r.Origin.Engine
		}
	}
	j.nameAdapters()
}

// nameAdapters corrects the rows that only a caller could name: a client asks for a LoRA adapter by the adapter's name, and for a
// model by whatever name its server or its router takes. Which model is meant is learned from the requests that reached an engine.
func (j *joiner) nameAdapters() {
	adapters, aliases := map[string]string{}, map[string]string{}
	learn := func(names map[string]string, name, model string) {
		if name == "" || name == model {
			return
		}
		if known, seen := names[name]; seen && known != model {
			names[name] = "" // two models go by this name
		} else {
			names[name] = model
		}
	}
	for i := range j.rows {
		r := &j.rows[i]
		if r.Model == "" || r.ModelSource == ModelFromCaller {
			continue
		}
		learn(adapters, j.events[i].lora.word, r.Model)
		if r.Call != nil && r.Span != nil && r.Call.Inference {
			learn(aliases, r.Call.Model, r.Model)
		}
	}
	for i := range j.rows {
		r := &j.rows[i]
		if r.ModelSource != ModelFromCaller {
			continue
		}
		if model, adapter := adapters[r.Model]; model != "" {
			r.LoRA, r.Model = r.Model, model
		} else if model := aliases[r.Model]; model != "" && !adapter {
			r.Model = model
		}
	}
}

// untold reports whether a row's server of the metrics may be that of another environment, cluster or namespace: the metrics name none,
// and the question left out the rows that would show it. A pod's name that Kubernetes made up is one pod's, wherever it is.
func (j *joiner) untold(o *evidence.Origin, at int32) bool {
	if len(j.in.Narrowed) == 0 || servers.Unmistakable(servers.NameOf(o).Pod) {
		return false
	}
	server := j.instances.list[at].origin
	return slices.ContainsFunc(j.in.Narrowed, func(place vllm.Place) bool {
		switch place {
		case vllm.Environment:
			return server.Environment == "" && o.Environment != ""
		case vllm.Cluster:
			return server.Cluster == "" && o.Cluster != ""
		}
		return server.Namespace == "" && o.Namespace != ""
	})
}

// contested are the servers that the rows place in several environments, clusters or namespaces, where the metrics name none: they
// may be of any of these.
func (j *joiner) contested() map[int32]bool {
	type side struct {
		server int32
		span   bool // lines may have other words for the same place
	}
	known := map[side][]servers.Name{}
	out := map[int32]bool{}
	seen := map[*evidence.Origin]bool{}
	for i := range j.rows {
		o := j.rows[i].Origin
		if o == nil || seen[o] {
			continue
		}
		seen[o] = true
		at := j.instances.table.Find(o).At
		if at == servers.None {
			continue
		}
		name, by := servers.NameOf(o), side{at, j.rows[i].Span != nil}
		out[at] = out[at] || slices.ContainsFunc(known[by], func(other servers.Name) bool { return servers.Apart(other, name) })
		known[by] = append(known[by], name)
	}
	return out
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
		served := j.instances.list[place].origin.Model
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
