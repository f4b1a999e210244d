package serving

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// statsInterval is VLLM_LOG_STATS_INTERVAL's default.
const statsInterval = 10 * time.Second

// statsMark is what the last stats line of an engine had counted up to.
type statsMark struct {
	telemetry.Throughput
	wasBusy bool
}

// planStats writes the periodic lines of this process for as long as it lives.
func (i *Instance) planStats() {
	generation := i.generation
	i.cluster.clock.after(statsInterval, func() {
		if i.generation != generation {
			return
		}
		i.writeStats()
		i.planStats()
	})
}

// writeStats writes the lines of the engines that were busy, and one more
// after their load has ended; later ones would be at level DEBUG.
func (i *Instance) writeStats() {
	c := i.cluster
	now := c.wall(c.clock.now)
	elapsed := (c.clock.now - i.statsAt).Seconds()
	i.statsAt = c.clock.now
	for n, e := range i.engines {
		throughput := e.metrics.Throughput()
		d := throughput.Since(e.stats.Throughput)
		busy := d.GenerationTokens > 0 || d.ComputedTokens > 0
		if busy || e.stats.wasBusy {
			state, _ := e.metrics.Scraped()
			i.log.Stats(now, i.api, n, telemetry.Interval{
				PromptPerSecond:     d.ComputedTokens / elapsed,
				GenerationPerSecond: d.GenerationTokens / elapsed,
				State:               state,
				CacheHitRate:        throughput.HitRate(),
			})
			i.log.SpecDecoding(now, i.api, d.Drafts(elapsed))
		}
		e.stats = statsMark{throughput, busy}
	}
}
