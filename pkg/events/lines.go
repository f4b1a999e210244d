package events

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// general reports whether a line's words could be those of any program.
func general(l evidence.EngineLine) bool { return l.Event == vllm.EngineOutOfMemory || l.Anyones }

// fromLines reads events from lines in order of time.
func fromLines(lines []evidence.EngineLine) (events []Event) {
	ends := map[evidence.Origin]*end{}
	var order []*end
	last := map[lastKey]time.Time{}
	ready := map[evidence.Origin]time.Time{}
	for _, l := range once(lines) {
		place := server(l.Origin)
		switch l.Event {
		case vllm.EngineDied, vllm.EngineFoundDead, vllm.EngineKilled, vllm.EngineStartFailed, vllm.EngineOutOfMemory, vllm.EngineStuck, vllm.ServerStopping:
			e := ends[place]
			if e == nil || l.Time.Sub(e.from) > oneEnd {
				if l.Event == vllm.EngineFoundDead && e != nil && e.dead() && !ready[place].After(e.from) {
					continue // a request that came upon the engine that is known to be dead
				}
				e = &end{place: place, from: l.Time}
				ends[place], order = e, append(order, e)
			}
			e.lines = append(e.lines, l)
			continue
		}
		if l.Event == vllm.ServerReady {
			ready[place] = l.Time
		}
		e := single(l)
		key := lastKey{e.Type, e.Origin, l.LoRA}
		if before, ok := last[key]; ok && l.Time.Sub(before) <= oneEnd && repeats(l.Event) {
			continue
		}
		last[key] = l.Time
		events = append(events, e)
	}
	for _, e := range order {
		events = append(events, e.event())
	}
	slices.SortStableFunc(events, byTime)
	return events
}

type lastKey struct {
	t      Type
	origin evidence.Origin
	lora   string
}

// repeats reports whether several processes of a server write the same line about one event: each API server listens, and
// loads an adapter for itself.
func repeats(e vllm.EngineEvent) bool {
	return e == vllm.ServerReady || e == vllm.LoRALoaded || e == vllm.LoRARemoved
}

// single is the event of a line that tells all by itself.
func single(l evidence.EngineLine) Event {
	e := Event{Time: l.Time, Origin: server(l.Origin), Text: l.Text}
	switch l.Event {
	case vllm.ServerReady:
		e.Type, e.Title, e.Text = Ready, "Server ready", "The model is loaded, and the API server listens."
	case vllm.LoRALoaded:
		e.Type, e.Title = LoRALoad, "LoRA loaded: "+l.LoRA
	case vllm.LoRARemoved:
		e.Type, e.Title = LoRAUnload, "LoRA removed: "+l.LoRA
	case vllm.FellAsleep:
		e.Type, e.Title, e.Origin.Engine = Sleep, "Engine asleep", l.Rank
	case vllm.WokeUp:
		e.Type, e.Title, e.Origin.Engine = Wake, "Engine awake", l.Rank
	case vllm.Paused:
		e.Type, e.Title, e.Origin.Engine = Pause, "Engine paused", l.Rank
	case vllm.Resumed:
		e.Type, e.Title, e.Origin.Engine = Resume, "Engine resumed", l.Rank
	}
	return e
}

// end is one end of a server, or an exhaustion of memory that it may have survived: all lines about it.
type end struct {
	place evidence.Origin
	from  time.Time
	lines []evidence.EngineLine
}

// dead reports whether the engine ended.
func (e *end) dead() bool {
	return slices.ContainsFunc(e.lines, func(l evidence.EngineLine) bool {
		return l.Event == vllm.EngineDied || l.Event == vllm.EngineFoundDead || l.Event == vllm.EngineKilled
	})
}

// event says what the lines mean together. A server that was told to stop ends its engines, which some versions then report
// as deaths; one whose engine died stops by itself.
func (e *end) event() Event {
	out := Event{Time: e.from, Origin: e.place}
	first := func(kinds ...vllm.EngineEvent) (text string, ok bool) {
		for _, l := range e.lines {
			if slices.Contains(kinds, l.Event) {
				return l.Text, true
			}
		}
		return "", false
	}
	memory, noMemory := first(vllm.EngineOutOfMemory)
	killed, wasKilled := first(vllm.EngineKilled)
	died, isDead := first(vllm.EngineDied)
	if !isDead {
		died, isDead = first(vllm.EngineFoundDead)
	}
	stuck, isStuck := first(vllm.EngineStuck)
	failed, notStarted := first(vllm.EngineStartFailed)
	switch {
	case e.lines[0].Event == vllm.ServerStopping:
		out.Type, out.Title, out.Text = Shutdown, "Server told to stop", e.lines[0].Text
		return out
	case notStarted:
		out.Type, out.Title, out.Text = StartFailure, "Engine did not start", failed
	case isDead, wasKilled:
		out.Type, out.Title, out.Text = EngineDeath, "Engine died", died
	case isStuck:
		out.Type, out.Title, out.Text = EngineStuck, "Engine stuck", stuck
		if noMemory {
			out.Also = []Type{OutOfMemory}
		}
		return out
	default:
		out.Type, out.Title, out.Text = OutOfMemory, "Out of memory", memory
		return out
	}
	if isStuck {
		out.Also, out.Text = []Type{EngineStuck}, stuck
	}
	switch {
	case noMemory:
		out.Also, out.Text = append(out.Also, OutOfMemory), memory
		out.Title += ": out of memory"
	case wasKilled:
		out.Also, out.Text = append(out.Also, OutOfMemory), killed+" The system kills a process so when the host or the container has no memory left; its own log tells."
		out.Title += ": killed, probably out of host memory"
	}
	return out
}

// withEnds gives sleep and pause their end, where the event that ends them is known.
func withEnds(events []Event) []Event {
	slices.SortStableFunc(events, byTime)
	for i := range events {
		var ends Type
		switch events[i].Type {
		case Sleep:
			ends = Wake
		case Pause:
			ends = Resume
		default:
			continue
		}
		for _, later := range events[i+1:] {
			if !sameEngine(later.Origin, events[i].Origin) {
				continue
			}
			if later.Type == ends {
				events[i].End = later.Time
			}
			if later.Type == ends || later.Type == events[i].Type || later.Type == EngineDeath || later.Type == Restart {
				break
			}
		}
	}
	return events
}
