package events

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Event is one thing that happened to one engine or server.
type Event struct {
	Type Type
	Also []Type // what it is besides, such as a death for want of memory
	Time time.Time
	End  time.Time // of an event that lasted, when its end is known; else zero
	// Title says what happened in a few words, Text what the evidence tells beyond it. Both may quote what a log line holds.
	Title, Text string
	Origin      evidence.Origin // where; the engine only when it is known that no other is meant
}

// Types lists what the event is, the main one first.
func (e Event) Types() []Type { return append([]Type{e.Type}, e.Also...) }

// Severity is that of the worst of its types.
func (e Event) Severity() Severity {
	worst := Info
	for _, t := range e.Types() {
		if d, ok := Catalogue.Find(t); ok && slices.Index(Severities, d.Severity) < slices.Index(Severities, worst) {
			worst = d.Severity
		}
	}
	return worst
}

// overlaps reports whether any of the event lies in the window.
func (e Event) overlaps(w evidence.Window) bool {
	return w.Contains(e.Time) || !e.End.IsZero() && e.Time.Before(w.To) && !e.End.Before(w.From)
}

// Choose keeps the events of some types, in order of time. Of more than limit, it keeps the worst, and of equally bad ones the
// newest; dropped is how many it left out.
func Choose(all []Event, types []Type, limit int) (chosen []Event, dropped int) {
	for _, e := range all {
		if slices.ContainsFunc(e.Types(), func(t Type) bool { return slices.Contains(types, t) }) {
			chosen = append(chosen, e)
		}
	}
	if dropped = max(0, len(chosen)-limit); dropped > 0 {
		slices.SortStableFunc(chosen, func(a, b Event) int {
			return cmp.Or(
				cmp.Compare(slices.Index(Severities, a.Severity()), slices.Index(Severities, b.Severity())), b.Time.Compare(a.Time))
		})
		chosen = chosen[:limit]
	}
	slices.SortStableFunc(chosen, byTime)
	return chosen, dropped
}

func byTime(a, b Event) int {
	return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Origin.Instance, b.Origin.Instance),
		cmp.Compare(a.Origin.Pod, b.Origin.Pod), cmp.Compare(a.Origin.Engine, b.Origin.Engine), cmp.Compare(a.Title, b.Title))
}
