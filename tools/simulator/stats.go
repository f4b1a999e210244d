package simulator

import (
	"sync/atomic"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
)

// Stats counts. Dropped counts evidence lost because a store stayed away, not
// the shares that Config.LostSpans and LostLogs take away on purpose.
type Stats struct {
	Requests         int // engine requests whose truth is written
	Spans, LogLines  int
	Samples, Scrapes int
	Stores           map[string]StoreStats // "prometheus", "loki", "jaeger"
}

// StoreStats is the delivery to one store.
type StoreStats = ship.Counts

// counters are the sink's own, read while the fleet runs.
type counters struct {
	requests, spans, lines, samples, scrapes atomic.Int64
}

// Stats tells how far the simulation is and what was shipped or dropped.
func (s *Simulator) Stats() Stats {
	c := &s.sink.stats
	stats := Stats{
		Requests: int(c.requests.Load()),
		Spans:    int(c.spans.Load()), LogLines: int(c.lines.Load()),
		Samples: int(c.samples.Load()), Scrapes: int(c.scrapes.Load()),
		Stores: map[string]StoreStats{},
	}
	if s.sink.writes != nil {
		stats.Stores["prometheus"] = s.sink.writes.Counts()
	}
	if s.sink.lines != nil {
		stats.Stores["loki"] = s.sink.lines.Counts()
	}
	if s.sink.spans != nil {
		stats.Stores["jaeger"] = s.sink.spans.Counts()
	}
	return stats
}
