package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// side is one of the two sets of things to be paired.
type side struct {
	n      int
	at     func(int32) int64 // when it happened, Unix nanoseconds
	origin func(int32) *evidence.Origin
}

// pairing says what may be paired: things on instances that are not apart, within reach of each other, that fit.
type pairing struct {
	left, right side
	apart       func(left, right *evidence.Origin) bool
	reach       func(l int32) (from, to int64) // outside it nothing on the right fits
	fit         func(l, r int32) bool
	margin      time.Duration // by which the nearest must be nearer than the next; 0 = Decisive
}

// paired is the outcome. matched[l] is the right partner or -1. A rival could have had a partner that nobody else has, and
// got none because time does not decide.
type paired struct {
	matched                 []int32
	leftRivals, rightRivals []bool
}

// pair matches by distance in time, and only where time decides: a pair is taken when each is the other's nearest by a
// decisive margin.
func pair(p pairing) paired {
	p.margin = max(p.margin, Decisive)
	w := pairWork{pairing: p, paired: paired{
		matched: make([]int32, p.left.n), leftRivals: make([]bool, p.left.n), rightRivals: make([]bool, p.right.n),
	}}
	w.lefts, w.rights = timesByLane(p.left), timesByLane(p.right)
	for l := range w.matched {
		w.matched[l] = none
	}
	for again := true; again; {
		again = false
		for l := range ordinal(p.left.n) {
			if w.matched[l] != none {
				continue
			}
			if r, ok := w.nearestRight(l); ok && w.nearestLeft(r) == l {
				w.matched[l] = r
				w.lefts.take(l)
				w.rights.take(r)
				again = true
			}
		}
	}
	w.rivals()
	return w.paired
}

type pairWork struct {
	pairing
	paired
	lefts, rights sideTimes
}

// sideTimes are the things of one side that have no partner yet.
type sideTimes struct {
	lanes
	times       []timeline // by lane
	lane, place []int32    // of each thing
}

func timesByLane(s side) sideTimes {
	t := sideTimes{lane: make([]int32, s.n), place: make([]int32, s.n)}
	for i := range t.lane {
		t.lane[i] = t.add(ordinal(i), s.origin(ordinal(i)))
	}
	for _, items := range t.items {
		t.times = append(t.times, newTimeline(items, s.at, t.place))
	}
	return t
}

func (t *sideTimes) take(item int32) { t.times[t.lane[item]].take(t.place[item]) }

func (w *pairWork) nearestRight(l int32) (r int32, ok bool) {
	var near closest
	from, to := w.reach(l)
	for i := range w.rights.times {
		if w.apart(w.left.origin(l), w.rights.origins[i]) {
			continue
		}
		seen := 0
		w.rights.times[i].around(w.left.at(l), from, to, func(r int32, d time.Duration) step {
			if w.fit(l, r) {
				near.offer(r, d)
				seen++
			}
			return enoughIf(seen == 2)
		})
	}
	return near.decided(w.margin)
}

// nearestLeft looks no farther than it takes to know whether the nearest is decisive.
func (w *pairWork) nearestLeft(r int32) int32 {
	var near closest
	const forever = int64(1) << 62
	for i := range w.lefts.times {
		if w.apart(w.lefts.origins[i], w.right.origin(r)) {
			continue
		}
		seen := 0
		w.lefts.times[i].around(w.right.at(r), -forever, forever, func(l int32, d time.Duration) step {
			if from, to := w.reach(l); from <= w.right.at(r) && w.right.at(r) <= to && w.fit(l, r) {
				near.offer(l, d)
				seen++
			}
			return enoughIf(seen == 2 || near.found > 0 && d-near.best >= w.margin)
		})
	}
	if l, ok := near.decided(w.margin); ok {
		return l
	}
	return none
}

// rivals marks who could have had each other.
func (w *pairWork) rivals() {
	// First whether a left one has any rival, which needs the first one only; then, each once, who these are.
	for _, all := range []bool{false, true} {
		for l := range ordinal(w.left.n) {
			if w.matched[l] != none {
				continue
			}
			from, to := w.reach(l)
			for i := range w.rights.times {
				if w.apart(w.left.origin(l), w.rights.origins[i]) {
					continue
				}
				w.rights.times[i].around(w.left.at(l), from, to, func(r int32, _ time.Duration) step {
					switch {
					case !w.fit(l, r):
						return goOn
					case all:
						w.rightRivals[r] = true
						return takeOut
					default:
						w.leftRivals[l] = true
						return enough
					}
				})
			}
		}
	}
}
