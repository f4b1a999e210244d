package join

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

const (
	checkCallerClock = "caller_clock"
	// clockPairs is how many calls tell the difference of a service's clock at least.
	clockPairs = 10
	// clockSpread is how far half of them may lie from the middle one: calls wait in routers for different times.
	clockSpread = 500 * time.Millisecond
)

// callerClocks are by how much the clocks of services above the engines are behind the engines', where it is more than two clocks
// in step differ by. A call begins a moment before the engine does; of many calls, the middle one tells.
func (j *joiner) callerClocks() map[string]time.Duration {
	if j.clocksOfCallers != nil {
		return j.clocksOfCallers
	}
	offsets := map[string][]time.Duration{}
	for i := range j.in.Spans {
		s := &j.in.Spans[i]
		if c := s.Above; c != nil && s.ParentSpanID != "" && c.Service != "" {
			offsets[c.Service] = append(offsets[c.Service], s.Start.Sub(c.Start))
		}
	}
	j.clocksOfCallers = map[string]time.Duration{}
	for service, list := range offsets {
		slices.Sort(list)
		middle := list[len(list)/2]
		spread := list[len(list)*3/4] - list[len(list)/4]
		// A call that begins long before the engine may wait in a router; one that begins after it cannot.
		late := middle < -evidence.ClockNoise
		early := middle > clockSpread && spread < clockSpread && j.endsBefore(service)
		if len(list) >= clockPairs && (late || early) && spread < clockSpread {
			j.clocksOfCallers[service] = middle
		}
	}
	return j.clocksOfCallers
}

// inStep gives the call above a span that began before it by the clock of the engines, where the difference of the two clocks is known;
// nil for all others.
func (j *joiner) inStep(s *evidence.RequestSpan) *evidence.CallerSpan {
	if s.Above == nil {
		return nil
	}
	behind, known := j.callerClocks()[s.Above.Service]
	if !known || s.Above.Start.Add(behind-evidence.ClockNoise).After(s.Start) || s.Above.End().Add(behind).Before(s.Start) {
		return nil
	}
	return s.Above
}

// endsBefore reports whether most calls of a service that were long enough end before the engine did: then they did not wait, their
// clock is behind.
func (j *joiner) endsBefore(service string) bool {
	before, all := 0, 0
	for i := range j.in.Spans {
		s := &j.in.Spans[i]
		if c := s.Above; c != nil && c.Service == service && c.Duration >= s.E2E {
			all++
			if c.End().Before(s.End().Add(-evidence.ClockNoise)) {
				before++
			}
		}
	}
	return before*2 > all
}

// clockFindings names the services whose clocks differ.
func (j *joiner) clockFindings() []evidence.Finding {
	clocks := j.callerClocks()
	services := slices.Sorted(maps.Keys(clocks))
	if len(services) == 0 {
		return nil
	}
	worst := services[0]
	for _, s := range services {
		if clocks[s].Abs() > clocks[worst].Abs() {
			worst = s
		}
	}
	side := "ahead of"
	if clocks[worst] > 0 {
		side = "behind"
	}
	found := fmt.Sprintf("The clock of %s is %s %s the engines'", worst, seconds(clocks[worst].Abs()), side)
	if more := len(services) - 1; more > 0 {
		found += fmt.Sprintf(", and %d more services' clocks differ", more)
	}
	return []evidence.Finding{{
		Check: checkCallerClock, Value: -clocks[worst].Seconds(),
		Found: found + ": who called, and how long that took, is not told of their calls.",
		Fix:   "Keep the clocks of these hosts in step with the engines' (NTP).",
	}}
}
