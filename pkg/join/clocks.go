package join

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

const (
	// enoughPairs is how many unique ids must tell the same before a stream's times are read otherwise than they stand: one id may
	// have met a span that is another request's.
	enoughPairs = 3
	// unsteady is from which spread on a stream's lines are late by different times, so that taking off their median is not enough.
	unsteady = 500 * time.Millisecond
	// shiftStep is what a measured shift is rounded to, so that a row's time is the same in the next look.
	shiftStep = 100 * time.Millisecond
	// quarter is what zones of clocks differ by at least.
	quarter = 15 * time.Minute
	// ownClock is how exact a line's own clock is: it has whole seconds.
	ownClock = time.Second
)

// measured bounds over how many ids the clocks are measured; of more, every 16th is taken by what its line says.
const measured = 1 << 16

// measure notes how the lines of a unique id lie to its span. Beginnings are compared with the span's beginning; a stream that
// has only the last lines, such as stderr, by its end.
func (j *joiner) measure(s *evidence.RequestSpan, lines []int32) {
	var began *evidence.RequestEvent
	for _, i := range lines {
		e := &j.in.Events[i]
		if opening(e.Kind) {
			began = e
			break
		}
	}
	if began != nil {
		j.offset(began, s.Start.UnixNano())
	}
	for _, i := range lines {
		e := &j.in.Events[i]
		if closes(e.Kind) && (began == nil || e.Stream != began.Stream) {
			j.offset(e, s.End().UnixNano())
			break
		}
	}
	j.streams.meets(s.Origin, j.streams.of(&j.in.Events[lines[0]]))
}

func (j *joiner) offset(e *evidence.RequestEvent, span int64) {
	if j.sparing && e.Content&15 != 0 {
		return
	}
	s := j.streams.of(e)
	s.offsets = append(s.offsets, e.UnixNano-span)
	if e.Clock != 0 {
		s.told = append(s.told, int64(e.Clock)*int64(time.Second)+int64(ownClock/2)-span)
	}
}

// noteLateness notes how the store's time of an id's first line lies to the line's own clock.
func (j *joiner) noteLateness(e *evidence.RequestEvent) {
	s := j.streams.of(e)
	s.lines++
	if e.Clock == 0 {
		return
	}
	late := lateness(e)
	if !s.clocked {
		s.clocked, s.leastLate, s.mostLate = true, late, late
	}
	s.leastLate, s.mostLate = min(s.leastLate, late), max(s.mostLate, late)
	if !j.sparing || e.Content&15 == 0 {
		s.late = append(s.late, late)
	}
}

// lateness is the store's time of a line − the line's own clock, in seconds.
func lateness(e *evidence.RequestEvent) int64 { return e.UnixNano/int64(time.Second) - int64(e.Clock) }

// settleClocks decides how the times of each stream are read.
func (j *joiner) settleClocks() {
	var all []int64
	for _, s := range j.streams.list {
		all = append(all, s.offsets...)
	}
	common := j.byPairs(all, nil)
	for _, s := range j.streams.list {
		s.settled = j.byPairs(s.offsets, s.told)
		if !s.settled.known {
			s.settled = byOwnClock(s.late)
		}
		if !s.settled.known && common.spread <= unsteady {
			s.settled = common
			s.settled.pairs = 0
		}
		if len(s.late) > 0 && !s.settled.byTold {
			s.settled.late = s.usualLateness()
			s.settled.strays = s.mostLate-s.settled.late > strays || s.settled.late-s.leastLate > strays
		}
		j.shifted = j.shifted || s.settled.shift != 0 || s.settled.byTold || s.settled.strays
	}
}

// strays is from how many seconds on a line is dated otherwise than the others of its stream: one that was read again.
const strays = 5

// usualLateness is how the store's time of a line lies to the line's own clock, in seconds.
func (s *stream) usualLateness() int64 {
	if n := len(s.told); n >= enoughPairs {
		return int64((time.Duration(median(s.offsets)-median(s.told)) + ownClock/2).Round(time.Second) / time.Second)
	}
	return median(s.late)
}

// byPairs measures a stream's clock by the spans of unique ids: by enough of them, by two that tell the same, or by one that tells
// what earlier questions did.
func (j *joiner) byPairs(offsets, told []int64) clock {
	c := clock{margin: Decisive, pairs: len(offsets)}
	slices.Sort(offsets)
	switch n := len(offsets); {
	case n >= enoughPairs:
		c.known = true
	case n == 2:
		c.known = time.Duration(offsets[1]-offsets[0]) <= unsteady
	case n == 1:
		off := time.Duration(offsets[0])
		c.known = off >= j.in.LinesEarly && off <= j.in.LinesLate
	}
	if !c.known {
		return c
	}
	middle := time.Duration(median(offsets))
	c.spread = time.Duration(offsets[len(offsets)*9/10] - offsets[len(offsets)/10])
	c.shift = int64(worthShifting(middle))
	if c.spread <= unsteady {
		return c
	}
	if len(told)*10 >= len(offsets)*9 {
		c.byTold, c.margin = true, ownClock
		c.zone = int64(time.Duration(median(told)).Round(time.Second))
		return c
	}
	c.margin = min(c.spread, Apart)
	return c
}

// farthestZone is by how many seconds zones differ from UTC at most.
const farthestZone = 15 * 60 * 60

// byOwnClock measures a stream by the clock on its lines, whose zone is not known: quarters of an hour do not count.
func byOwnClock(late []int64) clock {
	c := clock{margin: Decisive, known: len(late) > 0}
	if !c.known {
		return c
	}
	slices.Sort(late)
	const seconds = int64(quarter / time.Second)
	middle := median(late)
	if middle > farthestZone || middle < -farthestZone { // no zone: lines that were copied from another day, or a clock that was never set
		return clock{margin: Decisive}
	}
	zone := (middle + seconds/2) / seconds
	if (middle+seconds/2)%seconds < 0 {
		zone--
	}
	zone *= seconds
	off := time.Duration(middle-zone)*time.Second - ownClock/2
	c.spread = time.Duration(late[len(late)*9/10]-late[len(late)/10]) * time.Second
	if off.Abs() > ownClock {
		c.shift = int64(worthShifting(off))
	}
	if c.spread > 2*ownClock {
		c.byTold, c.margin, c.zone = true, ownClock, -zone*int64(time.Second)
	}
	return c
}

// worthShifting is an offset that is more than the jitter of log shippers, rounded.
func worthShifting(off time.Duration) time.Duration {
	if off.Abs() <= Decisive {
		return 0
	}
	return off.Round(shiftStep)
}

// time is when a line was written by the clock of the spans, as far as that was measured, in Unix nanoseconds.
func (j *joiner) time(e *evidence.RequestEvent) int64 {
	if !j.shifted {
		return e.UnixNano
	}
	c := &j.streams.of(e).settled
	if c.byTold && e.Clock != 0 {
		return int64(e.Clock)*int64(time.Second) + int64(ownClock/2) - c.zone
	}
	if c.strays && e.Clock != 0 {
		off := lateness(e) - c.late
		zones := (max(off, -off) + 1) % int64(quarter/time.Second) // a clock that was set to another zone
		if max(off, -off) > strays && zones > 2 {
			return e.UnixNano - off*int64(time.Second) - c.shift
		}
	}
	return e.UnixNano - c.shift
}

// doubt is by how much the times of an id's lines may be wrong: distances below it decide nothing.
func (j *joiner) doubt(lines []int32) time.Duration {
	most := Decisive
	for _, i := range lines {
		most = max(most, j.streams.of(&j.in.Events[i]).settled.margin)
	}
	return most
}

// unmeasured reports whether nothing tells how the times of an id's lines lie to those of spans.
func (j *joiner) unmeasured(lines []int32) bool {
	return !slices.ContainsFunc(lines, func(i int32) bool { return j.streams.of(&j.in.Events[i]).settled.known })
}

// inTime orders lines by the store's time.
func (j *joiner) inTime(a, b int32) int { return eventOrder(&j.in.Events[a], &j.in.Events[b]) }
