package jaeger

import (
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// wanted says which spans of a trace a search is about.
type wanted struct {
	engine   string   // name of the engine spans
	services []string // whose engine spans; empty = of all services
	window   evidence.Window
	places   []func(*span) bool // that a span has to pass
}

// found is one assembled trace; ids are kept as bytes to recognise what another answer already gave.
type found struct {
	Trace
	id                   traceID
	requests, unanswered []spanID // parallel to Trace.Requests and Trace.Unanswered

	dropped   int // spans beyond what is read of one trace
	unclimbed int // requests and calls of which not all spans above were looked at
	undecided int // calls of which it was not decided whether an engine answered them
}

// node is one span of a trace under assembly.
type node struct {
	*span
	parent         int32 // index of the parent in the trace, -1 when it is not there
	child, sibling int32 // the first child, the next one of the parent; -1 when there is none
	enter, leave   int32 // the stretch of assembler.order that holds the span and all below it
	walk           int32 // which walk of cutCircles saw it first

	caller     int32 // index in Trace.Callers, -1 when it is none
	nearCaller int32 // the nearest span above that is a caller, -1 when there is none
	nearCall   int32 // the nearest span above that calls a model, -1 when there is none
	outer      sentIDs

	engine      bool // an engine span
	underEngine bool // an engine span is above
	engineBelow bool
	shared      bool      // several requests are below
	firstBelow  time.Time // when the first and the last of the engine spans below began; zero when there is none
	lastBelow   time.Time
	call        vllm.CallEvidence
	refused     bool // a call that was refused, known where engine spans below began after it was over
	callBelow   bool // such a call, of its own standing, is below
}

// standsAlone reports whether a call to a model without any engine below is a request of its own: it is one end of a call
// between processes, or says by itself what it is. Gateways mark their inner steps with the request's attributes too, and no
// engine lies below a step.
func (n *node) standsAlone() bool {
	return n.call == vllm.SureCall || n.call == vllm.WeakCall && n.crosses()
}

// assembler turns spans of one trace after another into Traces. It keeps its scratch space; one goroutine uses it.
type assembler struct {
	wanted
	nodes   []node
	order   []int32 // nodes, each behind its parent
	index   map[spanID]int32
	climbed int // see mayClimb
}

// few is how many spans are searched faster one by one than through a map.
const few = 8

// trace assembles one trace. Spans that neither lead to an engine nor call a model are dropped.
func (a *assembler) trace(t *traceSpans) found {
	a.load(t)
	a.connect()
	callers := 0
	for i := range a.nodes {
		if n := &a.nodes[i]; !n.engine && (n.engineBelow || n.call != vllm.NoCall) {
			n.caller = int32(callers) // #nosec G115 -- a trace has fewer spans
			callers++
		}
	}
	a.lookUp()
	out := found{id: t.id, Trace: Trace{TraceID: hex.EncodeToString(t.id[:])}, dropped: t.dropped}
	if callers > 0 {
		out.Callers = make([]evidence.CallerSpan, 0, callers)
	}
	for i := range a.nodes {
		if n := &a.nodes[i]; n.caller >= 0 {
			out.Callers = append(out.Callers, n.callerSpan(out.TraceID))
		}
	}
	first := firstRoot(out.Callers)
	for i := range a.nodes {
		n := &a.nodes[i]
		if n.engine && a.wants(n.span) {
			r := n.requestSpan(out.TraceID)
			a.phases(int32(i), &r)                          // #nosec G115 -- as before
			if !a.above(int32(i), &r, out.Callers, first) { // #nosec G115 -- as before
				out.unclimbed++
			}
			r.SentID, r.GatewayID = a.sent(int32(i)) // #nosec G115 -- as before
			out.Requests = append(out.Requests, r)
			out.requests = append(out.requests, n.id)
		}
	}
	calls, undecided := a.unansweredCalls()
	out.undecided = undecided
	for _, i := range calls {
		if n := &a.nodes[i]; a.window.Contains(n.start) {
			call, whole := a.unanswered(i, out.Callers)
			if !whole {
				out.unclimbed++
			}
			call.SentID, call.GatewayID = a.sent(i)
			out.Unanswered = append(out.Unanswered, call)
			out.unanswered = append(out.unanswered, n.id)
		}
	}
	return out
}

// load fills the nodes, leaving out what an exporter's retry stored twice.
func (a *assembler) load(t *traceSpans) {
	a.nodes, a.climbed = a.nodes[:0], 0
	if t.count > few {
		if a.index == nil {
			a.index = make(map[spanID]int32, t.count)
		}
		clear(a.index)
	}
	indexed := t.count > few
	for s := t.first; s != nil; s = s.next {
		if i := a.find(s.id, indexed); i >= 0 && a.nodes[i].name == s.name && a.nodes[i].service == s.service {
			continue
		}
		if indexed {
			a.index[s.id] = int32(len(a.nodes)) // #nosec G115 -- a trace has fewer spans
		}
		engine := s.isEngine(a.engine)
		n := node{span: s, parent: -1, child: -1, sibling: -1, caller: -1, nearCaller: -1, nearCall: -1, engine: engine}
		if !engine {
			n.call = s.call()
		}
		a.nodes = append(a.nodes, n)
	}
	for i := range a.nodes {
		if n := &a.nodes[i]; n.span.parent != (spanID{}) && n.span.parent != n.id {
			n.parent = a.find(n.span.parent, indexed)
		}
	}
}

func (a *assembler) find(id spanID, indexed bool) int32 {
	if indexed {
		if i, ok := a.index[id]; ok {
			return i
		}
		return -1
	}
	return int32(slices.IndexFunc(a.nodes, func(n node) bool { return n.id == id })) // #nosec G115 -- at most few
}

// wants reports whether an engine span is one of those searched for. Models are left to the join: the span of an adapter
// names the base model, if any, and most spans name none.
func (w wanted) wants(s *span) bool {
	return w.window.Contains(s.start) &&
		(len(w.services) == 0 || slices.Contains(w.services, s.service)) &&
		!slices.ContainsFunc(w.places, func(allows func(*span) bool) bool { return !allows(s) })
}

// placesOf gives what a scope asks of a span's place. A span that does not name it passes.
func placesOf(scope vllm.Scope) (tests []func(*span) bool) {
	for place, of := range map[vllm.Place]func(*span) string{
		vllm.Environment: func(s *span) string { return s.origin.Environment },
		vllm.Cluster:     func(s *span) string { return s.origin.Cluster },
		vllm.Namespace:   func(s *span) string { return s.origin.Namespace },
		vllm.Pod:         func(s *span) string { return s.origin.Pod },
		vllm.Instance:    func(s *span) string { return s.origin.Instance },
	} {
		if test := scope.Test(place); test != nil {
			tests = append(tests, func(s *span) bool { return of(s) == "" || test(of(s)) })
		}
	}
	return tests
}

func (s *span) requestSpan(trace string) evidence.RequestSpan {
	r := evidence.RequestSpan{
		TraceID: trace, SpanID: hex.EncodeToString(s.id[:]), ParentSpanID: s.parentHex(),
		Start: s.start, Duration: s.duration, Origin: s.origin,
		Model:        either(s.requestModel, s.responseModel),
		PromptTokens: s.promptTokens, CompletionTokens: s.completionTokens, CachedTokens: s.cachedTokens, MaxTokens: s.maxTokens,
		Temperature: s.temperature, TopP: s.topP,
		FinishReason: s.finishReason, LoRA: s.lora,
	}
	notes := s.believe()
	r.TTFT, r.E2E, r.Queue, r.Prefill, r.Decode = s.ttft, s.e2e, s.queue, s.prefill, s.decode
	r.RequestID = s.requestID
	if r.RequestID != "" && !vllm.ComparableRequestID(r.RequestID) {
		r.RequestID = showable(r.RequestID)
		notes = append(notes, "the request id has control characters or is too long: no other store is asked for it")
	}
	if s.sampled && math.IsNaN(s.temperature) {
		r.Temperature = 0 // vLLM leaves it out when sampling is greedy
	}
	if s.failed {
		r.Error = either(s.errorType, s.exception, s.status, "error")
	}
	if len(notes) > 0 {
		r.Note = strings.Join(notes, "; ")
	}
	return r
}

func (n *node) callerSpan(trace string) evidence.CallerSpan {
	s := n.span
	c := evidence.CallerSpan{
		TraceID: trace, SpanID: hex.EncodeToString(s.id[:]), ParentSpanID: s.parentHex(),
		Service: s.service, Operation: s.name, Kind: s.kind,
		Start: s.start, Duration: s.duration, Origin: s.origin,
		Model:        either(s.requestModel, s.responseModel),
		RequestID:    either(s.responseID, s.requestID, s.routerID, s.headerID),
		FinishReason: s.finishReason,
		Inference:    n.call != vllm.NoCall,
		VLLM:         s.toVLLM,
		Shared:       n.shared,
	}
	if s.httpStatus >= 100 && s.httpStatus <= 599 {
		c.HTTPStatus = int(s.httpStatus)
	}
	if !vllm.ComparableRequestID(c.RequestID) {
		c.RequestID = showable(c.RequestID)
	}
	if s.failed || s.errorType != "" { // the conventions set error.type on failed spans only
		c.Error = either(s.errorType, s.exception, s.status, "error")
	}
	return c
}

func (s *span) parentHex() string {
	if s.parent == (spanID{}) {
		return ""
	}
	return hex.EncodeToString(s.parent[:])
}

// either gives the first text that is not empty.
func either(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// showable gives what may be shown of an id: all of one that can be compared, nothing with control characters in it, and the
// beginning of one that is too long. The ellipsis makes sure that a cut id never passes for one.
func showable(id string) string {
	if vllm.ComparableRequestID(id) {
		return id
	}
	const shown = 60
	begin, runes := "", 0
	for i := range id {
		if runes == shown {
			begin = id[:i]
			break
		}
		runes++
	}
	if !vllm.ComparableRequestID(begin) {
		return ""
	}
	return begin + "…"
}
