package jaeger

import (
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// unansweredCalls lists the calls to a model that no engine answers: the innermost of each chain, so that one attempt counts
// once however many routers stand above it.
func (a *assembler) unansweredCalls() []int32 {
	var calls, engines []int32
	for i := range a.nodes {
		switch n := &a.nodes[i]; {
		case n.engine:
			engines = append(engines, int32(i)) // #nosec G115 -- a trace has fewer spans
		case n.standsAlone() && !n.engineBelow && !n.callBelow:
			calls = append(calls, int32(i)) // #nosec G115 -- as before
		}
	}
	if len(calls) == 0 || len(engines) == 0 {
		return calls
	}
	answered := a.besides(calls, engines)
	return slices.DeleteFunc(calls, func(c int32) bool { return answered[c] })
}

// besides finds calls whose engine span is not below them but beside: proxies write the span of a call when it is over, below
// their own request's span, as the engine's is. The id of the response decides; without one an engine span that no other call
// claims, and that began during the call.
func (a *assembler) besides(calls, engines []int32) map[int32]bool {
	answered := map[int32]bool{}
	slices.SortFunc(engines, func(x, y int32) int { return a.before(x, y) })
	last := int32(-1)
	for _, e := range engines {
		span := a.nodes[e].span
		sibling := last >= 0 && span.start.Sub(a.nodes[last].start) <= together && a.nodes[last].parent == a.nodes[e].parent
		last = e
		best := int32(-1)
		for _, c := range calls {
			call := &a.nodes[c]
			if call.responseID != "" && span.requestID != "" {
				answered[c] = answered[c] || sameResponse(call.responseID, span.requestID)
				continue
			}
			if sibling || answered[c] || !call.running(span) || !a.free(e, c) {
				continue
			}
			if best < 0 || a.nearer(c, best, e) {
				best = c
			}
		}
		if best >= 0 {
			answered[best] = true
		}
	}
	return answered
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
	above := map[int32]bool{}
	for p, steps := a.nodes[call].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
		above[p] = true
	}
	for p, steps := a.nodes[engine].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
		if above[p] {
			return true
		}
		if a.nodes[p].call != vllm.NoCall {
			return false
		}
	}
	return a.nodes[engine].span.parent != (spanID{})
}

// sameResponse reports whether the id of a response is that of an engine's request.
func sameResponse(response, request string) bool {
	external := vllm.ExternalFromChild(request)
	return response == external || response == vllm.ResponseID(external)
}

// unanswered gives a call without engine, with what only the spans above it know: a router names the model on its outer
// span and the attempt is the inner one.
func (a *assembler) unanswered(i int32, callers []evidence.CallerSpan) evidence.CallerSpan {
	out := callers[a.nodes[i].caller]
	inner := a.nodes[i].span
	for p, steps := a.nodes[i].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
		at := a.nodes[p].caller
		if at < 0 || !a.nodes[p].running(inner) {
			continue
		}
		up := &callers[at]
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
	return out
}
