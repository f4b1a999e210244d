package jaeger

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// unansweredCalls lists the calls to a model that no engine answers: the innermost of each chain, so that one attempt counts
// once however many routers stand above it. undecided counts those left out because a trace has too many of them side by side.
func (a *assembler) unansweredCalls() (calls []int32, undecided int) {
	var engines []int32
	for i := range a.nodes {
		switch n := &a.nodes[i]; {
		case n.engine:
			engines = append(engines, int32(i)) // #nosec G115 -- a trace has fewer spans
		case n.standsAlone() && !n.engineBelow && !n.callBelow:
			calls = append(calls, int32(i)) // #nosec G115 -- as before
		}
	}
	if len(calls) == 0 || len(engines) == 0 {
		return calls, 0
	}
	answered, all := a.besides(calls, engines)
	calls = slices.DeleteFunc(calls, func(c int32) bool { return answered[c] })
	if !all {
		return nil, len(calls)
	}
	return calls, 0
}

// besides finds calls whose engine span is not below them but beside: proxies write the span of a call when it is over, below
// their own request's span, as the engine's is. The id of the response decides; without one an engine span that no other call
// claims, and that began during the call: the call that began nearest to it. It reports whether all were looked at.
func (a *assembler) besides(calls, engines []int32) (answered map[int32]bool, all bool) {
	answered = map[int32]bool{}
	ids := map[string]bool{}
	for _, e := range engines {
		if id := a.nodes[e].requestID; id != "" {
			external := vllm.ExternalFromChild(id)
			ids[external], ids[vllm.ResponseID(external)] = true, true
		}
	}
	var named, nameless []int32 // calls with the id of a response, and without
	for _, c := range calls {
		switch id := a.nodes[c].responseID; {
		case id == "":
			nameless = append(nameless, c)
		case ids[id]:
			answered[c] = true
		default:
			named = append(named, c)
		}
	}
	withoutID, withID := a.byStart(nameless), a.byStart(named)
	slices.SortFunc(engines, func(x, y int32) int { return a.before(x, y) })
	last := int32(-1)
	for _, e := range engines {
		span := a.nodes[e].span
		sibling := last >= 0 && span.start.Sub(a.nodes[last].start) <= together && a.nodes[last].parent == a.nodes[e].parent
		last = e
		if sibling || a.nodes[e].nearCall < 0 && span.parent == (spanID{}) {
			continue
		}
		best, whole := a.nearest(withoutID, e)
		if span.requestID == "" { // else its id would have decided
			other, too := a.nearest(withID, e)
			whole = whole && too
			if other >= 0 && (best < 0 || a.nearer(withID.calls[other], withoutID.calls[best], e)) {
				withID.take(other)
				answered[withID.calls[other]] = true
				best = -1
			}
		}
		if !whole {
			return answered, false
		}
		if best >= 0 {
			withoutID.take(best)
			answered[withoutID.calls[best]] = true
		}
	}
	return answered, true
}

// waiting are calls by their start, of which some have been taken.
type waiting struct {
	calls       []int32
	left, right []int // where to look on from a place that is taken; itself when it is not
}

func (a *assembler) byStart(calls []int32) *waiting {
	slices.SortFunc(calls, func(x, y int32) int { return a.before(x, y) })
	w := &waiting{calls: calls, left: make([]int, len(calls)), right: make([]int, len(calls))}
	for i := range calls {
		w.left[i], w.right[i] = i, i
	}
	return w
}

// take removes a call.
func (w *waiting) take(i int) { w.left[i], w.right[i] = i-1, i+1 }

// notAfter gives the last call that is left at or before a place, -1 when there is none.
func (w *waiting) notAfter(i int) int {
	from := i
	for i >= 0 && w.left[i] != i {
		i = w.left[i]
	}
	for from > i { // so that nobody goes this way again
		w.left[from], from = i, w.left[from]
	}
	return i
}

// notBefore gives the first call that is left at or behind a place, len(w.calls) when there is none.
func (w *waiting) notBefore(i int) int {
	from := i
	for i < len(w.calls) && w.right[i] != i {
		i = w.right[i]
	}
	for from < i {
		w.right[from], from = i, w.right[from]
	}
	return i
}

// nearest gives the place of the call that began nearest to an engine span, was under way when that began, and is free for it; -1
// when there is none. It reports whether all were looked at.
func (a *assembler) nearest(w *waiting, engine int32) (place int, whole bool) {
	e := a.nodes[engine].span
	behind, _ := slices.BinarySearchFunc(w.calls, e.start, func(c int32, at time.Time) int {
		return cmp.Or(a.nodes[c].start.Compare(at), 1) // the first that does not begin before
	})
	before := w.notAfter(behind - 1)
	behind = w.notBefore(behind)
	for steps := 0; ; steps++ {
		if behind < len(w.calls) && a.nodes[w.calls[behind]].start.After(e.start.Add(evidence.ClockNoise)) {
			behind = len(w.calls) // none of these was under way yet
		}
		if before < 0 && behind == len(w.calls) {
			return -1, true
		}
		if !a.mayClimb(steps) {
			return -1, false
		}
		at := before
		if before < 0 || behind < len(w.calls) && a.nearer(w.calls[behind], w.calls[before], engine) {
			at = behind
			behind = w.notBefore(behind + 1)
		} else {
			before = w.notAfter(before - 1)
		}
		if call := w.calls[at]; a.nodes[call].running(e) && a.free(engine, call) {
			return at, true
		}
	}
}

// before orders spans by start, then by id, so that the order in which they came does not matter.
func (a *assembler) before(x, y int32) int {
	if c := a.nodes[x].start.Compare(a.nodes[y].start); c != 0 {
		return c
	}
	return slices.Compare(a.nodes[x].id[:], a.nodes[y].id[:])
}

// nearer reports whether call x begins nearer to an engine span than call y.
func (a *assembler) nearer(x, y, engine int32) bool {
	at := a.nodes[engine].start
	dx, dy := at.Sub(a.nodes[x].start).Abs(), at.Sub(a.nodes[y].start).Abs()
	return dx < dy || dx == dy && a.before(x, y) < 0
}

// free reports whether no call to a model stands between an engine span and what it has in common with a call beside it. An
// engine span whose parent was lost may be anybody's.
func (a *assembler) free(engine, call int32) bool {
	if own := a.nodes[engine].nearCall; own >= 0 {
		return a.below(call, own)
	}
	return a.nodes[engine].span.parent != (spanID{})
}

// unanswered gives a call without engine, with what only the spans above it know: a router names the model on its outer
// span and the attempt is the inner one. It reports whether all spans above were looked at.
func (a *assembler) unanswered(i int32, callers []evidence.CallerSpan) (out evidence.CallerSpan, whole bool) {
	out = callers[a.nodes[i].caller]
	inner := a.nodes[i].span
	for p, steps := a.nodes[i].nearCaller, 0; p >= 0; p, steps = a.nodes[p].nearCaller, steps+1 {
		if !a.mayClimb(steps) {
			return out, false
		}
		if !a.nodes[p].running(inner) {
			continue
		}
		up := &callers[a.nodes[p].caller]
		if !up.Inference && !vllm.InferencePath(a.nodes[p].path) {
			continue // a handler of the application knows its own status, not the call's
		}
		if out.Model == "" {
			out.Model = up.Model
		}
		if out.RequestID == "" {
			out.RequestID = up.RequestID
		}
		if out.HTTPStatus == 0 {
			out.HTTPStatus = up.HTTPStatus
		}
		out.VLLM = out.VLLM || up.VLLM
		if up.Inference {
			out.Outer = up
		}
	}
	return out, true
}
