package serving

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// writeTruth writes one record per sequence, or one for an attempt that had none.
func (a *attempt) writeTruth() {
	out := a.op.cluster.output
	if len(a.sequences) == 0 {
		out.Request(a.record())
		return
	}
	for _, s := range a.sequences {
		out.Request(s.record())
	}
}

// record is what is true of the attempt as a whole.
func (a *attempt) record() *truth.Record {
	op, c, call := a.op, a.op.cluster, a.op.call
	at := a.arrivedAt
	if at < 0 {
		at = a.sentAt
	}
	r := &truth.Record{
		Kind: "request", Time: c.wall(at), End: c.wall(a.ended),
		Identity: truth.Identity{
			ResponseID: a.responseID, ClientRequestID: call.RequestID, Attempt: a.number,
		},
		Where: truth.Where{
			Model: op.model().Name, LoRA: call.LoRA, Environment: a.environment(),
			Namespace: a.namespace(), Service: op.model().Service,
			Endpoint: call.Endpoint, Stream: call.Stream,
		},
		Outcome: truth.Outcome{Status: a.status, HTTPStatus: a.httpStatus, Error: a.err},
		Size:    truth.Size{N: call.N, MaxTokens: call.MaxTokens, Temperature: &call.Temperature, TopP: &call.TopP},
		Verdict: truth.Verdict{Cause: truth.CauseNormal},
		Evidence: truth.Evidence{
			EngineSpan: truth.None, CallerSpan: a.callerSpan, RootSpan: op.rootSpan, RouterSpans: a.routerSpans,
		},
	}
	if call.Endpoint == traffic.Responses && a.callerSpan != truth.Emitted {
		r.ClientRequestID = "" // vLLM does not look at it, so that nothing else tells
	}
	if i := a.instance; i != nil {
		r.Pod, r.Instance, r.Cluster = i.Pod, i.Address, i.Cluster
	}
	if call.Caller.Traced {
		r.TraceID = traceHex(op.trace)
		r.ParentSpanID = spanHex(a.client)
		if op.routed() {
			r.ParentSpanID = spanHex(a.process)
		}
		if op.instrumented() {
			r.ClientSpanID, r.RootSpanID = spanHex(a.client), spanHex(op.root)
			r.Caller = a.caller()
			if op.routed() {
				r.RouterSpanIDs = []string{spanHex(a.router), spanHex(a.process)}
			}
		}
	}
	return r
}

func (a *attempt) caller() *truth.Caller {
	op := a.op
	return &truth.Caller{
		TraceID: traceHex(op.trace),
		Service: op.call.Caller.Service, Operation: op.operationName() + " " + op.requestedModel(),
		Duration:    (a.ended - a.sentAt).Seconds(),
		RootService: op.call.Caller.Service, RootOperation: op.call.Caller.Operation,
		RootDuration: (op.ended - op.started).Seconds(), Router: op.routed(),
	}
}

// record completes the attempt's record with the sequence's own truth.
func (s *sequence) record() *truth.Record {
	a := s.attempt
	c := a.op.cluster
	r := a.record()
	if s.prompt.arrivedAt > 0 {
		r.Time = c.wall(s.prompt.arrivedAt)
	}
	r.ExternalID, r.InternalID = s.prompt.externalID, s.internalID
	r.TraceID, r.SpanID = traceHex(s.traceID), spanHex(s.spanID)
	r.PromptTokens, r.CompletionTokens, r.CachedTokens = s.PromptTokens, s.Generated, s.CachedTokens
	r.FinishReason = string(s.Finish)
	r.Arrival = truth.State(s.arrival)
	r.Preemptions = s.Preemptions
	if s.core != nil {
		r.Engine = fmt.Sprint(s.core.index)
	}
	switch {
	case s.orphan:
		r.Status, r.ParentSpanID, r.Error = truth.StatusAborted, "", truth.AbortedByEngine
	case s.counted && s.Finish != engine.Error:
		r.Status = truth.StatusOK // also when the call failed because of a sibling
	}
	s.latency(r)
	if s.processedAt >= 0 {
		r.End = c.wall(s.processedAt)
	}
	l := s.prompt.lines
	r.Evidence.EngineSpan, r.Evidence.Counted = s.spanFate(), s.counted
	r.Evidence.LogLines, r.Evidence.LogLinesLost, r.Evidence.ErrorLines = l.Emitted, l.Lost, l.Errors
	r.Verdict = s.verdict(r.Status)
	return r
}

// latency fills in the phases that were reached.
func (s *sequence) latency(r *truth.Record) {
	seconds := func(d time.Duration) *float64 { v := d.Seconds(); return &v }
	if s.ScheduledAt >= 0 {
		r.Queue = seconds(s.queue())
	}
	if s.FirstTokenAt >= 0 {
		r.TTFT, r.Prefill = seconds(s.ttft()), seconds(s.prefill())
		r.PreQueue = seconds(s.ttft() - s.queue() - s.prefill())
	}
	if s.processedAt >= 0 {
		r.E2E = seconds(s.e2e())
	}
	if s.processedAt >= 0 && s.FirstTokenAt >= 0 {
		r.Decode = seconds(s.decode())
		if s.Generated > 1 {
			perToken := s.decode().Seconds() / float64(s.Generated-1)
			r.TPOT = &perToken
		}
	}
}

func traceHex(id telemetry.TraceID) string { return hex.EncodeToString(id[:]) }

func spanHex(id telemetry.SpanID) string { return hex.EncodeToString(id[:]) }
