package engine

import "time"

// Config is what `vllm serve` would be given, and what the GPU gives back.
type Config struct {
	MaxModelLen           int
	MaxNumSeqs            int
	MaxNumBatchedTokens   int
	BlockSize             int // tokens per KV block
	NumGPUBlocks          int
	PrefixCaching         bool
	SpeculativeTokens     int     // 0 is off
	SpeculativeAcceptance float64 // chance that the next draft token is accepted
	Step                  StepTime
}

// StepTime is the cost of one engine step.
type StepTime struct {
	Base        time.Duration // kernel launches, weights read once
	PerSequence time.Duration // sampling and bookkeeping
	PerPrefill  time.Duration // per prompt token computed
	PerKVToken  time.Duration // per context token that attention reads
}
