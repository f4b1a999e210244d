package telemetry

import (
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

// EngineMetrics are the numbers behind the vllm:* families of one engine.
// Gauges hold what the last step reported and freeze when the engine idles.
type EngineMetrics struct {
	running, waiting, kvUsage           float64
	cacheQueries, cacheHits             float64
	preemptions                         float64
	promptTokens, promptTokensCached    float64
	generationTokens                    float64
	success                             map[engine.FinishReason]*float64
	drafts, draftTokens, acceptedTokens float64
	acceptedPerPos                      []float64

	promptLength, generationLength  *Histogram
	maxGenerationLength, n          *Histogram
	maxTokens, kvComputed           *Histogram
	iterationTokens                 *Histogram
	ttft, interToken, timePerOutput *Histogram
	e2e, queue, prefill, decode     *Histogram
	inference, preempted            *Histogram
}

var finishReasons = []engine.FinishReason{engine.Stop, engine.Length, engine.Abort, engine.Error, engine.Repetition}

// NewEngineMetrics starts all numbers at zero, as a new process does.
func NewEngineMetrics(config engine.Config) *EngineMetrics {
	tokens := buckets125(config.MaxModelLen)
	m := &EngineMetrics{
		success:             map[engine.FinishReason]*float64{},
		acceptedPerPos:      make([]float64, config.SpeculativeTokens),
		promptLength:        newHistogram(tokens),
		generationLength:    newHistogram(tokens),
		maxGenerationLength: newHistogram(tokens),
		n:                   newHistogram(bucketsN),
		maxTokens:           newHistogram(tokens),
		kvComputed:          newHistogram(tokens),
		iterationTokens:     newHistogram(bucketsIteration),
		ttft:                newHistogram(bucketsTTFT),
		interToken:          newHistogram(bucketsInterToken),
		timePerOutput:       newHistogram(bucketsInterToken),
		e2e:                 newHistogram(bucketsLatency),
		queue:               newHistogram(bucketsLatency),
		prefill:             newHistogram(bucketsLatency),
		decode:              newHistogram(bucketsLatency),
		inference:           newHistogram(bucketsLatency),
		preempted:           newHistogram(bucketsPreempted),
	}
	for _, r := range finishReasons {
		m.success[r] = new(float64)
	}
	return m
}

// Step books one engine step.
func (m *EngineMetrics) Step(r *engine.StepResult, state engine.State) {
	m.running, m.waiting, m.kvUsage = float64(state.Running), float64(state.Waiting), state.KVCacheUsage
	m.cacheQueries += float64(r.CacheQueries)
	m.cacheHits += float64(r.CacheHits)
	m.preemptions += float64(r.Preemptions)
	m.generationTokens += float64(r.GeneratedTokens)
	m.iterationTokens.Observe(float64(r.ScheduledTokens))
	m.drafts += float64(r.Drafts)
	m.draftTokens += float64(r.DraftTokens)
	for i, n := range r.AcceptedPerPos {
		m.acceptedPerPos[i] += float64(n)
		m.acceptedTokens += float64(n)
	}
	for _, t := range r.InterToken {
		m.interToken.ObserveN(t.Latency.Seconds(), t.Count)
	}
	for _, s := range r.FirstTokens {
		m.promptTokens += float64(s.PromptTokens)
		m.promptTokensCached += float64(s.CachedTokens)
	}
}

// FirstToken books a time to first token.
func (m *EngineMetrics) FirstToken(ttft time.Duration) { m.ttft.Observe(ttft.Seconds()) }

// Phases are what vLLM computes from its timestamps when a request ends. For a
// request that the engine aborted before its first token that is nonsense:
// the missing timestamp is zero, so Prefill is the host's uptime.
type Phases struct{ TTFT, E2E, Queue, Prefill, Decode time.Duration }

// Finished books a sequence that the engine ended by itself. Sequences whose
// client left are never booked: vLLM forgets them.
func (m *EngineMetrics) Finished(s *engine.Sequence, p Phases) {
	*m.success[s.Finish]++
	perToken := 0.0
	if s.Generated > 1 {
		perToken = p.Decode.Seconds() / float64(s.Generated-1)
	}
	m.promptLength.Observe(float64(s.PromptTokens))
	m.generationLength.Observe(float64(s.Generated))
	m.maxTokens.Observe(float64(s.MaxTokens))
	m.kvComputed.Observe(float64(s.PromptTokens - s.CachedTokens))
	m.timePerOutput.Observe(perToken)
	m.e2e.Observe(p.E2E.Seconds())
	m.queue.Observe(p.Queue.Seconds())
	m.prefill.Observe(p.Prefill.Seconds())
	m.decode.Observe(p.Decode.Seconds())
	m.inference.Observe((p.Prefill + p.Decode).Seconds())
	m.preempted.Observe(float64(s.Preemptions))
}

// ParentFinished books what is counted once per prompt, over its n sequences.
func (m *EngineMetrics) ParentFinished(n, maxGenerated int) {
	m.n.Observe(float64(n))
	m.maxGenerationLength.Observe(float64(maxGenerated))
}

// Scraped are the values of one engine that truth records at a scrape.
func (m *EngineMetrics) Scraped() (state engine.State, preemptions float64) {
	return engine.State{Running: int(m.running), Waiting: int(m.waiting), KVCacheUsage: m.kvUsage}, m.preemptions
}

// Totals are the counters that must agree with the sums over truth records.
func (m *EngineMetrics) Totals() (success map[string]float64, e2eCount, e2eSum, generation float64) {
	success = map[string]float64{}
	for r, v := range m.success {
		success[string(r)] = *v
	}
	return success, m.e2e.count, m.e2e.sum, m.generationTokens
}

func engineLabels(model string, index int) []Label {
	return []Label{{"engine", strconv.Itoa(index)}, {"model_name", model}}
}

// Throughput is a reading of the counters that the stats line works on.
type Throughput struct {
	ComputedTokens, GenerationTokens float64
	queries, hits                    float64
	drafts, draftTokens, accepted    float64
	perPos                           []float64
}

// Throughput reads the counters.
func (m *EngineMetrics) Throughput() Throughput {
	return Throughput{
		ComputedTokens:   m.promptTokens - m.promptTokensCached,
		GenerationTokens: m.generationTokens,
		queries:          m.cacheQueries, hits: m.cacheHits,
		drafts: m.drafts, draftTokens: m.draftTokens, accepted: m.acceptedTokens,
		perPos: slices.Clone(m.acceptedPerPos),
	}
}

// Since is the difference to an earlier reading.
func (t Throughput) Since(o Throughput) Throughput {
	d := Throughput{
		ComputedTokens:   t.ComputedTokens - o.ComputedTokens,
		GenerationTokens: t.GenerationTokens - o.GenerationTokens,
		queries:          t.queries - o.queries, hits: t.hits - o.hits,
		drafts: t.drafts - o.drafts, draftTokens: t.draftTokens - o.draftTokens, accepted: t.accepted - o.accepted,
		perPos: slices.Clone(t.perPos),
	}
	for i, v := range o.perPos {
		d.perPos[i] -= v
	}
	return d
}

// HitRate is the share of looked-up prompt tokens found in the prefix cache.
func (t Throughput) HitRate() float64 {
	if t.queries == 0 {
		return 0
	}
	return t.hits / t.queries
}

// Drafts is the speculative part of an interval of that many seconds.
func (t Throughput) Drafts(seconds float64) Drafts {
	return Drafts{Seconds: seconds, Drafts: t.drafts, Tokens: t.draftTokens, Accepted: t.accepted, PerPosition: t.perPos}
}
