package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// settleLoose places lines that fitted several attempts while only lines were known: the spans now tell when each ended.
// Where time still does not decide, every attempt that the line fits is marked and none gets it.
func (j *joiner) settleLoose(attempts []attempt, loose []int32, margin time.Duration) {
	if len(loose) == 0 {
		return
	}
	s := newSettling(j, attempts, margin)
	for _, i := range loose {
		e := &j.in.Events[i]
		if a, ok := s.nearest(e); ok {
			attempts[a].add(i, e, j.at(e))
			continue
		}
		j.linesUnmatched++
		s.mark(e)
	}
}

// settling finds attempts by the times at which they can have written a line.
type settling struct {
	*joiner
	margin   time.Duration // by which the nearest must be nearer than the next
	slack    time.Duration // that times may be wrong beyond the jitter of shippers
	attempts []attempt
	lanes    lanes
	lists    []settlingLane
}

// settlingLane holds the attempts of one instance. An attempt without a call has a beginning only.
type settlingLane struct {
	starts, ends timeline      // of attempts with a call
	begun        timeline      // beginnings of attempts without one
	longest      time.Duration // call
	// Those of starts and begun that are not marked yet, by any line and by one that tells of a failure: each is marked once,
	// however many lines fit it.
	unmarkedStarts, unmarkedBegun [2]timeline
}

func newSettling(j *joiner, attempts []attempt, margin time.Duration) *settling {
	s := &settling{joiner: j, attempts: attempts, margin: margin, slack: beyondJitter(margin)}
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
		l.starts = newTimeline(called, start, place)
		l.ends = newTimeline(called, func(a int32) int64 { return attempts[a].call.end.UnixNano() }, place)
		l.begun = newTimeline(uncalled, begun, place)
		for i := range l.unmarkedBegun {
			l.unmarkedStarts[i], l.unmarkedBegun[i] = newTimeline(called, start, place), newTimeline(uncalled, begun, place)
		}
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
			d, ok := s.attempts[a].fits(e, s.at(e), s.slack)
			if !ok {
				return goOn
			}
			near.offer(a, d)
			seen++
			// In the order of their distances the first two settle it; else only two that are as near as can be.
			return enoughIf(seen == 2 && (closes(e.Kind) || opening(e.Kind)) || near.found > 1 && near.second == 0)
		}
		t := s.time(e)
		if closes(e.Kind) {
			l.ends.around(t, t-int64(AfterEnd+s.slack), t+int64(l.longest+BeforeStart+s.slack), offer)
		} else {
			l.starts.around(t, t-int64(l.longest+AfterEnd+s.slack), t+int64(BeforeStart+s.slack), offer)
		}
		seen = 0
		l.begun.around(t, 0, t, func(a int32, d time.Duration) step {
			if s.attempts[a].overBy(s.at(e)) {
				return takeOut
			}
			return offer(a, d)
		})
	})
	return near.decided(s.margin)
}

// mark marks every attempt that a line fits.
func (s *settling) mark(e *evidence.RequestEvent) {
	kind := 0
	if fails(e) {
		kind = 1
	}
	s.each(e, func(l *settlingLane) {
		mark := func(a int32, _ time.Duration) step {
			if _, ok := s.attempts[a].fits(e, s.at(e), s.slack); !ok {
				return goOn
			}
			s.attempts[a].loose = true
			s.attempts[a].doubtful = s.attempts[a].doubtful || fails(e)
			return takeOut
		}
		t := s.time(e)
		l.unmarkedStarts[kind].around(t, t-int64(l.longest+AfterEnd+s.slack), t+int64(BeforeStart+s.slack), mark)
		l.unmarkedBegun[kind].around(t, 0, t, func(a int32, d time.Duration) step {
			if s.attempts[a].overBy(s.at(e)) {
				return takeOut
			}
			return mark(a, d)
		})
	})
}

func (s *settling) each(e *evidence.RequestEvent, do func(*settlingLane)) {
	for i := range s.lists {
		if _, no := s.same(s.lanes.origins[i], s.streams.home(e)); !no {
			do(&s.lists[i])
		}
	}
}

// overBy reports whether an attempt was closed so long ago that no line is its any more.
func (a *attempt) overBy(t time.Time) bool { return a.closed && t.Sub(a.closedAt) > afterClosing }
