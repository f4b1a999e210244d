package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// small is an engine in which every limit is soon met.
func small() Config {
	return Config{
		MaxModelLen: 1024, MaxNumSeqs: 4, MaxNumBatchedTokens: 256, BlockSize: 16, NumGPUBlocks: 81, PrefixCaching: true,
		Step: StepTime{Base: 10 * time.Millisecond, PerSequence: 100 * time.Microsecond, PerPrefill: 50 * time.Microsecond},
	}
}

// drive runs the engine until it is idle and calls check after each step.
func drive(t *testing.T, e *Engine, check func(now time.Duration, r *StepResult)) time.Duration {
	t.Helper()
	var now time.Duration
	var result StepResult
	for range 100_000 {
		took, ok := e.StartStep(now)
		if !ok {
			require.True(t, e.Idle(), "nothing was scheduled although requests wait")
			return now
		}
		now += took
		e.FinishStep(now, &result)
		if check != nil {
			check(now, &result)
		}
	}
	t.Fatal("the engine does not come to rest")
	return 0
}

// requireBlocksAddUp compares the pool's count with who holds what.
func requireBlocksAddUp(t *testing.T, e *Engine) {
	t.Helper()
	held := 0
	users := map[*cachedPrefix]int{}
	for _, s := range e.running {
		held += s.ownBlocks
		if s.shared != nil {
			users[s.shared]++
		}
	}
	for _, s := range e.waiting {
		if s.ownBlocks != 0 {
			t.Fatal("a waiting sequence holds blocks")
		}
	}
	for prefix, n := range users {
		if n != prefix.users {
			t.Fatalf("a prefix counts %d users, %d hold it", prefix.users, n)
		}
		held += prefix.blocks
	}
	if held != e.pool.used || e.pool.used < 0 || e.pool.used > e.pool.usable {
		t.Fatalf("%d blocks are held, the pool counts %d of %d", held, e.pool.used, e.pool.usable)
	}
	if len(e.running) > e.config.MaxNumSeqs {
		t.Fatalf("%d sequences run", len(e.running))
	}
}

func TestEveryInvariantHoldsAfterEveryStep(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"plain", func(*Config) {}},
		{"without prefix cache", func(c *Config) { c.PrefixCaching = false }},
		{"speculative decoding", func(c *Config) { c.SpeculativeTokens, c.SpeculativeAcceptance = 3, 0.7 }},
		{"hardly any KV blocks", func(c *Config) { c.NumGPUBlocks = 66 }},
		{"one at a time", func(c *Config) { c.MaxNumSeqs = 1 }},
	} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("%s, seed %d", c.name, seed), func(t *testing.T) {
				config := small()
				c.change(&config)
				e := New(config, seed)
				random := rand.New(rand.NewPCG(seed, 1))
				var all []*Sequence
				add := func(now time.Duration) {
					s := &Sequence{
						PromptTokens: 1 + random.IntN(600), OutputTokens: 1 + random.IntN(300), MaxTokens: 1 + random.IntN(300),
						Prefix: Prefix{ID: uint64(random.IntN(3)), Tokens: 64},
					}
					all = append(all, s)
					e.Add(now, s)
				}
				for range 20 {
					add(0)
				}
				ended := map[*Sequence]int{}
				aborted := 0
				drive(t, e, func(now time.Duration, r *StepResult) {
					requireBlocksAddUp(t, e)
					for _, s := range r.Finished {
						ended[s]++
					}
					if len(all) < 70 && random.IntN(3) == 0 {
						add(now)
					}
					if s := all[random.IntN(len(all))]; random.IntN(50) == 0 && s.inProgress {
						e.Abort(s)
						ended[s]++
						aborted++
						requireBlocksAddUp(t, e)
					}
				})
				require.Zero(t, e.pool.used, "blocks leaked")
				for _, s := range all {
					require.Equal(t, 1, ended[s], "each sequence ends exactly once")
					if s.Finish == Abort {
						continue
					}
					require.Equal(t, min(s.OutputTokens, s.MaxTokens), s.Generated)
					require.Equal(t, s.OutputTokens > s.MaxTokens, s.Finish == Length)
					require.LessOrEqual(t, s.QueuedAt, s.ScheduledAt)
					require.Less(t, s.ScheduledAt, s.FirstTokenAt)
					require.LessOrEqual(t, s.FirstTokenAt, s.LastTokenAt)
				}
				require.Positive(t, aborted)
			})
		}
	}
}

func TestRequestsWaitForWhatIsShort(t *testing.T) {
	for _, c := range []struct {
		name     string
		change   func(*Config)
		prompt   int
		obstacle Obstacle
	}{
		{"a place in the batch", func(c *Config) { c.MaxNumSeqs = 1 }, 32, SeqCap},
		{"KV blocks", func(c *Config) { c.NumGPUBlocks = 66; c.MaxNumBatchedTokens = 2048 }, 700, KVPressure},
		{"the token budget", func(c *Config) { c.MaxNumBatchedTokens = 64; c.NumGPUBlocks = 400 }, 300, TokenBudget},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := small()
			c.change(&config)
			e := New(config, 1)
			first := &Sequence{PromptTokens: c.prompt, OutputTokens: 5, MaxTokens: 100}
			second := &Sequence{PromptTokens: c.prompt, OutputTokens: 5, MaxTokens: 100}
			e.Add(0, first)
			e.Add(0, second)
			drive(t, e, nil)
			require.Zero(t, first.ScheduledAt)
			require.Equal(t, second.ScheduledAt, second.WaitedFor[c.obstacle], "all of its waiting has one reason")
			require.Positive(t, second.ScheduledAt)
		})
	}
}

func TestTheYoungestIsPreemptedAndRecomputed(t *testing.T) {
	config := small()
	config.NumGPUBlocks = 66
	e := New(config, 1)
	old := &Sequence{PromptTokens: 500, OutputTokens: 200, MaxTokens: 500}
	young := &Sequence{PromptTokens: 500, OutputTokens: 200, MaxTokens: 500}
	e.Add(0, old)
	e.Add(0, young)
	preemptions := 0
	drive(t, e, func(_ time.Duration, r *StepResult) { preemptions += r.Preemptions })
	require.Zero(t, old.Preemptions)
	require.Equal(t, preemptions, young.Preemptions)
	require.Positive(t, preemptions)
	require.Positive(t, young.StalledFor)
	require.Less(t, old.LastTokenAt, young.LastTokenAt)
	require.Equal(t, 200, young.Generated, "nothing generated is lost")
}

func TestASharedPrefixIsComputedOnce(t *testing.T) {
	e := New(small(), 1)
	var r StepResult
	prompt := func() *Sequence {
		return &Sequence{PromptTokens: 200, OutputTokens: 2, MaxTokens: 10, Prefix: Prefix{ID: 7, Tokens: 100}}
	}
	first, second := prompt(), prompt()
	e.Add(0, first)
	now := drive(t, e, nil)
	e.Add(now, second)
	took, _ := e.StartStep(now)
	e.FinishStep(now+took, &r)
	require.Zero(t, first.CachedTokens)
	require.Equal(t, 96, second.CachedTokens, "whole blocks only")
	require.Equal(t, 200, r.CacheQueries)
	require.Equal(t, 96, r.CacheHits)
	require.Equal(t, 104, r.PrefillTokens)
}

func TestACachedPrefixIsEvictedByLaterAllocations(t *testing.T) {
	e := New(small(), 1)
	first := &Sequence{PromptTokens: 100, OutputTokens: 1, MaxTokens: 10, Prefix: Prefix{ID: 7, Tokens: 64}}
	e.Add(0, first)
	drive(t, e, nil)
	require.NotNil(t, e.pool.lookup(7))
	for range 3 { // 3 × 32 blocks through a pool of 80
		e.Add(0, &Sequence{PromptTokens: 500, OutputTokens: 1, MaxTokens: 10})
	}
	drive(t, e, nil)
	require.Nil(t, e.pool.lookup(7))
}

func TestALongPromptIsPrefilledInChunks(t *testing.T) {
	e := New(small(), 1)
	s := &Sequence{PromptTokens: 600, OutputTokens: 1, MaxTokens: 1}
	e.Add(0, s)
	var chunks []int
	drive(t, e, func(_ time.Duration, r *StepResult) { chunks = append(chunks, r.PrefillTokens) })
	require.Equal(t, []int{256, 256, 88}, chunks)
}

func TestSpeculationYieldsSeveralTokensAStep(t *testing.T) {
	config := small()
	config.SpeculativeTokens, config.SpeculativeAcceptance = 3, 1
	e := New(config, 1)
	s := &Sequence{PromptTokens: 10, OutputTokens: 10, MaxTokens: 100}
	e.Add(0, s)
	var generated []int
	drive(t, e, func(_ time.Duration, r *StepResult) { generated = append(generated, r.GeneratedTokens) })
	require.Equal(t, []int{1, 4, 4, 1}, generated, "the last step stops at the end of the answer")
}

func TestAnEngineThatFailsHoldsNothing(t *testing.T) {
	e := New(small(), 1)
	s := &Sequence{PromptTokens: 100, OutputTokens: 10, MaxTokens: 10}
	e.Add(0, s)
	e.StartStep(0)
	e.Fail()
	require.True(t, e.Idle())
	require.Equal(t, Error, s.Finish)
	require.Zero(t, e.State().KVCacheUsage)
}

func BenchmarkStep(b *testing.B) {
	config := small()
	config.MaxNumSeqs, config.NumGPUBlocks = 64, 100_000
	e := New(config, 1)
	var r StepResult
	now := time.Duration(0)
	for b.Loop() {
		for len(e.running)+len(e.waiting) < 64 {
			e.Add(now, &Sequence{PromptTokens: 200, OutputTokens: 200, MaxTokens: 300})
		}
		took, _ := e.StartStep(now)
		now += took
		e.FinishStep(now, &r)
	}
}
