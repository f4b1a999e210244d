package events

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// restarts reads new processes from their start times, and where there are none from counters that fell. A pod that comes back
// under its name is the same server, whatever its address.
func restarts(c evidence.EngineChanges, known *servers.Table) (events []Event) {
	for _, processes := range startsByServer(c.Starts, known) {
		known := 0.0
		for _, p := range processes {
			started, sample := p.Value, p.Sample
			if started <= known { // the same process again, after a gap; or an older one behind the same name
				continue
			}
			seen := time.UnixMilli(sample.UnixMilli).UTC()
			at := earlier(unixSeconds(started), seen) // a clock that is ahead does not move an event past its evidence
			answered := "Metrics were there " + span(seen.Sub(at)-c.Step) + " to " + span(seen.Sub(at)) + " later."
			switch {
			case known > 0:
				events = append(events, Event{Type: Restart, Time: at, Title: "Server restarted", Origin: server(p.origin),
					Text: "A new process began. " + answered})
			default: // began before the window: outside of it, and left out for that
				events = append(events, Event{Type: Start, Time: at, Title: "Server started", Origin: server(p.origin),
					Text: "The first process that is known under this name began. " + answered})
			}
			known = started
		}
	}
	seen := map[evidence.Origin]time.Time{}
	for _, s := range append(slices.Clone(c.Resets), cameBack(c.Returns, known)...) {
		for _, sample := range s.Samples {
			at, place := time.UnixMilli(sample.UnixMilli).UTC(), server(s.Origin)
			if last, ok := seen[place]; ok && at.Sub(last) <= max(c.Step, oneEnd) {
				continue // further engines of the same server
			}
			seen[place] = at
			events = append(events, Event{Type: Restart, Time: at, Title: "Server restarted", Origin: place,
				Text: "Its counters began at zero again, up to " + span(c.Step) + " before; several API servers expose no start time."})
		}
	}
	return events
}

// cameBack are those pods under new addresses whose server had another address before: a second server in a pod has a port of its
// own, and is none of these.
func cameBack(returns []evidence.Series, known *servers.Table) (out []evidence.Series) {
	for _, s := range returns {
		if at := known.Of(s.Origin); at != servers.None && slices.ContainsFunc(known.Servers[at].Places, func(p evidence.Origin) bool {
			return p.Instance != "" && p.Instance != s.Origin.Instance
		}) {
			out = append(out, s)
		}
	}
	return out
}

// process is one start time of a server.
type process struct {
	evidence.Sample
	origin *evidence.Origin
}

// startsByServer brings together the start times that were seen of each server, in the order in which they were.
func startsByServer(starts []evidence.Series, known *servers.Table) (out [][]process) {
	at := map[int32]int{}
	for _, s := range starts {
		server := known.Of(s.Origin)
		i, ok := at[server]
		if !ok {
			i = len(out)
			at[server], out = i, append(out, nil)
		}
		for _, sample := range s.Samples {
			out[i] = append(out[i], process{sample, s.Origin})
		}
	}
	for _, processes := range out {
		slices.SortStableFunc(processes, func(a, b process) int {
			return cmp.Or(cmp.Compare(a.UnixMilli, b.UnixMilli), cmp.Compare(a.Value, b.Value))
		})
	}
	return out
}

// storms joins the times at which an engine preempted too much. A storm lasts from the beginning of the first such time to
// the end of the last.
func storms(c evidence.EngineChanges, known *servers.Table) (events []Event) {
	for _, s := range byEngine(c.Preempting, known) {
		var storm *Event
		var worst float64
		for _, sample := range s.Samples {
			end := time.UnixMilli(sample.UnixMilli).UTC()
			begin := end.Add(-c.PreemptingOver)
			if storm == nil || begin.After(storm.End) {
				events = append(events, Event{Type: PreemptionStorm, Time: begin, Title: "Preemption storm", Origin: *s.Origin})
				storm, worst = &events[len(events)-1], 0
			}
			worst = max(worst, sample.Value)
			storm.End = end
			storm.Text = fmt.Sprintf("Up to %d preemptions a minute, taken over %s; from %d on it is a storm. The KV cache is too small for what is admitted.",
				int(math.Round(worst*60)), span(c.PreemptingOver), int(StormPerSecond*60))
		}
	}
	return events
}

// byEngine brings together the series of each engine: two scrape jobs of one target tell of one storm.
func byEngine(series []evidence.Series, known *servers.Table) (out []evidence.Series) {
	type engine struct {
		server int32
		rank   string
	}
	at := map[engine]int{}
	for _, s := range series {
		key := engine{known.Of(s.Origin), s.Origin.Engine}
		i, ok := at[key]
		if !ok {
			at[key], out = len(out), append(out, s)
			continue
		}
		out[i].Samples = slices.Concat(out[i].Samples, s.Samples)
		slices.SortStableFunc(out[i].Samples, func(a, b evidence.Sample) int { return cmp.Compare(a.UnixMilli, b.UnixMilli) })
	}
	return out
}

// sleeps reads sleep and waking from the metric, where no line told of them before.
func sleeps(c evidence.EngineChanges, told []Event) (events []Event) {
	for _, s := range c.Sleep {
		level := 0.0
		for _, sample := range s.Samples {
			e := Event{Time: time.UnixMilli(sample.UnixMilli).UTC(), Origin: *s.Origin}
			switch {
			case sample.Value > 0 && level == 0:
				e.Type, e.Title = Sleep, "Engine asleep"
				e.Text = fmt.Sprintf("Sleep level %.0f. Seen in the metrics, up to %s after it began.", sample.Value, span(c.Step))
			case sample.Value == 0 && level > 0:
				e.Type, e.Title = Wake, "Engine awake"
				e.Text = fmt.Sprintf("Seen in the metrics, up to %s after it began.", span(c.Step))
			}
			level = sample.Value
			if e.Type != "" && !toldBefore(e, told, c.Step) {
				events = append(events, e)
			}
		}
	}
	return events
}

// toldBefore reports whether a line told of the same within what a metric may lag behind.
func toldBefore(e Event, told []Event, step time.Duration) bool {
	for _, other := range told {
		behind := e.Time.Sub(other.Time)
		if other.Type == e.Type && behind >= -sameMoment && behind <= step+sameMoment && sameEngine(other.Origin, e.Origin) {
			return true
		}
	}
	return false
}

// sameEngine reports whether what happened at two places may have happened to one engine. What happens to a server happens to
// each of its engines; a host alone may be any of its servers.
func sameEngine(a, b evidence.Origin) bool {
	if a.Engine != "" && b.Engine != "" && a.Engine != b.Engine {
		return false
	}
	if servers.Compare(&a, &b) == servers.Same {
		return true
	}
	return a.Pod == b.Pod && a.Instance == b.Instance && servers.Compare(&a, &b) != servers.Other
}

// server is a place without the engine.
func server(o *evidence.Origin) evidence.Origin {
	place := *o
	place.Engine = ""
	return place
}

func unixSeconds(s float64) time.Time {
	whole, fraction := math.Modf(s)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// span writes a duration in whole seconds, as 1m5s.
func span(d time.Duration) string { return max(d, 0).Round(time.Second).String() }
