package events

import (
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Input is what the stores said about a window.
type Input struct {
	Window  evidence.Window
	Scope   vllm.Scope
	Targets []evidence.Target // the engines that the metrics know
	Changes evidence.EngineChanges
	Lines   []evidence.EngineLine // in order of time
	Stores  []evidence.StoreReport
}

// Result is what happened in the window, in order of time.
type Result struct {
	Events []Event
	// Unplaced is how many events were left out because no store tells whose model they are, and some models were asked for.
	Unplaced int
}

// Derive finds the events. Each thing that happened is one event, however many lines and metrics tell of it.
func Derive(in Input) Result {
	known := serversOf(in.Targets, in.Changes)
	var all []Event
	all = append(all, restarts(in.Changes, known)...)
	all = append(all, storms(in.Changes, known)...)
	all = append(all, fromLines(placed(in.Lines, known))...)
	all = append(all, sleeps(in.Changes, all)...)
	all = withEnds(all)
	var result Result
	for _, e := range all {
		known.Complete(&e.Origin)
		switch {
		case !e.overlaps(in.Window):
		case in.Scope.Narrows(vllm.Model) && e.Origin.Model == "":
			result.Unplaced++
		case within(e.Origin, known.Names(&e.Origin), in.Scope):
			result.Events = append(result.Events, e)
		}
	}
	slices.SortStableFunc(result.Events, byTime)
	return result
}

// within reports whether a place is in a scope; names are all that its server is called. What happened to a whole server happened
// to each of its engines.
func within(o evidence.Origin, names []string, s vllm.Scope) bool {
	allows := func(place vllm.Place, names ...string) bool {
		test := s.Test(place)
		return test == nil || slices.ContainsFunc(names, test)
	}
	return allows(vllm.Model, o.Model) && allows(vllm.Environment, o.Environment) && allows(vllm.Cluster, o.Cluster) && allows(vllm.Namespace, o.Namespace) &&
		allows(vllm.Pod, names...) && allows(vllm.Instance, names...) &&
		(o.Engine == "" || allows(vllm.Engine, o.Engine)) && (o.Service == "" || allows(vllm.Service, o.Service))
}
