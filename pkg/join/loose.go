package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// settleLoose places lines that fitted several attempts while only lines were known: the spans now tell when each ended.
// Where time still does not decide, every attempt that the line fits is marked and none gets it.
func (j *joiner) settleLoose(attempts []attempt, loose []int32) {
	if len(loose) == 0 {
		return
	}
	s := newSettling(attempts)
	for _, i := range loose {
		e := &j.in.Events[i]
		if a, ok := s.nearest(e); ok {
			attempts[a].add(i, e)
			continue
		}
		j.linesUnmatched++
		s.mark(e)
	}
}

// settling finds attempts by the times at which they can have written a line.
type settling struct {
	attempts []attempt
	lanes    lanes
	lists    []settlingLane
}

// settlingLane holds the attempts of one instance. An attempt without a call has a beginning only.
type settlingLane struct {
	starts, ends timeline      // of attempts with a call
	begun        timeline      // beginnings of attempts without one
	longest      time.Duration // call
	// Those of starts and begun that are not marked yet: each is marked once, however many lines fit it.
	unmarkedStarts, unmarkedBegun timeline
}

func newSettling(attempts []attempt) *settling {
	s := &settling{attempts: attempts}
	for a := range attempts {
		s.lanes.add(ordinal(a), attempts[a].origin)
	}
	place := make([]int32, len(attempts))
	for _, items := range s.lanes.items {
		var called, uncalled []int32
		var l settlingLane
		for _, a := range items {
			if c := attempts[a].call; c != nil {
				called = append(called, a)
				l.longest = max(l.longest, c.end.Sub(c.start))
			} else {
				uncalled = append(uncalled, a)
			}
		}
		start := func(a int32) int64 { return attempts[a].call.start.UnixNano() }
		begun := func(a int32) int64 { return attempts[a].first.UnixNano() }
		l.starts, l.unmarkedStarts = newTimeline(called, start, place), newTimeline(called, start, place)
		l.ends = newTimeline(called, func(a int32) int64 { return attempts[a].call.end.UnixNano() }, place)
		l.begun, l.unmarkedBegun = newTimeline(uncalled, begun, place), newTimeline(uncalled, begun, place)
		s.lists = append(s.lists, l)
	}
	return s
}

// nearest gives the attempt that a line is nearest to, if that is decided.
func (s *settling) nearest(e *evidence.RequestEvent) (a int32, ok bool) {
	var near closest
	s.each(e, func(l *settlingLane) {
		seen := 0
		offer := func(a int32, _ time.Duration) step {
			d, ok := s.attempts[a].fits(e)
			if !ok {
				return goOn
			}
			near.offer(a, d)
			seen++
			// In the order of their distances the first two settle it; else only two that are as near as can be.
			return enoughIf(seen == 2 && (closes(e.Kind) || opening(e.Kind)) || near.found > 1 && near.second == 0)
		}
		t := e.UnixNano
		if closes(e.Kind) {
			l.ends.around(t, t-int64(AfterEnd), t+int64(l.longest+BeforeStart), offer)
		} else {
			l.starts.around(t, t-int64(l.longest+AfterEnd), t+int64(BeforeStart), offer)
		}
		seen = 0
		l.begun.around(t, 0, t, func(a int32, d time.Duration) step {
			if s.attempts[a].closed {
				return takeOut
			}
			return offer(a, d)
		})
	})
	return near.decided()
}

// mark marks every attempt that a line fits.
func (s *settling) mark(e *evidence.RequestEvent) {
	s.each(e, func(l *settlingLane) {
		mark := func(a int32, _ time.Duration) step {
			if _, ok := s.attempts[a].fits(e); !ok {
				return goOn
			}
			s.attempts[a].loose = true
			return takeOut
		}
		t := e.UnixNano
		l.unmarkedStarts.around(t, t-int64(l.longest+AfterEnd), t+int64(BeforeStart), mark)
		l.unmarkedBegun.around(t, 0, t, func(a int32, d time.Duration) step {
			if s.attempts[a].closed {
				return takeOut
			}
			return mark(a, d)
		})
	})
}

func (s *settling) each(e *evidence.RequestEvent, do func(*settlingLane)) {
	for i := range s.lists {
		if _, no := sameInstance(s.lanes.origins[i], e.Origin); !no {
			do(&s.lists[i])
		}
	}
}
