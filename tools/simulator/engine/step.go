package engine

import "time"

// StepResult is what the engine core sends to the API server after a step.
// Its slices are reused by the next step.
type StepResult struct {
	ScheduledTokens int // computed prefill plus generated: iteration_tokens_total
	GeneratedTokens int
	FirstTokens     []*Sequence
	Finished        []*Sequence
	InterToken      []InterToken
	Preemptions     int
	CacheQueries    int // prefix cache, tokens
	CacheHits       int
	Drafts          int // speculative decoding
	DraftTokens     int
	AcceptedPerPos  []int
	PrefillTokens   int // prompt tokens computed
}

// InterToken is one latency seen by Count sequences.
type InterToken struct {
	Latency time.Duration
	Count   int
}

// FinishStep ends the step in progress: tokens appear, sequences end.
func (e *Engine) FinishStep(now time.Duration, result *StepResult) {
	st := &e.step
	st.active = false
	elapsed := now - st.startedAt
	*result = StepResult{
		ScheduledTokens: st.prefillTokens,
		FirstTokens:     result.FirstTokens[:0],
		Finished:        result.Finished[:0],
		InterToken:      result.InterToken[:0],
		AcceptedPerPos:  append(result.AcceptedPerPos[:0], make([]int, e.config.SpeculativeTokens)...),
		Preemptions:     st.preempted,
		CacheQueries:    st.queries,
		CacheHits:       st.hits,
		PrefillTokens:   st.prefillTokens,
	}
	steady := InterToken{Latency: elapsed} // those whose last token came with the last step
	for _, s := range st.batch {
		if !s.inProgress {
			continue // aborted while the step ran
		}
		decoding := s.decoding()
		s.computed = min(s.computed+s.scheduled, s.total())
		e.sharePrefix(s)
		if s.computed < s.total() {
			continue // a chunk of prefill: nothing to sample yet
		}
		tokens := e.sample(s, decoding, result)
		s.Generated += tokens
		result.GeneratedTokens += tokens
		result.ScheduledTokens += tokens
		switch {
		case s.FirstTokenAt < 0:
			s.FirstTokenAt = now
			result.FirstTokens = append(result.FirstTokens, s)
		case s.LastTokenAt == st.startedAt:
			steady.Count++
		default:
			result.InterToken = append(result.InterToken, InterToken{now - s.LastTokenAt, 1})
		}
		s.LastTokenAt = now
		if s.stalledAt >= 0 {
			s.StalledFor += now - s.stalledAt
			s.stalledAt = -1
		}
		if s.Finish = s.ending(); s.Finish != Unfinished {
			result.Finished = append(result.Finished, s)
		}
	}
	if steady.Count > 0 {
		result.InterToken = append(result.InterToken, steady)
	}
	e.retire(result.Finished)
	if len(e.waiting) > 0 {
		e.blocked[e.obstacle] += elapsed
	}
}

// sample draws the step's tokens: one, and those drafts that were accepted.
// The KV of accepted drafts is already in the step's blocks.
func (e *Engine) sample(s *Sequence, decoding bool, result *StepResult) int {
	k := e.config.SpeculativeTokens
	if k == 0 || !decoding {
		return 1
	}
	result.Drafts++
	result.DraftTokens += k
	accepted := 0
	for accepted < k && e.random.Float64() < e.config.SpeculativeAcceptance {
		result.AcceptedPerPos[accepted]++
		accepted++
	}
	tokens := min(1+accepted, s.room())
	s.computed += tokens - 1
	return tokens
}

// sharePrefix makes a freshly computed prefix available to others.
func (e *Engine) sharePrefix(s *Sequence) {
	size := s.Prefix.Tokens / e.config.BlockSize
	if !e.config.PrefixCaching || s.Prefix.ID == 0 || s.shared != nil || size == 0 ||
		s.computed < size*e.config.BlockSize || e.pool.lookup(s.Prefix.ID) != nil {
		return
	}
	s.shared = e.pool.share(s.Prefix.ID, size)
	s.ownBlocks -= size
}

// retire takes finished sequences out of the batch in one pass.
func (e *Engine) retire(finished []*Sequence) {
	if len(finished) == 0 {
		return
	}
	for _, s := range finished {
		e.releaseBlocks(s)
		s.inProgress = false
	}
	kept := e.running[:0]
	for _, s := range e.running {
		if s.inProgress {
			kept = append(kept, s)
		}
	}
	clear(e.running[len(kept):])
	e.running = kept
}
