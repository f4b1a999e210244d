package engine

import "time"

// FinishReason is the label finished_reason, and finish_reason in responses.
type FinishReason string

// Finish reasons the engine itself can give.
const (
	Unfinished FinishReason = ""
	Stop       FinishReason = "stop"
	Length     FinishReason = "length"
	Abort      FinishReason = "abort"
	Error      FinishReason = "error"
	Repetition FinishReason = "repetition"
)

// Obstacle is why the head of the waiting queue was not scheduled.
type Obstacle int

// Obstacles, as indices of Sequence.WaitedFor.
const (
	SeqCap      Obstacle = iota // max_num_seqs sequences are running
	KVPressure                  // no free KV blocks
	TokenBudget                 // max_num_batched_tokens spent on others
	obstacles
)

// Prefix is the part of a prompt that other prompts begin with too.
type Prefix struct {
	ID     uint64 // 0 is none
	Tokens int
}

// Sequence is one engine request. The owner fills the first part.
type Sequence struct {
	PromptTokens int
	OutputTokens int // where it would end by itself
	MaxTokens    int
	Prefix       Prefix
	FailAfter    int // ends with Error after that many tokens; 0 is never
	Owner        any // the owner's own record

	QueuedAt     time.Duration
	ScheduledAt  time.Duration // first time; -1 before
	FirstTokenAt time.Duration // -1 before
	LastTokenAt  time.Duration
	Generated    int
	CachedTokens int // found in the prefix cache at first admission
	Preemptions  int
	StalledFor   time.Duration // from each preemption to the next token
	WaitedFor    [obstacles]time.Duration
	Finish       FinishReason

	computed   int // tokens whose KV is in blocks, shared prefix included
	scheduled  int // tokens of the step in progress
	ownBlocks  int
	shared     *cachedPrefix
	stalledAt  time.Duration // -1 when not stalled
	waitMark   [obstacles]time.Duration
	inProgress bool // known to the engine and not ended
}

// total is the number of tokens known so far.
func (s *Sequence) total() int { return s.PromptTokens + s.Generated }

// decoding says that only the newest token is left to compute.
func (s *Sequence) decoding() bool { return s.Generated > 0 && s.total()-s.computed <= 1 }

// ending tells whether the sequence is over and why.
func (s *Sequence) ending() FinishReason {
	switch {
	case s.FailAfter > 0 && s.Generated >= s.FailAfter:
		return Error
	case s.Generated >= s.OutputTokens && s.OutputTokens <= s.MaxTokens:
		return Stop
	case s.Generated >= s.MaxTokens:
		return Length
	}
	return Unfinished
}

// room is how many tokens it may still generate.
func (s *Sequence) room() int {
	end := min(s.OutputTokens, s.MaxTokens)
	if s.FailAfter > 0 {
		end = min(end, s.FailAfter)
	}
	return end - s.Generated
}
