package join

import "strings"

// OtherModels is the one group of requests whose model only a client names.
const OtherModels = "other"

// Known are the models that engines and settings name. A client writes any text as the model into its span; what becomes a label of
// an alert rule, or a line of a board, is one of these names. The zero value takes every name as it stands.
type Known struct {
	models map[string]bool
	other  string // OtherModels, or longer where an engine serves a model of that name
}

// Known collects the names: those of the metrics, of the engines' spans and their resources, and of the streams of their lines; the
// aliases of the settings, and the models that the settings give limits to by their whole names.
func (j Joined) Known() Known {
	k := Known{models: map[string]bool{}, other: OtherModels}
	for i := range j.in.Targets {
		k.models[j.in.Targets[i].Origin.Model] = true
	}
	for i := range j.in.Series {
		if o := j.in.Series[i].Origin; o != nil {
			k.models[o.Model] = true
		}
	}
	for i := range j.Rows {
		if r := &j.Rows[i]; r.ModelSource != ModelFromCaller {
			k.models[r.Model] = true
		}
	}
	for _, alias := range j.in.ModelAliases {
		k.models[alias] = true
	}
	for _, o := range j.in.SLO {
		if !strings.Contains(o.Model, "*") {
			k.models[o.Model] = true
		}
	}
	delete(k.models, "")
	for k.models[k.other] {
		k.other = "(" + k.other + ")"
	}
	return k
}

// Of gives the model that a row is counted under: its own where engines or settings know it, else OtherModels.
//
// ours is false of a request that no engine saw, and of which only a client says for which model it was: it is no request of any model
// that is served, and held to no limits. Where no model is known at all, nothing tells those apart.
func (k Known) Of(r *Request) (model string, ours bool) {
	seen := r.Span != nil || r.Signals&SignalLogs != 0
	if k.models == nil || r.Model != "" && r.ModelSource != ModelFromCaller || r.Model == "" && seen {
		return r.Model, true
	}
	if k.models[r.Model] {
		return r.Model, true
	}
	if name, ok := servedAs(r.Model, k.models); ok {
		return name, true
	}
	return k.other, seen || len(k.models) == 0
}

// Folded reports whether a row is counted under another name than its own.
func (k Known) Folded(r *Request) bool {
	model, _ := k.Of(r)
	return k.models != nil && model == k.other && r.Model != model
}

// servedAs takes off what a router puts before the name of a model; false when the rest is no name that is known.
func servedAs(model string, names map[string]bool) (string, bool) {
	for _, prefix := range providerPrefixes {
		if name, cut := strings.CutPrefix(model, prefix); cut && names[name] {
			return name, true
		}
	}
	return "", false
}
