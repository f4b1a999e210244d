package serving

import (
	"fmt"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// attempt is one HTTP request to one API server. Times are -1 until reached.
type attempt struct {
	op       *operation
	number   int
	instance *Instance // nil: no replica was up

	client, router, process telemetry.SpanID // spans above llm_request
	callerSpan              string           // truth's Emitted, Lost or None
	routerSpans             string

	sentAt    time.Duration
	arrivedAt time.Duration // at the API server
	ended     time.Duration

	baseID     string
	responseID string
	peer       string // as in access lines
	prompts    []*prompt
	sequences  []*sequence
	open       int // sequences without an end
	answered   bool

	status     string
	httpStatus int
	err        string
}

// prompt is one prompt of the attempt: one external id.
type prompt struct {
	spec       *traffic.Prompt
	arrivedAt  time.Duration // what its spans start at
	externalID string
	internalID string // of the parent when n > 1
	lines      telemetry.LineCount
	sequences  []*sequence
}

func (op *operation) newAttempt() *attempt {
	c := op.cluster
	a := &attempt{
		op: op, number: len(op.attempts) + 1,
		sentAt: c.clock.now, arrivedAt: -1, ended: -1, callerSpan: truth.None, routerSpans: truth.None,
	}
	switch {
	case op.visit != nil:
		a.client = op.visit.parent
	case op.call.Caller.Traced:
		a.client = c.spanID()
	}
	if op.routed() {
		a.router, a.process = c.spanID(), c.spanID()
	}
	return a
}

func (op *operation) model() Model { return op.cluster.config.Models[op.call.Model] }

// routed says that router spans lie between caller and engine.
func (op *operation) routed() bool { return op.instrumented() && op.model().Router }

// send chooses a replica in turn, skipping those that are down.
func (a *attempt) send() {
	c := a.op.cluster
	replicas := c.byModel[a.op.call.Model]
	c.turn++
	for k := range replicas {
		if i := replicas[(c.turn+k)%len(replicas)]; i.up && !i.draining {
			a.instance = i
			break
		}
	}
	travel := a.op.call.Network
	if a.op.routed() {
		travel += 3 * time.Millisecond
	}
	c.clock.after(travel, a.arrive)
}

// arrive is the moment the API server's clock for the request starts.
func (a *attempt) arrive() {
	c, call := a.op.cluster, a.op.call
	i := a.instance
	if i == nil || !i.up {
		a.instance = nil
		a.end(truth.StatusRejected, 503, "no healthy upstream")
		return
	}
	a.arrivedAt = c.clock.now
	i.port = 32768 + (i.port-32768+7)%28000
	a.peer = fmt.Sprintf("10.42.%d.%d:%d", call.Model, 10+int(call.Network/time.Microsecond)%200, i.port)
	if r := call.Rejection; r != nil {
		c.clock.after(800*time.Microsecond+c.jitter(time.Millisecond), func() {
			i.log.Access(c.Now(), i.api, a.peer, "POST", call.Endpoint, r.Status, r.Reason)
			a.book(r.Status)
			a.end(truth.StatusRejected, r.Status, r.Message)
		})
		return
	}
	a.name()
	i.inFlight = append(i.inFlight, a)
	tokens := 0
	for _, p := range call.Prompts {
		tokens += p.Tokens
	}
	// Template and tokenizer, and an event loop that more requests make busier.
	overhead := 700*time.Microsecond + time.Duration(tokens)*time.Microsecond +
		time.Duration(len(i.inFlight))*20*time.Microsecond + c.jitter(400*time.Microsecond)
	if !c.config.Version.StartsBeforeTokenization() {
		a.arrivedAt += overhead - 300*time.Microsecond
	}
	a.arrivals()
	c.clock.after(overhead, a.submit)
	patience := call.Patience
	if a.number > 1 {
		patience *= 2 // who gave up in a hurry waits longer the second time
	}
	c.clock.after(overhead+patience, a.abandon)
}

// arrivals gives each prompt its arrival. Up to 0.16 vLLM reads the clock for each prompt of a call when it hands that prompt to the
// engine, some 0.1 ms after the one before; later it reads the clock once for all of them. Both are as recorded
// (tools/recordings). The sequences of one prompt always share theirs.
func (a *attempt) arrivals() {
	c := a.op.cluster
	at := a.arrivedAt
	for n := len(a.prompts) - 1; n >= 0; n-- {
		a.prompts[n].arrivedAt = at
		if n > 0 && !c.config.Version.StartsBeforeTokenization() {
			at = max(at-90*time.Microsecond-c.jitter(20*time.Microsecond), c.clock.now)
		}
	}
}

// name gives the attempt its ids, as the serving layer does.
func (a *attempt) name() {
	c, call := a.op.cluster, a.op.call
	v := c.config.Version
	a.baseID = call.RequestID
	if a.baseID == "" {
		a.baseID = fmt.Sprintf("%016x", c.random.Uint64())
		if v.BaseIDLength() == 32 {
			a.baseID += fmt.Sprintf("%016x", c.random.Uint64())
		}
	}
	own := ""
	if call.Endpoint == traffic.Responses {
		own = fmt.Sprintf("%016x", c.random.Uint64())
	}
	var external func(n int) string
	a.responseID, external = idsOf(v, call.Endpoint, a.baseID, own, len(call.Prompts))
	for n := range call.Prompts {
		p := &prompt{spec: &call.Prompts[n], externalID: external(n)}
		p.internalID = p.externalID
		if v.RandomSuffix() {
			p.internalID = fmt.Sprintf("%s-%08x", p.externalID, c.random.Uint32())
		}
		for child := range call.N {
			s := &sequence{attempt: a, prompt: p, processedAt: -1, internalID: p.internalID}
			if call.N > 1 {
				s.internalID = fmt.Sprintf("%d_%s", child, p.internalID)
			}
			s.Sequence = engine.Sequence{
				PromptTokens: p.spec.Tokens, OutputTokens: p.spec.Outputs[child], MaxTokens: call.MaxTokens,
				Prefix:       engine.Prefix{ID: p.spec.PrefixID, Tokens: p.spec.PrefixTokens},
				ScheduledAt:  -1,
				FirstTokenAt: -1,
			}
			if len(call.Prompts)*call.N == 1 && a.number == 1 {
				s.FailAfter = call.FailAfter
			}
			s.Owner = s
			s.spanID, s.traceID = c.spanID(), a.op.trace
			if !call.Caller.Traced {
				s.traceID = c.traceID() // no traceparent: a root span each
			}
			p.sequences = append(p.sequences, s)
			a.sequences = append(a.sequences, s)
		}
		a.prompts = append(a.prompts, p)
	}
	a.open = len(a.sequences)
}

// submit hands the sequences to the engines.
func (a *attempt) submit() {
	if a.ended >= 0 {
		return // the server died meanwhile
	}
	c, call, i := a.op.cluster, a.op.call, a.instance
	now := c.Now()
	for _, p := range a.prompts {
		a.line(p, func() { i.log.Received(now, i.api, p.externalID, a.sampling()) })
	}
	if call.Stream {
		// A stream's headers go out before its generator adds the request.
		i.log.Access(now, i.api, a.peer, "POST", call.Endpoint, 200, "OK")
		a.answered, a.httpStatus = true, 200
	}
	for _, p := range a.prompts {
		for _, s := range p.sequences {
			a.line(p, func() { i.log.Added(now, i.api, s.internalID, call.N > 1) })
			s.core = i.leastLoaded()
			s.arrival = s.core.State()
			c.sequences++
			s.core.Add(c.clock.now, &s.Sequence)
			i.kick(s.core)
		}
	}
}

// line writes a line that carries the prompt's id, unless the pipeline loses it.
func (a *attempt) line(p *prompt, write func()) {
	if a.op.cluster.lostLine() {
		p.lines.Lost++
		return
	}
	p.lines.Emitted++ // first: who loses the line on its way counts it back
	a.instance.log.About = &p.lines
	write()
	a.instance.log.About = nil
}

func (a *attempt) sampling() telemetry.Sampling {
	call := a.op.call
	s := telemetry.Sampling{N: call.N, Temperature: call.Temperature, TopP: call.TopP, MaxTokens: call.MaxTokens, LoRA: call.LoRA}
	for n, name := range a.instance.Model.LoRAs {
		if name == call.LoRA {
			s.LoRAID = n + 1
		}
	}
	return s
}

// sequenceEnded answers once the last sequence has ended.
func (a *attempt) sequenceEnded() {
	if a.open--; a.open > 0 {
		return
	}
	c, call, i := a.op.cluster, a.op.call, a.instance
	now := c.Now()
	status, httpStatus, message := truth.StatusOK, 200, ""
	failed := a.sequences[0].Finish == engine.Error
	if failed {
		status, httpStatus, message = truth.StatusError, 500, "internal error during generation"
		p := a.prompts[0]
		before := p.lines.Emitted
		a.line(p, func() { i.log.InternalError(now, i.api, a.responseID) })
		p.lines.Errors += p.lines.Emitted - before
	} else if logsOutputs(call.Endpoint) && c.config.Version.LogsOutputs() {
		for _, s := range a.sequences {
			if s.Generated == 0 {
				continue // an empty text is not logged
			}
			a.line(s.prompt, func() {
				i.log.Generated(now, i.api, a.responseID, telemetry.Output(s.Generated, uint64(s.PromptTokens)), string(s.Finish), call.Stream)
			})
		}
	}
	if !a.answered {
		reason := "OK"
		if failed {
			reason = "Internal Server Error"
		}
		i.log.Access(now, i.api, a.peer, "POST", call.Endpoint, httpStatus, reason)
		a.httpStatus = httpStatus
	}
	a.book(a.httpStatus)
	a.end(status, a.httpStatus, message)
}

// abandon is the client closing the connection.
func (a *attempt) abandon() {
	if a.ended >= 0 {
		return
	}
	c, i := a.op.cluster, a.instance
	now := c.Now()
	for _, p := range a.prompts {
		gone := false
		for _, s := range p.sequences {
			if s.done || s.core == nil {
				continue
			}
			s.core.Abort(&s.Sequence)
			s.done, gone = true, true
		}
		if gone {
			a.line(p, func() { i.log.Aborted(now, i.api, p.internalID) })
			a.line(p, func() { i.log.RequestAborted(now, i.api, p.externalID) })
		}
	}
	if a.answered {
		a.book(200)
	}
	a.end(truth.StatusAborted, a.httpStatus, "client closed the connection")
}

// inBatchOf lists the internal ids that are running on an engine.
func (a *attempt) inBatchOf(e *core) (ids []string) {
	for _, p := range a.prompts {
		named := false
		for _, s := range p.sequences {
			if s.core == e && !s.done && s.ScheduledAt >= 0 {
				ids = append(ids, s.internalID)
				named = true
			}
		}
		if named { // one line, the crash dump, however many of its sequences it names
			p.lines.Emitted++
			p.lines.Errors++
		}
	}
	return ids
}

// engineDied fails what was in flight.
func (a *attempt) engineDied() {
	c, call, i := a.op.cluster, a.op.call, a.instance
	now := c.Now().Add(150 * time.Millisecond)
	for _, p := range a.prompts {
		failed := false
		for _, s := range p.sequences {
			failed = failed || !s.done
			if !s.done {
				s.done = true
				s.Finish = engine.Error
			}
		}
		if failed {
			a.line(p, func() { i.log.FailedEngineDead(now, i.api, p.externalID) })
		}
	}
	if !a.answered {
		i.log.Access(now, i.api, a.peer, "POST", call.Endpoint, 500, "Internal Server Error")
		a.httpStatus = 500
	}
	a.end(truth.StatusError, a.httpStatus, "EngineDeadError")
}

// book counts the answer in the http_* families.
func (a *attempt) book(status int) {
	c, call := a.op.cluster, a.op.call
	tokens := 0
	for _, p := range call.Prompts {
		tokens += p.Tokens
	}
	response := 0 // a stream has no Content-Length
	if !call.Stream {
		for _, s := range a.sequences {
			response += 420 + 5*s.Generated
		}
	}
	a.instance.Metrics.HTTP(call.Endpoint, "POST", status, c.clock.now-a.arrivedAt, 180+5*tokens, response)
}

// end closes the attempt towards the caller.
func (a *attempt) end(status string, httpStatus int, message string) {
	c := a.op.cluster
	a.status, a.httpStatus, a.err = status, httpStatus, message
	a.ended = c.clock.now
	if i := a.instance; i != nil {
		if n := slices.Index(i.inFlight, a); n >= 0 {
			i.inFlight = slices.Delete(i.inFlight, n, n+1)
		}
	}
	back := min(a.op.call.Network, 5*time.Millisecond)
	c.clock.after(back, func() {
		a.ended = c.clock.now
		if a.op.instrumented() {
			a.callerSpan = a.sendCallerSpans()
		}
		a.op.attemptEnded(a)
	})
}
