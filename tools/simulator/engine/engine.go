package engine

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Engine is one engine core: one data-parallel rank of one server.
type Engine struct {
	config  Config
	random  *rand.Rand
	pool    blockPool
	running []*Sequence
	waiting []*Sequence // head first
	step    step

	// blocked grows while the head of the queue waits for something; a
	// sequence's own waiting is the difference of two readings.
	blocked  [obstacles]time.Duration
	obstacle Obstacle
}

// step is the one in progress.
type step struct {
	active        bool
	startedAt     time.Duration
	batch         []*Sequence
	prefillTokens int
	preempted     int
	queries, hits int // prefix cache, in tokens
}

// State is what the scheduler would report after the last step.
type State struct {
	Running, Waiting int
	KVCacheUsage     float64
}

// New makes an idle engine. The seed rules the jitter of its step times.
func New(config Config, seed uint64) *Engine {
	return &Engine{
		config: config,
		random: rand.New(rand.NewPCG(seed, 0xe11e)), // #nosec G404 -- the same seed must give the same run
		pool:   newBlockPool(config.usableBlocks()),
	}
}

// State reads the scheduler.
func (e *Engine) State() State {
	return State{
		Running:      len(e.running),
		Waiting:      len(e.waiting),
		KVCacheUsage: float64(e.pool.used) / float64(e.pool.usable),
	}
}

// Busy says that a step is in progress.
func (e *Engine) Busy() bool { return e.step.active }

// Idle says that there is nothing to run.
func (e *Engine) Idle() bool { return len(e.running) == 0 && len(e.waiting) == 0 }

// Add queues a sequence.
func (e *Engine) Add(now time.Duration, s *Sequence) {
	s.QueuedAt, s.ScheduledAt, s.FirstTokenAt, s.stalledAt = now, -1, -1, -1
	s.waitMark = e.blocked
	s.inProgress = true
	e.waiting = append(e.waiting, s)
}

// Abort forgets a sequence, wherever it is. The step in progress still pays
// for it, as on a GPU.
func (e *Engine) Abort(s *Sequence) {
	if !s.inProgress {
		return
	}
	if i := slices.Index(e.running, s); i >= 0 {
		e.running = slices.Delete(e.running, i, i+1)
	} else if i := slices.Index(e.waiting, s); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
		e.markWaited(s)
	}
	e.releaseBlocks(s)
	s.Finish, s.inProgress = Abort, false
}

// Fail ends everything: the engine process died.
func (e *Engine) Fail() {
	for _, s := range slices.Concat(e.running, e.waiting) {
		s.Finish, s.inProgress = Error, false
	}
	e.running, e.waiting = nil, nil
	e.pool = newBlockPool(e.config.usableBlocks())
	e.step = step{}
}

// StartStep schedules a batch and returns how long it will take. It reports
// false when there is nothing to run.
func (e *Engine) StartStep(now time.Duration) (time.Duration, bool) {
	e.step = step{active: true, startedAt: now, batch: e.step.batch[:0]}
	budget := e.scheduleRunning(now)
	if e.step.preempted == 0 {
		e.scheduleWaiting(now, budget)
	}
	if len(e.step.batch) == 0 {
		e.step.active = false
		return 0, false
	}
	context := 0
	for _, s := range e.step.batch {
		context += s.computed + s.scheduled
	}
	cost := e.config.Step.cost(len(e.step.batch), e.step.prefillTokens, context)
	jitter := 1 + 0.03*min(max(e.random.NormFloat64(), -3), 3)
	return time.Duration(float64(cost) * jitter), true
}

// scheduleRunning gives each running sequence its next tokens, preempting the
// youngest when blocks run out.
func (e *Engine) scheduleRunning(now time.Duration) (budget int) {
	budget = e.config.MaxNumBatchedTokens
	for i := 0; i < len(e.running) && budget > 0; i++ {
		s := e.running[i]
		want := min(s.total()-s.computed, budget)
		if s.decoding() {
			want = min(want+e.config.SpeculativeTokens, budget)
		}
		need := e.blocksFor(s, want)
		for need > e.pool.free() {
			victim := e.running[len(e.running)-1]
			e.preempt(now, victim)
			if victim == s {
				return budget
			}
		}
		e.pool.take(need)
		s.ownBlocks += need
		budget -= want
		e.enlist(s, want)
	}
	return budget
}

// scheduleWaiting admits from the head of the queue until something stops it.
func (e *Engine) scheduleWaiting(now time.Duration, budget int) {
	e.obstacle = TokenBudget
	for len(e.waiting) > 0 && budget > 0 {
		if len(e.running) >= e.config.MaxNumSeqs {
			e.obstacle = SeqCap
			break
		}
		s := e.waiting[0]
		prefix := e.cached(s)
		hit := 0
		if prefix != nil {
			hit = prefix.blocks * e.config.BlockSize
		}
		want := min(s.total()-hit, budget)
		need := blocks(hit+want, e.config.BlockSize)
		if prefix != nil {
			need -= prefix.blocks
		}
		if need+prefix.cost() > e.pool.free() {
			e.obstacle = KVPressure
			break
		}
		e.waiting = e.waiting[1:]
		if prefix != nil {
			e.pool.hold(prefix)
			s.shared = prefix
		}
		e.pool.take(need)
		s.ownBlocks, s.computed = need, hit
		e.admit(now, s, hit)
		budget -= want
		e.enlist(s, want)
	}
}

// admit moves a sequence into the batch and, the first time, notes when, what
// the prefix cache gave, and what it had waited for.
func (e *Engine) admit(now time.Duration, s *Sequence, hit int) {
	e.running = append(e.running, s)
	if s.ScheduledAt >= 0 {
		return
	}
	s.ScheduledAt, s.CachedTokens = now, hit
	e.markWaited(s)
	if e.config.PrefixCaching {
		e.step.queries += s.PromptTokens
		e.step.hits += hit
	}
}

func (e *Engine) markWaited(s *Sequence) {
	if s.ScheduledAt >= 0 && s.Preemptions > 0 {
		return // waiting again after a preemption counts as stalled
	}
	for o := range s.WaitedFor {
		s.WaitedFor[o] = e.blocked[o] - s.waitMark[o]
	}
}

func (e *Engine) enlist(s *Sequence, tokens int) {
	s.scheduled = tokens
	if !s.decoding() {
		e.step.prefillTokens += tokens
	}
	e.step.batch = append(e.step.batch, s)
}

// cached is the shared prefix the sequence can start from. At least one token
// must be computed, so that there is something to sample from.
func (e *Engine) cached(s *Sequence) *cachedPrefix {
	if !e.config.PrefixCaching || s.Prefix.ID == 0 {
		return nil
	}
	c := e.pool.lookup(s.Prefix.ID)
	if c == nil || c.blocks*e.config.BlockSize >= s.PromptTokens {
		return nil
	}
	return c
}

func (e *Engine) preempt(now time.Duration, s *Sequence) {
	e.running = e.running[:len(e.running)-1]
	e.releaseBlocks(s)
	s.computed = 0
	s.Preemptions++
	if s.stalledAt < 0 {
		s.stalledAt = now
	}
	e.waiting = slices.Insert(e.waiting, 0, s)
	e.step.preempted++
}

func (e *Engine) releaseBlocks(s *Sequence) {
	e.pool.give(s.ownBlocks)
	s.ownBlocks = 0
	if s.shared != nil {
		e.pool.release(s.shared)
		s.shared = nil
	}
}

// blocksFor is how many more blocks the sequence needs for that many tokens.
func (e *Engine) blocksFor(s *Sequence, tokens int) int {
	have := s.ownBlocks
	if s.shared != nil {
		have += s.shared.blocks
	}
	return max(0, blocks(s.computed+tokens, e.config.BlockSize)-have)
}

func blocks(tokens, size int) int { return (tokens + size - 1) / size }
