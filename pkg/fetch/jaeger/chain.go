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
	a.plant()
	a.engines()
	var sure map[string]bool // services of which a span says by itself that it calls a model
	for _, i := range a.order {
		n := &a.nodes[i]
		if n.parent >= 0 {
			up := &a.nodes[n.parent]
			n.underEngine = up.engine || up.underEngine
		}
		if n.underEngine {
			n.call = vllm.NoCall // a part of the engine's own work
		}
		if n.call == vllm.SureCall {
			if sure == nil {
				sure = map[string]bool{}
			}
			sure[n.service] = true
		}
	}
	for _, i := range slices.Backward(a.order) {
		n := &a.nodes[i]
		if n.call == vllm.WeakCall && sure[n.service] {
			n.call = vllm.NoCall
		}
		if n.parent >= 0 && (n.callBelow || n.standsAlone()) {
			a.nodes[n.parent].callBelow = true
		}
	}
}

// engines marks what has engine spans below. A span that is an engine's only by its attributes, and has an engine's below, is
// a router's that copies them. Of a call that was refused, only the engine spans count that it may have led to: a later one
// belongs to a request that carries its trace context.
func (a *assembler) engines() {
	for _, i := range slices.Backward(a.order) {
		n := &a.nodes[i]
		if n.parent < 0 {
			continue
		}
		up := &a.nodes[n.parent]
		if !n.lastBelow.IsZero() {
			up.gather(n.firstBelow, n.lastBelow)
		}
		if n.engine {
			up.gather(n.start, n.start)
		}
	}
	var late []latestBelow
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.lastBelow.IsZero() {
			continue
		}
		n.engineBelow = true
		until := n.end().Add(evidence.ClockNoise)
		if n.call != vllm.NoCall && until.Before(n.lastBelow) && n.refusal() {
			n.refused = true
			late = append(late, latestBelow{int32(i), until}) // #nosec G115 -- a trace has fewer spans
			continue
		}
		n.shared = n.lastBelow.Sub(n.firstBelow) > together
	}
	if len(late) > 0 {
		for k, last := range a.latest(late) {
			n := &a.nodes[late[k].span]
			n.engineBelow = !last.IsZero()
			n.shared = n.engineBelow && last.Sub(n.firstBelow) > together
		}
	}
	for i := range a.nodes {
		if n := &a.nodes[i]; n.engine && n.engineBelow && n.name != a.engine {
			n.engine, n.call = false, n.span.call()
			n.refused = n.call != vllm.NoCall && n.end().Add(evidence.ClockNoise).Before(n.lastBelow) && n.refusal()
		}
	}
}

// gather takes engine spans below into account, by the starts of the first and the last.
func (n *node) gather(first, last time.Time) {
	if n.lastBelow.IsZero() || first.Before(n.firstBelow) {
		n.firstBelow = first
	}
	if n.lastBelow.IsZero() || last.After(n.lastBelow) {
		n.lastBelow = last
	}
}

// lookUp notes what is nearest above each span, and what a client sent, once it is known what the spans are.
func (a *assembler) lookUp() {
	for _, i := range a.order {
		n := &a.nodes[i]
		if n.parent >= 0 {
			up := &a.nodes[n.parent]
			n.nearCaller, n.nearCall, n.outer = up.nearCaller, up.nearCall, up.outer
			if up.caller >= 0 {
				n.nearCaller = n.parent
			}
			if up.call != vllm.NoCall {
				n.nearCall = n.parent
			}
			if up.passes(false) {
				n.outer = n.outer.or(up.span)
			}
		}
	}
}

// refusedBefore reports whether a call to a model was refused and was over before the engine began. The engine then works on another
// request, whose trace context is stale: a call that is refused has no engine span. Of a call that went well, or failed in the
// engine, this is not said: its clock may be off.
func (n *node) refusedBefore(e *span) bool {
	return n.refused && n.call != vllm.NoCall && n.end().Add(evidence.ClockNoise).Before(e.start)
}

// refusal reports whether a span's own status or words say that the call was refused.
func (n *node) refusal() bool {
	if n.httpStatus > 0 {
		return n.httpStatus >= 400 && n.httpStatus < 500 && n.httpStatus != 408 && n.httpStatus != 499 || n.httpStatus == 503
	}
	return vllm.RefusalInWords(either(n.errorType, n.exception, n.status))
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
// without parent stands for the root, since something must have begun the trace. It reports whether all spans above were
// looked at; else what only the outer ones tell stays unknown, and a note says so.
func (a *assembler) above(i int32, r *evidence.RequestSpan, callers []evidence.CallerSpan, first *evidence.CallerSpan) (whole bool) {
	e := a.nodes[i].span
	if e.parent == (spanID{}) {
		return true
	}
	if a.nodes[i].parent < 0 {
		r.Root = first
		return true
	}
	astray, whole := a.astray(i)
	var transport *evidence.CallerSpan // the HTTP request itself, where no span above calls a model
	for p, steps := a.nodes[i].nearCaller, 0; p >= 0; p, steps = a.nodes[p].nearCaller, steps+1 {
		if !a.mayClimb(steps) {
			whole = false
			break
		}
		up := &a.nodes[p]
		if up.ownWork(e) || up.refusedBefore(e) {
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
	if !whole {
		r.Root, r.Call, r.Caller = nil, nil, nil
		note := "its trace has too many spans above it to look at all: who began it is not known"
		if r.Note != "" {
			note = r.Note + "; " + note
		}
		r.Note = note
		return false
	}
	if r.Call == nil {
		r.Call = transport
	}
	return true
}

// firstRoot is the earliest of the spans without parent; nil when there is none.
func firstRoot(callers []evidence.CallerSpan) (first *evidence.CallerSpan) {
	for i := range callers {
		if c := &callers[i]; c.ParentSpanID == "" && (first == nil || earlier(c, first)) {
			first = c
		}
	}
	return first
}

// astray is the service of a call above that began after the engine did, or was over before: its clock is another, or it is the
// call of another request, and no time of its other spans says anything either. Empty when there is none.
func (a *assembler) astray(i int32) (service string, whole bool) {
	e := a.nodes[i].span
	for p, steps := a.nodes[i].nearCall, 0; p >= 0; p, steps = a.nodes[p].nearCall, steps+1 {
		if !a.mayClimb(steps) {
			return "", false
		}
		if up := &a.nodes[p]; up.service != e.service && !up.running(e) {
			return up.service, true
		}
	}
	return "", true
}

// earlier orders spans by start, then by id.
func earlier(a, b *evidence.CallerSpan) bool {
	return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.SpanID, b.SpanID)) < 0
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
	for k := a.nodes[i].child; k >= 0; k = a.nodes[k].sibling {
		n := &a.nodes[k]
		phase := vllm.PhaseOf(n.name)
		if phase == vllm.NoPhase || math.IsNaN(n.duration) {
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
