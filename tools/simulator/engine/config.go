package engine

import "time"

// Config is what `vllm serve` would be given, and what the GPU gives back.
type Config struct {
	MaxModelLen           int
	MaxNumSeqs            int
	MaxNumBatchedTokens   int
	BlockSize             int // tokens per KV block
	NumGPUBlocks          int // one of them is vLLM's null block and never handed out
	PrefixCaching         bool
	SpeculativeTokens     int     // draft tokens per step; 0 is off
	SpeculativeAcceptance float64 // chance that the next draft token is accepted
	Step                  StepTime
}

// StepTime is the cost of one engine step.
type StepTime struct {
	Base        time.Duration // kernel launches, and the weights read once
	PerSequence time.Duration // sampling and bookkeeping
	PerPrefill  time.Duration // per prompt token computed
	PerKVToken  time.Duration // per context token that attention reads
}

// cost of a step over that many sequences, prefill tokens and context tokens.
func (s StepTime) cost(sequences, prefillTokens, contextTokens int) time.Duration {
	return s.Base +
		time.Duration(sequences)*s.PerSequence +
		time.Duration(prefillTokens)*s.PerPrefill +
		time.Duration(contextTokens)*s.PerKVToken
}

// SoloPrefill is how long an otherwise idle engine needs for the prompt.
func (c Config) SoloPrefill(tokens int) time.Duration {
	var total time.Duration
	for done := 0; done < tokens; {
		chunk := min(tokens-done, c.MaxNumBatchedTokens)
		done += chunk
		total += c.Step.cost(1, chunk, done)
	}
	return total
}

// SoloDecode is how long an otherwise idle engine needs for the tokens after
// the first. It ignores speculation, which can only be faster.
func (c Config) SoloDecode(promptTokens, outputTokens int) time.Duration {
	if outputTokens <= 1 {
		return 0
	}
	return time.Duration(outputTokens-1) * c.Step.cost(1, 0, promptTokens+outputTokens/2)
}

// usableBlocks excludes the null block.
func (c Config) usableBlocks() int { return c.NumGPUBlocks - 1 }
