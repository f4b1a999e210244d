package serving

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// OutputDelay is how long the API server needs for one step's output: what a
// step made is the client's that much later.
const OutputDelay = 350 * time.Microsecond

// Visit is a call that somebody outside the simulation makes and waits for.
// The fleet says of it what vLLM would; spans above the engine are the
// caller's own. Like the cluster, it is not safe for concurrent use.
type Visit struct {
	parent  telemetry.SpanID
	attempt *attempt
}

// Parent is the span that a caller names in its traceparent; zero is none.
type Parent struct {
	Trace telemetry.TraceID
	Span  telemetry.SpanID
}

// Visit lets a call in at this moment. Of the call count what vLLM is told and
// what it is to make of it; its time, caller, patience and retries do not.
func (c *Cluster) Visit(call traffic.Call, from Parent) *Visit {
	call.Caller = traffic.Caller{Traced: from != Parent{}}
	call.Before, call.Network, call.Patience, call.Retries = 0, 0, visitPatience, 0
	v := &Visit{parent: from.Span}
	op := &operation{
		cluster: c, call: &call, visit: v, started: c.clock.now, index: len(c.open),
		trace: from.Trace, root: from.Span, rootSpan: truth.None,
	}
	c.open = append(c.open, op)
	v.attempt = op.newAttempt()
	op.attempts = append(op.attempts, v.attempt)
	v.attempt.send()
	return v
}

// visitPatience ends a call whose connection nobody watches. Callers have
// timeouts of their own, which are shorter.
const visitPatience = time.Hour

// Leave closes the connection from the client's side.
func (v *Visit) Leave() {
	switch a := v.attempt; {
	case a.ended >= 0:
	case a.arrivedAt < 0: // it left before the API server had read the request
		a.end(truth.StatusAborted, 0, "client closed the connection")
	default:
		a.abandon()
	}
}

// Progress is what the API server can have told the client by now.
type Progress struct {
	ID        string // of the response; empty before the server has taken the request
	Choices   []Choice
	Ended     bool
	Status    int    // HTTP, once ended or streaming
	Message   string // why it failed
	Generated int    // tokens over all choices
}

// Choice is one sequence.
type Choice struct {
	PromptTokens, CachedTokens, Generated int
	Finish                                string // empty before the end
}

// Progress reads the visit's state.
func (v *Visit) Progress() Progress {
	a := v.attempt
	p := Progress{ID: a.responseID, Ended: a.ended >= 0, Status: a.httpStatus, Message: a.err}
	for _, s := range a.sequences {
		choice := Choice{PromptTokens: s.PromptTokens, CachedTokens: s.CachedTokens, Generated: s.Generated}
		if s.done {
			choice.Finish = string(s.Finish)
		}
		p.Generated += s.Generated
		p.Choices = append(p.Choices, choice)
	}
	return p
}

// Next is when something will happen in the fleet, whose clock stands still
// until then; false: nothing is planned.
func (c *Cluster) Next() (time.Time, bool) {
	at, ok := c.clock.next()
	return c.wall(at), ok
}
