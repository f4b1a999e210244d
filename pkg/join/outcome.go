package join

import (
	"cmp"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// outcome settles status, finish reason and derived times of every row.
func (j *joiner) outcome() {
	for i := range j.rows {
		r, f := &j.rows[i], &j.events[i]
		if r.ClientRequestID == "" {
			batch := j.batches[ordinal(i)]
			if f.beams {
				batch = r.RequestID
			}
			r.ClientRequestID = r.sentID(batch)
		}
		if r.search.spans > 0 && f.detail != nil {
			r.MaxTokens = f.detail.MaxTokens // the limit on the answer: that of a step is 1
		}
		if r.Span == nil && f.detail != nil {
			r.MaxTokens, r.Temperature, r.TopP = f.detail.MaxTokens, f.detail.Temperature, f.detail.TopP
		}
		if r.CachedTokens == evidence.Unknown && f.cachedAt != 0 {
			r.CachedTokens = f.cached
		}
		if r.LoRA == "" {
			r.LoRA = f.lora.word
		}
		r.settle(f)
		r.counted = r.Signals&SignalLogs != 0 && (r.Status == StatusOK || r.Status == StatusError && f.failedInside)
		// The inner call told how it ended, the outer one is who called, unless it was over before.
		if c := r.Caller; c != nil && c.Outer != nil && (r.Span == nil || c.Outer.Covers(r.Span)) {
			r.Caller = c.Outer
		}
		r.derive()
	}
}

// sentID is what the client sent as its id: what stands on the spans of a router that it was sent to, else what vLLM's own id
// tells. batch is the response of a row that is one of several; empty for all others.
func (r *Request) sentID(batch string) string {
	sent, gateway := r.idsAbove()
	if sent != "" {
		return sent
	}
	base := r.engineBase(batch)
	if gateway != "" && (base == "" || vllm.MadeUp(base)) {
		return gateway
	}
	return base
}

// idsAbove are what spans above the engine's say of the ids of the request.
func (r *Request) idsAbove() (sent, gateway string) {
	if r.Span != nil {
		sent, gateway = r.Span.SentID, r.Span.GatewayID
	}
	for _, c := range []*evidence.CallerSpan{r.Call, r.Caller} {
		if c != nil {
			sent, gateway = cmp.Or(sent, c.SentID), cmp.Or(gateway, c.GatewayID)
		}
	}
	return sent, gateway
}

// engineBase is what vLLM was sent as the id, or made up.
func (r *Request) engineBase(batch string) string {
	if batch != "" || r.search.spans > 0 {
		client, _ := vllm.ClientFromResponse(cmp.Or(batch, r.RequestID))
		return client
	}
	if client, ok := vllm.ClientRequestID(r.RequestID); ok {
		return client
	}
	return ""
}

// settle decides the status. Engine evidence outranks the caller's, since a client that gave up may call a finished
// request failed.
func (r *Request) settle(f *eventFacts) {
	if r.FinishReason = f.finish.word; f.mixed {
		r.FinishReason = ""
	}
	lines := r.FinishReason
	if r.FinishReason == "" && r.Span != nil {
		r.FinishReason = r.Span.FinishReason
	}
	if r.Span == nil || f.failedInside || r.search.spans > 0 {
		r.Error = f.err.word
	}
	if c := r.Call; c != nil {
		if c.HTTPStatus > 0 {
			r.HTTPStatus = int64(c.HTTPStatus)
		}
		if r.FinishReason == "" && c.FinishReason != vllm.SeveralReasons {
			r.FinishReason = c.FinishReason
		}
		if r.Error == "" {
			r.Error = c.Error
		}
	}
	if s := r.Span; s != nil && s.Error != "" {
		r.Error = s.Error
	}
	switch {
	case r.Span != nil:
		r.Status = r.engineStatus(f)
	case f.aborted || isAbort(r.FinishReason):
		r.Status = StatusAborted
	case f.refused:
		r.Status = StatusRejected
	case f.failed:
		r.Status = StatusError
	case f.doubtful: // a line that fits this request and another tells of a failure
		r.Status = StatusUnknown
	case f.generated:
		r.Status = StatusOK
	case r.Call != nil:
		r.Status = callerStatus(r.Call)
	default:
		r.Status = StatusUnknown // received and never heard of again, or its evidence lost
	}
	if f.partial && r.FinishReason == lines { // the outcome is the call's; the reason may be that of another sequence
		r.FinishReason = ""
		if r.Span != nil {
			r.FinishReason = r.Span.FinishReason
		}
	}
}

// engineStatus is the outcome of a sequence that has a span. vLLM leaves the span's status UNSET even on failure, so only
// lines and an explicit ERROR tell. A request that died with the engine or was refused leaves no span: when its lines say
// so, the failure is that of a sibling sequence which was not done yet.
func (r *Request) engineStatus(f *eventFacts) Status {
	switch {
	case isAbort(r.FinishReason), r.Span.Error != "" && isCancel(r.Span.Error), r.search.spans > 0 && f.aborted: // some steps of a search were done before
		return StatusAborted
	case f.failedInside || r.search.spans > 0 && f.failed || r.FinishReason == "error" || r.Span.Error != "":
		return StatusError
	// The line about it may be lost; the answer to the caller tells too, unless it is about a sibling sequence.
	// A stream fails after its 200, so the caller's error type counts as well as the status.
	case r.Call != nil && callerStatus(r.Call) == StatusError && !f.siblings:
		return StatusError
	case r.Span.CompletionTokens == 0 && r.Span.MaxTokens > 0: // the engine itself aborted it before its first token (a pause)
		return StatusAborted
	case f.doubtful: // a line that fits this request and another tells of a failure
		return StatusUnknown
	default:
		return StatusOK
	}
}

// callerStatus reads an outcome off a client span.
func callerStatus(c *evidence.CallerSpan) Status {
	switch {
	case c.HTTPStatus == 499 || isCancel(c.Error):
		return StatusAborted
	case c.HTTPStatus >= 400 && c.HTTPStatus < 500, c.HTTPStatus == 503: // 503: no replica, or a full queue
		return StatusRejected
	case c.HTTPStatus >= 500:
		return StatusError
	case c.HTTPStatus == 0 && vllm.RefusalInWords(c.Error):
		return StatusRejected
	case c.Error != "" && c.Outer != nil && isCancel(c.Outer.Error): // a router says that it failed, its caller why
		return StatusAborted
	case c.Error != "":
		return StatusError
	case c.HTTPStatus >= 200 && c.HTTPStatus < 300, c.FinishReason != "":
		return StatusOK
	default:
		return StatusUnknown
	}
}

// isAbort recognises the finish reasons of a request that was given up.
func isAbort(finish string) bool {
	return finish == "abort" || finish == "aborted" || finish == "cancelled"
}

// isCancel recognises the names that client libraries give to a call ended by the caller itself.
func isCancel(errorType string) bool {
	e := strings.ToLower(errorType)
	for _, word := range []string{"cancel", "abort", "disconnect", "client closed", "timeout", "timed out"} {
		if strings.Contains(e, word) {
			return true
		}
	}
	return false
}

// derive computes what follows from the span's own numbers (vllm-telemetry.md 2.2). NaN spreads by itself.
func (r *Request) derive() {
	if c := r.Caller; c != nil {
		r.CallerDuration = c.Duration
	}
	s := r.Span
	if s == nil {
		return
	}
	r.PreQueue = clampNoise(s.TTFT - s.Queue - s.Prefill)
	r.Unaccounted = clampNoise(s.E2E - s.TTFT - s.Decode)
	if r.OutsideEngine = clampNoise(r.CallerDuration - s.E2E); r.OutsideEngine < 0 || r.Caller != nil && r.Caller.Shared && !r.Caller.Inference {
		// A caller of several requests waited for the others too. One that waited less than the engine worked is measured
		// wrong, or is none.
		r.OutsideEngine = evidence.NaN
	}
	if s.CompletionTokens > 1 {
		r.TPOT = s.Decode / float64(s.CompletionTokens-1)
	}
	if r.search.steps > 1 { // each step is a token of the answer
		r.TPOT = s.Decode / float64(r.search.steps-1)
	}
	if s.CompletionTokens > 0 && s.Decode > 0 {
		r.TokensPerSecond = float64(s.CompletionTokens) / s.Decode
	}
}

// clampNoise removes negative differences of up to a millisecond: queue and prefill are measured by another clock than
// ttft. Larger ones stay, they show a clock step. A positive difference below a nanosecond is the arithmetic's own.
func clampNoise(s float64) float64 {
	if s > -0.001 && s < 1e-9 {
		return 0
	}
	return s
}
