package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/openai"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// Simulator is one fleet on one virtual clock. Backfill, Run and Close may not
// be called at the same time as each other; ScrapeTargets and Stats may.
type Simulator struct {
	config   Config
	version  telemetry.Version
	sink     *sink
	listener net.Listener
	server   *http.Server
	live     atomic.Bool // Run keeps the clock; /metrics may be read, and calls are taken
	api      http.Handler

	mu      sync.Mutex // guards what follows, and with it the virtual clock
	cluster *serving.Cluster
	closed  bool
	targets []*target
	grid    time.Time // the last scrape of the remote-written grid
}

// New checks the configuration, fills in defaults and opens the listener for
// /metrics. It contacts no store.
func New(config Config) (*Simulator, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	version, err := telemetry.ParseVersion(config.VLLMVersion)
	if err != nil {
		return nil, err
	}
	s := &Simulator{config: config, version: version}
	s.api = openai.Handler(s)
	if config.Listen != "off" {
		if s.listener, err = net.Listen("tcp", config.Listen); err != nil {
			return nil, err
		}
		s.server = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
		go s.server.Serve(s.listener) // ends with Close
	}
	s.sink = newSink(config)
	return s, nil
}

// Backfill writes the window's history into all stores: spans and log lines
// with their own times, metrics by remote write on the scrape grid. It returns
// when all is delivered (Loki flushed, so that old lines are visible).
// Called again, or followed by Run, it continues the same fleet.
func (s *Simulator) Backfill(ctx context.Context, window Window) error {
	if !window.From.Before(window.To) {
		return fmt.Errorf("backfill from %s to %s: the window is empty", window.From, window.To)
	}
	s.sink.lossless(ctx, true)
	defer s.sink.lossless(ctx, false)
	s.start(window.From)
	if err := s.advanceTo(ctx, window.To); err != nil {
		return err
	}
	if window.Drain {
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	return s.deliver(ctx)
}

// drain lets the calls in flight end, and scrapes once more after that, so
// that the final counters are in the store.
func (s *Simulator) drain(ctx context.Context) error {
	s.mu.Lock()
	s.cluster.StopArrivals()
	s.mu.Unlock()
	for !s.idle() {
		if err := s.advanceTo(ctx, s.now().Add(s.config.ScrapeInterval)); err != nil {
			return err
		}
	}
	return s.advanceTo(ctx, s.now().Add(s.config.ScrapeInterval))
}

// deliver flushes what is held anywhere between fleet and stores.
func (s *Simulator) deliver(ctx context.Context) error {
	s.mu.Lock()
	for _, t := range s.targets {
		s.sink.write(ctx, t.scraper.Flush())
	}
	for _, request := range s.sink.scrapers.Flush() {
		s.sink.write(ctx, request)
	}
	s.mu.Unlock()
	return s.sink.flush(ctx)
}

// Run keeps the fleet at the time of day, serves /metrics and ships spans and
// log lines as they happen, until ctx ends; then it delivers what it can
// within a few seconds and returns nil.
func (s *Simulator) Run(ctx context.Context) error {
	s.start(s.config.Clock.Now())
	if err := s.catchUp(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	s.live.Store(true)
	defer s.live.Store(false)
	for {
		s.mu.Lock()
		s.cluster.Advance(s.config.Clock.Now())
		err := s.sink.flushTruth()
		s.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-s.config.Clock.After(liveTick):
		case <-ctx.Done():
			final, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalFlush)
			defer cancel()
			_ = s.deliver(final) // what stays behind is counted in Stats
			return nil
		}
	}
}

const (
	liveTick   = 100 * time.Millisecond
	finalFlush = 3 * time.Second
)

// catchUp fills the gap that a backfill's own duration left, until less than
// one scrape interval is missing.
func (s *Simulator) catchUp(ctx context.Context) error {
	for {
		now := s.config.Clock.Now()
		if now.Sub(s.now()) < s.config.ScrapeInterval {
			return nil
		}
		if err := s.Backfill(ctx, Window{From: s.now(), To: now}); err != nil {
			return err
		}
	}
}

// start creates the fleet at its first use.
func (s *Simulator) start(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster != nil {
		return
	}
	at = at.Truncate(time.Millisecond) // Prometheus knows no finer time
	deaths := s.config.EngineDeaths
	if deaths == 0 {
		deaths = s.config.Profile.DeathsPerHour()
	}
	pauses := s.config.EnginePauses
	if pauses == 0 {
		pauses = s.config.Profile.PausesPerHour()
	}
	s.cluster = serving.New(serving.Config{
		Seed: s.config.Seed, Start: at, TimeOfDay: s.config.TimeOfDay, Version: s.version, Models: s.config.Models,
		Profile: s.config.Profile, Rate: s.config.Rate, MaxCalls: s.config.MaxRequests,
		LostSpans: s.config.LostSpans, LostLogs: s.config.LostLogs, DeathsPerHour: deaths, PausesPerHour: pauses,
		Hangs: s.config.Hangs, Calls: s.config.Calls,
	}, s.sink)
	s.targets = newTargets(s.cluster.Instances(), s.config.ScrapeInterval)
	s.grid = at
}

// advanceTo moves the fleet through the past, scraping each target on its
// place in the grid.
func (s *Simulator) advanceTo(ctx context.Context, to time.Time) error {
	began, from := s.config.Clock.Now(), s.now()
	for s.now().Before(to) {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		for _, t := range s.targets {
			at := s.grid.Add(t.offset)
			if at.After(to) {
				break
			}
			if at.After(t.scraped) && !at.Before(s.cluster.Now()) {
				s.cluster.Advance(at)
				s.scrape(ctx, t, at)
			}
		}
		if next := s.grid.Add(s.config.ScrapeInterval); !next.After(to) {
			s.grid = next
		} else {
			s.cluster.Advance(to)
		}
		err := s.sink.flushTruth()
		s.mu.Unlock()
		if err != nil {
			return err
		}
		s.pace(ctx, began, from)
	}
	return nil
}

// scrape takes one target's values for remote write.
func (s *Simulator) scrape(ctx context.Context, t *target, at time.Time) {
	t.scraped = at
	if !t.instance.Exists() {
		if t.known {
			s.end(ctx, t, at)
		}
		return
	}
	t.known = true
	if len(s.sink.scrapeHooks) > 0 {
		changed := ship.NewScrape(t.job, labels(t.job, t.instance), t.job == jobDCGM, at, t.expose())
		s.sink.countScrape(s.sink.changeScrape(ctx, 0, changed))
		return
	}
	before := t.scraper.Samples()
	s.sink.write(ctx, t.scraper.Scrape(at, t.expose()))
	s.sink.countScrape(t.scraper.Samples() - before)
}

// end ends the series of a target whose pod is gone.
func (s *Simulator) end(ctx context.Context, t *target, at time.Time) {
	t.known = false
	if len(s.sink.scrapeHooks) > 0 {
		s.sink.changeScrape(ctx, 0, ship.Scrape{Job: t.job, Labels: labels(t.job, t.instance), Honor: t.job == jobDCGM, At: at, Gone: true})
		return
	}
	s.sink.write(ctx, t.scraper.End(at))
}

// pace holds a backfill back to Config.Speed.
func (s *Simulator) pace(ctx context.Context, began, from time.Time) {
	if s.config.Speed <= 0 {
		return
	}
	due := began.Add(time.Duration(float64(s.now().Sub(from)) / s.config.Speed))
	if wait := due.Sub(s.config.Clock.Now()); wait > 0 {
		select {
		case <-s.config.Clock.After(wait):
		case <-ctx.Done():
		}
	}
}

func (s *Simulator) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster.Now()
}

func (s *Simulator) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster.Idle()
}

// Close writes requests still in flight to the truth as unfinished, stops
// shipping and frees the listener. A second call does nothing.
func (s *Simulator) Close() error {
	var err error
	if s.server != nil {
		err = s.server.Close() // before the fleet: who waits for an answer leaves
		s.server = nil
	}
	s.mu.Lock()
	s.closed = true
	if s.cluster != nil {
		s.cluster.Close()
	}
	s.mu.Unlock()
	return errors.Join(s.sink.close(), err)
}

// ignoreEnd turns the end of ctx, which is how Run ends, into success.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// DefaultModels are the models of a Config that names none.
func DefaultModels() []Model { return serving.DefaultModels() }

// ParseProfile checks a profile's name.
func ParseProfile(name string) (Profile, error) { return traffic.Parse(name) }
