package jaeger

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// together is how near siblings of one request begin: its sequences, its prompts.
const together = 5 * time.Millisecond

// connect marks what lies above engine spans and above calls to a model.
func (a *assembler) connect() {
	a.engines()
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.call == vllm.NoCall {
			continue
		}
		if a.belowEngine(int32(i)) { // #nosec G115 -- a trace has fewer spans
			n.call = vllm.NoCall // a part of the engine's own work
		}
	}
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.call == vllm.WeakCall && a.surelyCalls(n.service) {
			n.call = vllm.NoCall
		}
		if !n.standsAlone() {
			continue
		}
		for p, steps := n.parent, 0; p >= 0 && !a.nodes[p].callBelow && steps < maxDepth; p, steps = a.nodes[p].parent, steps+1 {
			a.nodes[p].callBelow = true
		}
	}
}

// surelyCalls reports whether a span of the service says by itself that it calls a model.
func (a *assembler) surelyCalls(service string) bool {
	for i := range a.nodes {
		if n := &a.nodes[i]; n.call == vllm.SureCall && n.service == service {
			return true
		}
	}
	return false
}

// engines marks what has engine spans below. A span that is an engine's only by its attributes, and has an engine's below, is
// a router's that copies them.
func (a *assembler) engines() {
	for i := range a.nodes {
		if !a.nodes[i].engine {
			continue
		}
		e := a.nodes[i].span
		for p, steps := a.nodes[i].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
			up := &a.nodes[p]
			switch {
			case up.refusedBefore(e):
				continue // a later request that carries its trace context
			case !up.engineBelow:
				up.engineBelow, up.firstEngine = true, e.start
			case e.start.Sub(up.firstEngine).Abs() > together:
				up.shared = true
			}
		}
	}
	for i := range a.nodes {
		if n := &a.nodes[i]; n.engine && n.engineBelow && n.name != a.engine {
			n.engine, n.call = false, n.span.call()
		}
	}
}

// refusedBefore reports whether a call to a model was refused and was over before the engine began. The engine then works on another
// request, whose trace context is stale: a call that is refused has no engine span. Of a call that went well, or failed in the
// engine, this is not said: its clock may be off.
func (n *node) refusedBefore(e *span) bool {
	if n.call == vllm.NoCall || !n.end().Add(evidence.ClockNoise).Before(e.start) {
		return false
	}
	if n.httpStatus > 0 {
		return n.httpStatus >= 400 && n.httpStatus < 500 && n.httpStatus != 408 && n.httpStatus != 499 || n.httpStatus == 503
	}
	return vllm.RefusalInWords(either(n.errorType, n.exception, n.status))
}

// belowEngine reports whether an engine span is above.
func (a *assembler) belowEngine(i int32) bool {
	for p, steps := a.nodes[i].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
		if a.nodes[p].engine {
			return true
		}
	}
	return false
}

// end is when a span was over; its start when its duration is not known.
func (s *span) end() time.Time { return s.start.Add(evidence.Seconds(s.duration)) }

// running reports whether a span was under way when another began.
func (s *span) running(e *span) bool {
	return !s.start.After(e.start.Add(evidence.ClockNoise)) && !s.end().Before(e.start.Add(-evidence.ClockNoise))
}

// ownWork reports whether a span above is the engine's own, such as one of its start: in the same process, and no end of a
// call.
func (n *node) ownWork(e *span) bool {
	return n.call == vllm.NoCall && n.service == e.service && n.origin == e.origin && !n.crosses() && n.kind != evidence.KindConsumer
}

// above fills in who called an engine span, as evidence.RequestSpan tells. When the parent was never stored, the earliest span
// without parent stands for the root, since something must have begun the trace.
func (a *assembler) above(i int32, r *evidence.RequestSpan, callers []evidence.CallerSpan) {
	e := a.nodes[i].span
	if e.parent == (spanID{}) {
		return
	}
	chain := false
	astray := a.astray(i)
	var transport *evidence.CallerSpan // the HTTP request itself, where no span above calls a model
	for p, steps := a.nodes[i].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
		up := &a.nodes[p]
		chain = true
		if up.caller < 0 || up.ownWork(e) || up.refusedBefore(e) {
			continue
		}
		span, isCall := &callers[up.caller], up.call != vllm.NoCall
		if isCall && r.Above == nil {
			r.Above = span
		}
		if astray != "" && up.service == astray {
			continue
		}
		if span.Running(r.Start) {
			r.Root = span
			switch {
			case isCall:
				r.Call = span
			case transport == nil && span.HTTPStatus > 0 && (up.kind == evidence.KindClient || up.service == e.service):
				transport = span
			}
		}
		if (isCall || r.Caller == nil) && span.Covers(r) {
			r.Caller = span
		}
	}
	if r.Call == nil {
		r.Call = transport
	}
	if chain {
		return
	}
	for i := range callers {
		if c := &callers[i]; c.ParentSpanID == "" && (r.Root == nil || earlier(c, r.Root)) {
			r.Root = c
		}
	}
}

// astray is the service of a call above that began after the engine did, or was over before: its clock is another, or it is the
// call of another request, and no time of its other spans says anything either. Empty when there is none.
func (a *assembler) astray(i int32) string {
	e := a.nodes[i].span
	for p, steps := a.nodes[i].parent, 0; p >= 0 && steps < min(len(a.nodes), maxDepth); p, steps = a.nodes[p].parent, steps+1 {
		if up := &a.nodes[p]; up.call != vllm.NoCall && up.service != e.service && !up.running(e) {
			return up.service
		}
	}
	return ""
}

// earlier orders spans by start, then by id.
func earlier(a, b *evidence.CallerSpan) bool {
	return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.SpanID, b.SpanID)) < 0
}

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

// phases takes a request's phases from the spans below, where the request's own span does not tell them.
func (a *assembler) phases(i int32, r *evidence.RequestSpan) {
	if r.Queue == r.Queue && r.Prefill == r.Prefill && r.Decode == r.Decode {
		return
	}
	e := a.nodes[i].span
	if e.distrusted {
		return
	}
	sums := [vllm.PhasePreempted + 1]float64{}
	var firstToken time.Time
	for k := range a.nodes {
		n := &a.nodes[k]
		phase := vllm.PhaseOf(n.name)
		if phase == vllm.NoPhase || n.parent != i || math.IsNaN(n.duration) {
			continue
		}
		sums[phase] += n.duration
		if phase == vllm.PhasePrefill && (firstToken.IsZero() || n.end().Before(firstToken)) {
			firstToken = n.end()
		}
	}
	take := func(into *float64, phase vllm.Phase) {
		if math.IsNaN(*into) && sums[phase] > 0 && !e.exceeds(sums[phase]) {
			*into = sums[phase]
		}
	}
	take(&r.Queue, vllm.PhaseQueue)
	take(&r.Prefill, vllm.PhasePrefill)
	take(&r.Decode, vllm.PhaseDecode)
	if ttft := firstToken.Sub(e.start).Seconds(); math.IsNaN(r.TTFT) && !firstToken.IsZero() && ttft > 0 {
		r.TTFT = ttft
	}
}
