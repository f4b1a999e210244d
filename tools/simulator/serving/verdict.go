package serving

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// What a request of this fleet usually looks like: the baseline against which
// a phase counts as slow.
const (
	usualPromptTokens = 1200
	usualOutputTokens = 300
	usualOutside      = 50 * time.Millisecond
	usualQueue        = 60 * time.Millisecond
	slowExcess        = 400 * time.Millisecond // less than that nobody calls slow
)

// verdict is the true cause of slowness. It knows what the scheduler did, not
// only what telemetry shows of it.
func (s *sequence) verdict(status string) truth.Verdict {
	switch {
	case status == truth.StatusAborted && !s.orphan:
		return truth.Verdict{Cause: truth.CauseClientAbort}
	case status == truth.StatusError || s.orphan:
		return truth.Verdict{Cause: truth.CauseEngineError}
	}
	if s.processedAt < 0 {
		return truth.Verdict{Cause: truth.CauseNormal}
	}
	config := s.attempt.instance.Model.Engine
	excess := map[string]time.Duration{
		"outside": s.attempt.op.call.Network - usualOutside,
		"queue":   s.queue() - usualQueue,
		"prefill": s.prefill() - 2*config.SoloPrefill(usualPromptTokens),
		"decode":  s.decode() - 3*config.SoloDecode(usualPromptTokens, usualOutputTokens)/2,
	}
	worst, most := "", slowExcess
	v := truth.Verdict{Cause: truth.CauseNormal, Excess: map[string]float64{}}
	for _, phase := range []string{"outside", "queue", "prefill", "decode"} {
		if e := excess[phase]; e > 0 {
			v.Excess[phase] = e.Seconds()
			if e > most {
				worst, most = phase, e
			}
		}
	}
	switch worst {
	case "outside":
		v.Cause = truth.CauseOutside
	case "queue":
		v.Cause = s.queueCause()
	case "prefill":
		v.Cause = s.prefillCause(config)
	case "decode":
		v.Cause = s.decodeCause(config)
	}
	return v
}

// queueCause is what the head of the queue mostly waited for meanwhile.
func (s *sequence) queueCause() string {
	w := s.WaitedFor
	switch {
	case w[engine.KVPressure] >= w[engine.SeqCap] && w[engine.KVPressure] >= w[engine.TokenBudget]:
		return truth.CauseQueueKVPressure
	case w[engine.SeqCap] >= w[engine.TokenBudget]:
		return truth.CauseQueueSeqCap
	}
	return truth.CausePrefillContended // others' prompts used up the token budget
}

// prefillCause asks whether the prompt alone explains the time.
func (s *sequence) prefillCause(config engine.Config) string {
	if alone := config.SoloPrefill(s.PromptTokens - s.CachedTokens); 2*alone >= s.prefill() {
		return truth.CausePrefillLong
	}
	return truth.CausePrefillContended
}

// decodeCause compares what preemptions, company and length each added.
func (s *sequence) decodeCause(config engine.Config) string {
	alone := config.SoloDecode(s.PromptTokens, s.Generated)
	usual := config.SoloDecode(usualPromptTokens, usualOutputTokens)
	stalled := s.StalledFor
	company := s.decode() - stalled - alone
	length := alone - usual
	switch {
	case s.Preemptions > 0 && stalled >= company && stalled >= length:
		return truth.CauseDecodePreempted
	case company > length:
		return truth.CauseDecodeContended
	}
	return truth.CauseDecodeLong
}
