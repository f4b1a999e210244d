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
	places := newPlaces(in.Targets)
	var all []Event
	all = append(all, restarts(in.Changes)...)
	all = append(all, storms(in.Changes)...)
	all = append(all, fromLines(places.lines(in.Lines))...)
	all = append(all, sleeps(in.Changes, all)...)
	all = withEnds(all)
	var result Result
	for _, e := range all {
		places.complete(&e.Origin)
		switch {
		case !e.overlaps(in.Window):
		case len(in.Scope.Models) > 0 && e.Origin.Model == "":
			result.Unplaced++
		case within(e.Origin, in.Scope):
			result.Events = append(result.Events, e)
		}
	}
	slices.SortStableFunc(result.Events, byTime)
	return result
}

// within reports whether a place is in a scope. What happened to a whole server happened to each of its engines.
func within(o evidence.Origin, s vllm.Scope) bool {
	allows := func(values []string, have string) bool { return len(values) == 0 || slices.Contains(values, have) }
	return allows(s.Models, o.Model) && allows(s.Environments, o.Environment) && allows(s.Namespaces, o.Namespace) &&
		allows(s.Pods, o.Pod) && (allows(s.Instances, o.Instance) || slices.Contains(s.Instances, o.Pod)) &&
		(o.Engine == "" || allows(s.Engines, o.Engine))
}
