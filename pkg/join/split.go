package join

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// split cuts the lines of one id into attempts, instance by instance, in the order of time. loose are the lines that fit
// several attempts as long as nobody knows when these ended.
func (j *joiner) split(u *unsettled) (out []attempt, loose []int32) {
	s := splitter{joiner: j, id: u.id, named: map[string][]int32{}}
	slices.SortStableFunc(u.lines, func(a, b int32) int { // within a second of a line's own clock the store's order counts
		return cmp.Compare(j.time(&j.in.Events[a]), j.time(&j.in.Events[b]))
	})
	for _, i := range u.lines {
		e := &j.in.Events[i]
		a := s.attemptFor(e)
		if a == undecided {
			loose = append(loose, i)
			continue
		}
		if a == opens {
			a = s.open(e)
		}
		s.add(a, i, e)
	}
	return s.attempts, loose
}

// at is when a line was written by the clock of the spans, as far as that was measured.
func (j *joiner) at(e *evidence.RequestEvent) time.Time { return time.Unix(0, j.time(e)).UTC() }

// What attemptFor answers besides an index.
const (
	opens     = int32(-1) // the line opens a new attempt
	undecided = int32(-2) // it fits several open attempts
)

// splitter holds the attempts at one id while its lines are read in the order of time. Each lane lists its attempts by what
// a line can mean, so that no line has to go through all of them.
type splitter struct {
	*joiner
	id       string // external, "" when only ids of the engine's own are known
	attempts []attempt
	lanes    lanes
	lists    []laneLists
	named    map[string][]int32 // by the engine's id
}

// laneLists are attempts on one instance, the oldest first. What does not belong to a list any more leaves it when it is met.
type laneLists struct {
	running queue // not closed
	unnamed queue // running, and the engine's id is not known yet
	leaving queue // running, and aborted in the engine: in the order of that
	newest  int32
}

// open begins an attempt with a line.
func (s *splitter) open(e *evidence.RequestEvent) int32 {
	a := ordinal(len(s.attempts))
	origin := s.streams.home(e)
	s.attempts = append(s.attempts, attempt{first: s.at(e), origin: origin, late: !opening(e.Kind)})
	lane := s.lanes.add(a, origin)
	if int(lane) == len(s.lists) {
		s.lists = append(s.lists, laneLists{})
	}
	l := &s.lists[lane]
	l.running, l.unnamed, l.newest = append(l.running, a), append(l.unnamed, a), a
	s.attempts[a].lane = lane
	return a
}

// add gives an attempt one more line.
func (s *splitter) add(a, event int32, e *evidence.RequestEvent) {
	at := &s.attempts[a]
	before := at.internal
	at.add(event, e, s.at(e))
	if before == "" && at.internal != "" {
		s.named[at.internal] = append(s.named[at.internal], a)
	}
	if s.isLeaving(a) && e.Kind == vllm.LogAborted {
		s.lists[at.lane].leaving = append(s.lists[at.lane].leaving, a)
	}
}

func (s *splitter) isRunning(a int32) bool { return !s.attempts[a].closed }
func (s *splitter) isUnnamed(a int32) bool {
	return !s.attempts[a].closed && s.attempts[a].internal == ""
}
func (s *splitter) isLeaving(a int32) bool { return !s.attempts[a].closed && s.attempts[a].aborted }

// attemptFor finds the attempt that a line belongs to.
func (s *splitter) attemptFor(e *evidence.RequestEvent) int32 {
	internal := vllm.ExternalFromChild(e.ID)
	own := suffixed(e, s.id) // up to 0.13 all attempts share the engine's id
	if own {
		for _, a := range s.named[internal] {
			if _, no := s.same(s.attempts[a].origin, s.streams.home(e)); !no {
				return a // the random suffix names the attempt; children of one request share it
			}
		}
	} else if e.Form != vllm.IDInternal && e.Kind == vllm.LogAborted {
		if a := s.lastToLeave(e); a != none {
			return a // "Request <ext> aborted." follows "Aborted request(s) <int>." directly
		}
	}
	if e.Kind == vllm.LogReceived {
		return opens
	}
	list, belongs := func(l *laneLists) *queue { return &l.running }, s.isRunning
	if own { // where the id is known it is another's
		list, belongs = func(l *laneLists) *queue { return &l.unnamed }, s.isUnnamed
	}
	fitting := s.oldest(e, list, belongs)
	switch {
	case len(fitting) == 1:
		return s.only(e, own, fitting[0])
	case len(fitting) > 1 && e.Kind == vllm.LogAdded:
		return s.addedTo(e)
	case len(fitting) > 1:
		return undecided
	case e.Form == vllm.IDInternal:
		return opens // no attempt waits for an engine's id: the Received line was lost
	default:
		return s.newest(e) // n>1 writes several Generated lines after the first closed the attempt
	}
}

const (
	// addedWithin is how long after its Received line a request is handed to the engine at most: the prompt is read in between.
	addedWithin = 5 * time.Second
	// afterClosing is how long after the line that closed an attempt others of it may follow: the traceback of what went wrong, and
	// the answers of its further sequences, which are written at once.
	afterClosing = time.Second
)

// only settles whether a line belongs to the only attempt that is not closed, which may have ended long ago without a word: then
// lines of a later one must not be taken for its.
func (s *splitter) only(e *evidence.RequestEvent, own bool, a int32) int32 {
	if e.Kind == vllm.LogAdded && s.at(e).Sub(s.attempts[a].first) > addedWithin {
		return opens
	}
	newest := s.newest(e)
	if own || newest <= a {
		return a
	}
	if s.attempts[newest].followedBy(e, s.at(e)) {
		return newest
	}
	return undecided
}

// followedBy reports whether a line goes with the one that closed an attempt.
func (a *attempt) followedBy(e *evidence.RequestEvent, t time.Time) bool {
	later := t.Sub(a.closedAt)
	return perSequence(e.Kind) && later < Decisive || fails(e) && a.failed && later <= afterClosing
}

// oldest gives the two oldest attempts of a list on the instances that a line may be from.
func (s *splitter) oldest(e *evidence.RequestEvent, list func(*laneLists) *queue, belongs func(int32) bool) []int32 {
	var found []int32
	s.each(e, func(l *laneLists) { found = append(found, list(l).oldest(belongs)...) })
	slices.Sort(found) // attempts are numbered in the order of time
	return found[:min(2, len(found))]
}

// lastToLeave gives the attempt that was the last to be aborted in the engine, or none.
func (s *splitter) lastToLeave(e *evidence.RequestEvent) int32 {
	last := none
	s.each(e, func(l *laneLists) {
		for _, a := range l.leaving.latest(s.isLeaving) {
			if last == none || s.attempts[a].lastAbort.After(s.attempts[last].lastAbort) {
				last = a
			}
		}
	})
	return last
}

// addedTo finds the attempt that an Added line belongs to among those that wait for one: it follows its Received line within
// milliseconds, so the latest is meant unless another came at about the same time.
func (s *splitter) addedTo(e *evidence.RequestEvent) int32 {
	var near closest
	s.each(e, func(l *laneLists) {
		for _, a := range l.unnamed.latest(s.isUnnamed) {
			near.offer(a, s.at(e).Sub(s.attempts[a].first))
		}
	})
	if a, ok := near.decided(Decisive); ok {
		return a
	}
	return undecided
}

// newest gives the newest attempt on the instances that a line may be from, or opens.
func (s *splitter) newest(e *evidence.RequestEvent) int32 {
	newest := opens
	s.each(e, func(l *laneLists) { newest = max(newest, l.newest) })
	return newest
}

func (s *splitter) each(e *evidence.RequestEvent, do func(*laneLists)) {
	for i := range s.lists {
		if _, no := s.same(s.lanes.origins[i], s.streams.home(e)); !no {
			do(&s.lists[i])
		}
	}
}

// queue lists attempts, the oldest first.
type queue []int32

// oldest gives the first two that still belong to the queue, and drops what does not before them.
func (q *queue) oldest(belongs func(int32) bool) []int32 {
	kept, i := make([]int32, 0, 2), 0
	for ; i < len(*q) && len(kept) < 2; i++ {
		if belongs((*q)[i]) {
			kept = append(kept, (*q)[i])
		}
	}
	*q = (*q)[i-len(kept):]
	copy(*q, kept)
	return kept
}

// latest is oldest from the other end.
func (q *queue) latest(belongs func(int32) bool) []int32 {
	kept, i := make([]int32, 0, 2), len(*q)
	for ; i > 0 && len(kept) < 2; i-- {
		if belongs((*q)[i-1]) {
			kept = append(kept, (*q)[i-1])
		}
	}
	*q = (*q)[:i]
	for _, a := range slices.Backward(kept) {
		*q = append(*q, a)
	}
	return kept
}
