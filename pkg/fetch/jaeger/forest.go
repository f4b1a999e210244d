package jaeger

import (
	"slices"
	"time"
)

// A trace is whatever its senders wrote: one span may have a million children, a chain may be as long as the trace, parents may
// stand in a circle. So no step of the assembly walks from each span up to its root. What a span has below it is gathered from
// the leaves up, what it has above it from the roots down, once for all spans; where a walk cannot be avoided, all walks of a
// trace together are bounded (see mayClimb).

// plant finds parents, children and an order of the nodes in which each stands behind its parent. A circle of parents is cut
// above the span of it that began first, so that every span has a root.
func (a *assembler) plant() {
	a.cutCircles()
	for i := range slices.Backward(a.nodes) {
		n := &a.nodes[i]
		if n.parent >= 0 {
			up := &a.nodes[n.parent]
			n.sibling, up.child = up.child, int32(i) // #nosec G115 -- a trace has fewer spans
		}
	}
	a.order = a.order[:0]
	for i := range a.nodes {
		if a.nodes[i].parent < 0 {
			a.tree(int32(i)) // #nosec G115 -- as before
		}
	}
}

// tree puts a root and all that is below it into the order.
func (a *assembler) tree(root int32) {
	at := root
	for {
		n := &a.nodes[at]
		n.enter = int32(len(a.order)) // #nosec G115 -- a trace has fewer spans
		a.order = append(a.order, at)
		if n.child >= 0 {
			at = n.child
			continue
		}
		for {
			n = &a.nodes[at]
			n.leave = int32(len(a.order)) // #nosec G115 -- as before
			if at == root {
				return
			}
			if n.sibling >= 0 {
				at = n.sibling
				break
			}
			at = n.parent
		}
	}
}

// cutCircles takes one parent away in each circle.
func (a *assembler) cutCircles() {
	for i := range a.nodes {
		walk := int32(i) + 1 // #nosec G115 -- a trace has fewer spans
		at := int32(i)       // #nosec G115 -- as before
		for at >= 0 && a.nodes[at].walk == 0 {
			a.nodes[at].walk = walk
			at = a.nodes[at].parent
		}
		if at < 0 || a.nodes[at].walk != walk {
			continue // a root, or what an earlier walk has seen
		}
		first := at
		for p := a.nodes[at].parent; p != at; p = a.nodes[p].parent {
			if a.leads(p, first) {
				first = p
			}
		}
		a.nodes[first].parent = -1
	}
}

// leads orders the spans of a circle by start, then by id, the greater first.
func (a *assembler) leads(x, y int32) bool {
	if c := a.nodes[x].start.Compare(a.nodes[y].start); c != 0 {
		return c < 0
	}
	return slices.Compare(a.nodes[x].id[:], a.nodes[y].id[:]) > 0
}

// below reports whether a span lies below another.
func (a *assembler) below(span, up int32) bool {
	return a.nodes[span].enter > a.nodes[up].enter && a.nodes[span].enter < a.nodes[up].leave
}

const (
	// alwaysClimbed is how many spans above are looked at in any case.
	alwaysClimbed = 16
	// climbsPerSpan and climbsPerTrace bound how many more are, for all spans of a trace together. A trace whose spans stand
	// 128 deep on average is within it.
	climbsPerSpan  = 128
	climbsPerTrace = 100_000
)

// mayClimb reports whether one more span may be looked at from a span, after so many.
func (a *assembler) mayClimb(steps int) bool {
	if steps < alwaysClimbed {
		return true
	}
	if a.climbed >= climbsPerTrace+climbsPerSpan*len(a.nodes) {
		return false
	}
	a.climbed++
	return true
}

// latestBelow answers for each of some spans when the last engine span below it began that began no later than a moment. It
// takes its scratch space from the heap: only stale trace contexts below refused calls need it.
type latestBelow struct {
	span  int32
	until time.Time
}

// latest gives the answers to questions, in their order; the zero time where there is none.
func (a *assembler) latest(questions []latestBelow) []time.Time {
	type engine struct {
		place int32
		start time.Time
	}
	var engines []engine
	for at, i := range a.order {
		if a.nodes[i].engine {
			engines = append(engines, engine{int32(at), a.nodes[i].start}) // #nosec G115 -- a trace has fewer spans
		}
	}
	slices.SortFunc(engines, func(x, y engine) int { return x.start.Compare(y.start) })
	byTime := make([]int, len(questions))
	for i := range byTime {
		byTime[i] = i
	}
	slices.SortFunc(byTime, func(x, y int) int { return questions[x].until.Compare(questions[y].until) })

	// A segment tree over the order holds, for each stretch, the last start so far; starts come in their order, so the last is the latest.
	size := len(a.order)
	tree := make([]int32, 2*size) // index in engines + 1; 0 = none
	answers := make([]time.Time, len(questions))
	next := 0
	for _, q := range byTime {
		for ; next < len(engines) && !engines[next].start.After(questions[q].until); next++ {
			for at := int(engines[next].place) + size; at >= 1; at /= 2 {
				tree[at] = int32(next) + 1 // #nosec G115 -- as before
			}
		}
		best := int32(0)
		n := &a.nodes[questions[q].span]
		for from, to := int(n.enter)+1+size, int(n.leave)+size; from < to; from, to = from/2, to/2 {
			if from&1 == 1 {
				best = max(best, tree[from])
				from++
			}
			if to&1 == 1 {
				to--
				best = max(best, tree[to])
			}
		}
		if best > 0 {
			answers[q] = engines[best-1].start
		}
	}
	return answers
}
