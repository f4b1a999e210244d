package simulator

import (
	"context"
	"errors"
)

// Simulator is one fleet on one virtual clock. Its methods may not be called
// at the same time as each other, except ScrapeTargets and Stats.
type Simulator struct {
	config Config
}

// New checks the configuration, fills in defaults and opens the listener for
// /metrics. It contacts no store.
func New(config Config) (*Simulator, error) {
	return &Simulator{config: config}, nil
}

// ScrapeTargets lists what Prometheus should scrape, jobs together.
func (s *Simulator) ScrapeTargets() []Target { return nil }

// Backfill writes the window's history into all stores: spans and log lines
// with their own times, metrics by remote write on the scrape grid. It returns
// when all is delivered (Loki flushed, so that old lines are visible).
// Called again, or followed by Run, it continues the same fleet.
func (s *Simulator) Backfill(ctx context.Context, window Window) error {
	return errors.New("not implemented yet")
}

// Run keeps the fleet at the time of day, serves /metrics and ships spans and
// log lines as they happen, until ctx ends; then it delivers what it can
// within a few seconds and returns nil.
func (s *Simulator) Run(ctx context.Context) error {
	return errors.New("not implemented yet")
}

// Stats tells how far the simulation is and what was shipped or dropped.
func (s *Simulator) Stats() Stats { return Stats{} }

// Close frees the listener. A second call does nothing.
func (s *Simulator) Close() error { return nil }

// Stats counts. Dropped counts evidence lost because a store stayed away, not
// the shares that Config.LostSpans and LostLogs take away on purpose.
type Stats struct {
	Calls, Requests  int // HTTP calls; engine requests (sequences)
	Spans, LogLines  int
	Samples, Scrapes int
	Stores           map[string]StoreStats // "prometheus", "loki", "jaeger"
}

// StoreStats is the delivery to one store.
type StoreStats struct {
	Delivered, Buffered, Dropped int
	LastError                    string
}
