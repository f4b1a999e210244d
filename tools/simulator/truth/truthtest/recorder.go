// Package truthtest keeps the truth about a simulated fleet for the test that needs it.
package truthtest

import (
	"slices"
	"sync"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// Recorder keeps everything that it is told, in that order, and may be read while the fleet goes on. The zero value is ready for
// use as a truth.Recorder.
type Recorder struct {
	mu       sync.Mutex
	requests []*truth.Record
	scrapes  []*truth.Scrape
	events   []*truth.Event
}

var _ truth.Recorder = (*Recorder)(nil)

// Requests are those that have ended by now. The list is the caller's own, here and below; what it points to is everybody's.
func (r *Recorder) Requests() []*truth.Record { return listed(r, &r.requests) }

// Scrapes are those of all engines.
func (r *Recorder) Scrapes() []*truth.Scrape { return listed(r, &r.scrapes) }

// Events are what happened to all instances.
func (r *Recorder) Events() []*truth.Event { return listed(r, &r.events) }

// Request implements truth.Recorder.
func (r *Recorder) Request(x *truth.Record) { keep(r, &r.requests, x) }

// Scrape implements truth.Recorder.
func (r *Recorder) Scrape(x *truth.Scrape) { keep(r, &r.scrapes, x) }

// Event implements truth.Recorder.
func (r *Recorder) Event(x *truth.Event) { keep(r, &r.events, x) }

func listed[T any](r *Recorder, all *[]*T) []*T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(*all)
}

func keep[T any](r *Recorder, all *[]*T, x *T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*all = append(*all, x)
}
