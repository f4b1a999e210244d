package serving

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// operation is one piece of work of a caller: its root span and the attempts
// to get an answer. Truth is written when it ends, because only then the
// durations of all spans above the engine are known.
type operation struct {
	cluster  *Cluster
	call     *traffic.Call
	index    int // in cluster.open
	started  time.Duration
	ended    time.Duration
	trace    telemetry.TraceID
	root     telemetry.SpanID
	attempts []*attempt
	rootSpan string // truth's Emitted, Lost or None
	visit    *Visit // nil: the caller is simulated too
}

// instrumented says that the spans above the engine are ours to emit: the caller is traced, and simulated.
func (op *operation) instrumented() bool { return op.call.Caller.Traced && op.visit == nil }

// begin starts the caller's own work.
func (c *Cluster) begin(call *traffic.Call) {
	op := &operation{cluster: c, call: call, started: c.clock.now, index: len(c.open), rootSpan: truth.None}
	c.open = append(c.open, op)
	if call.Caller.Traced {
		op.trace, op.root = c.traceID(), c.spanID()
	}
	c.clock.after(call.Before, op.try)
}

// try makes the next attempt.
func (op *operation) try() {
	a := op.newAttempt()
	op.attempts = append(op.attempts, a)
	a.send()
}

// attemptEnded decides between another attempt and the end.
func (op *operation) attemptEnded(a *attempt) {
	c := op.cluster
	retry := a.status == truth.StatusError || a.status == truth.StatusAborted || a.httpStatus == 503
	if retry && len(op.attempts) <= op.call.Retries {
		backoff := time.Second<<len(op.attempts) - time.Second + c.jitter(300*time.Millisecond)
		c.clock.after(backoff, op.try)
		return
	}
	op.end(a)
}

// end closes the root span and writes the truth of all attempts.
func (op *operation) end(last *attempt) {
	c := op.cluster
	op.ended = c.clock.now
	if op.instrumented() {
		op.rootSpan = op.sendRoot(last)
	}
	for _, a := range op.attempts {
		a.writeTruth()
	}
	moved := c.open[len(c.open)-1]
	c.open[op.index], moved.index = moved, op.index
	c.open = c.open[:len(c.open)-1]
}

// abandonTruth writes down what is known when the simulation stops.
func (op *operation) abandonTruth() {
	op.ended = op.cluster.clock.now
	for _, a := range op.attempts {
		if a.ended < 0 {
			a.status, a.ended = truth.StatusUnfinished, op.ended
		}
		a.writeTruth()
	}
}
