package serving

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// sequence is what vLLM calls a request.
type sequence struct {
	engine.Sequence
	attempt    *attempt
	prompt     *prompt
	core       *core
	internalID string
	traceID    telemetry.TraceID
	spanID     telemetry.SpanID
	span       string // truth's Emitted, Lost or None
	counted    bool   // in request_success_total
	done       bool
	orphan     bool // its span is a root, whatever the caller sent

	arrival     engine.State
	processedAt time.Duration // of the last token, by the API server
}

// ttft is from arrival to the first token processed.
func (s *sequence) ttft() time.Duration { return s.FirstTokenAt + OutputDelay - s.prompt.arrivedAt }

func (s *sequence) e2e() time.Duration { return s.processedAt - s.prompt.arrivedAt }

func (s *sequence) queue() time.Duration { return s.ScheduledAt - s.QueuedAt }

func (s *sequence) prefill() time.Duration { return s.FirstTokenAt - s.ScheduledAt }

func (s *sequence) decode() time.Duration { return s.LastTokenAt - s.FirstTokenAt }

func (s *sequence) firstToken() { s.core.metrics.FirstToken(s.ttft()) }

// finished books the end of the sequence and lets its span go.
func (s *sequence) finished() {
	a := s.attempt
	c := a.op.cluster
	s.done, s.counted = true, true
	s.processedAt = c.clock.now + OutputDelay
	s.core.metrics.Finished(&s.Sequence, s.reported())
	s.bookParent()
	if c.config.Version.HasSpans() {
		s.span = c.send(s.requestSpan())
	}
	a.sequenceEnded()
}

// abortedByEngine ends the sequence the way a paused engine does: vLLM takes
// it for finished, its span lacks the caller's context, and without a token
// the stray time to first token is its age.
func (s *sequence) abortedByEngine() {
	c := s.attempt.op.cluster
	s.core.Abort(&s.Sequence)
	s.orphan = true
	s.traceID = c.traceID()
	s.processedAt = c.clock.now + OutputDelay
	if s.FirstTokenAt < 0 {
		s.core.metrics.FirstToken(s.e2e())
	}
	s.finished()
}

// reported are the phases as vLLM states them.
func (s *sequence) reported() telemetry.Phases {
	if s.FirstTokenAt >= 0 {
		return telemetry.Phases{TTFT: s.ttft(), E2E: s.e2e(), Queue: s.queue(), Prefill: s.prefill(), Decode: s.decode()}
	}
	uptime := hostUptime + s.attempt.op.cluster.clock.now
	return telemetry.Phases{TTFT: s.e2e(), E2E: s.e2e(), Prefill: uptime}
}

// hostUptime is how long the nodes had been up at virtual time zero.
const hostUptime = 9 * 24 * time.Hour

// bookParent counts a prompt once, when the last of its sequences ends.
func (s *sequence) bookParent() {
	longest := 0
	for _, sibling := range s.prompt.sequences {
		if !sibling.done {
			return
		}
		longest = max(longest, sibling.Generated)
	}
	s.core.metrics.ParentFinished(len(s.prompt.sequences), longest)
}

func (s *sequence) requestSpan() *telemetry.Span {
	a := s.attempt
	c := a.op.cluster
	id := s.prompt.externalID
	if len(s.prompt.sequences) > 1 && c.config.Version.ChildIDOnSpan() {
		id = s.internalID
	}
	parent := a.client
	switch {
	case s.orphan:
		parent = telemetry.SpanID{}
	case a.op.routed():
		parent = a.process
	}
	return telemetry.RequestSpan(c.config.Version, a.instance.resource, telemetry.Request{
		ID: id, Phases: s.reported(),
		PromptTokens: s.PromptTokens, CompletionTokens: s.Generated, Sampling: a.sampling(),
		TraceID: s.traceID, SpanID: s.spanID, Parent: parent,
		Arrival: c.wall(s.prompt.arrivedAt), Finished: c.wall(s.processedAt).Add(90 * time.Microsecond),
	})
}

func (s *sequence) spanFate() string {
	if s.span == "" {
		return truth.None
	}
	return s.span
}
