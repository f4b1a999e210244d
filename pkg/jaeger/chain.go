package jaeger

import (
	"cmp"
	"math"
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
