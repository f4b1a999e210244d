package simulator

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// The types a caller needs, under one roof.
type (
	// Model is one served model with its replicas and its speed.
	Model = serving.Model
	// Profile names a traffic pattern.
	Profile = traffic.Profile
	// Hang is an engine that stops for good.
	Hang = serving.Hang
	// Record is the truth about one request.
	Record = truth.Record
)

// Traffic profiles.
const (
	Steady      = traffic.Steady
	Burst       = traffic.Burst
	LongPrompts = traffic.LongPrompts
	Overload    = traffic.Overload
	Mixed       = traffic.Mixed
)

// Config describes a simulation. The zero value is usable: three models with
// two replicas each, mixed traffic, nothing shipped.
type Config struct {
	Seed    uint64
	Profile Profile // default Mixed
	// Rate is the mean number of calls per second over all models, before the
	// profile's waves. Default 6.
	Rate float64
	// MaxRequests ends the arrivals after that many calls; 0 is no limit,
	// negative lets none arrive but those that come over HTTP.
	MaxRequests int
	Models      []Model // default DefaultModels()
	// TimeOfDay is at which hour the fleet begins, for traffic that follows the day; 0 is the hour of its first moment. With it
	// the same seed is the same traffic whenever it is made.
	TimeOfDay time.Duration

	// VLLMVersion chooses names, ids and line shapes. Default is the newest known.
	VLLMVersion string
	// ScrapeInterval is the grid of remote-written samples. Default 15 s.
	ScrapeInterval time.Duration
	// LostSpans and LostLogs are the shares of spans and request log lines
	// that the pipeline drops after vLLM wrote them.
	LostSpans, LostLogs float64
	// EngineDeaths per instance and hour; negative is never. 0 takes the profile's.
	EngineDeaths float64
	// EnginePauses likewise: each makes the engine abort its requests itself,
	// which leaves root spans and, without a token, absurd prefill times.
	EnginePauses float64
	// Hangs are engines that stop for good, so long after the first moment.
	Hangs []Hang

	// Listen is where /metrics of all instances are served while Run runs.
	// Default 127.0.0.1:0; "off" serves nothing.
	Listen string

	// Base URLs of the stores; empty ships nothing there. A store may come up
	// later: what it missed is buffered up to BufferBytes, then the oldest goes.
	PrometheusRemoteWrite string // full URL, …/api/v1/write; used by Backfill only
	Loki                  string // base URL
	LokiTenant            string // X-Scope-OrgID, if any
	OTLP                  string // base URL of OTLP/HTTP, …:4318
	BufferBytes           int    // per store, default 64 MiB

	// Calls may change each call of the made-up traffic before it begins, in order: its ids, its patience, its fate. Call.At stays.
	Calls func(*traffic.Call)
	// Pipelines lie between the fleet and the stores, in that order: what others do to telemetry on its way. See Pipeline.
	Pipelines []Pipeline

	// Truth receives JSON lines; Recorder receives the same as values. Both optional.
	Truth    io.Writer
	Recorder truth.Recorder

	// Speed caps how many virtual seconds Backfill spends per real second, for
	// watching history fill up; 0 is as fast as possible.
	Speed float64

	Clock  Clock        // default: the machine's
	Client *http.Client // for all stores
	Logger *slog.Logger // progress and trouble; default discards
}

// Clock is the only clock a simulation may read, and only to know how far
// history reaches and how long to wait.
type Clock interface {
	Now() time.Time
	// After is time.After.
	After(d time.Duration) <-chan time.Time
}

// Window is a span of history.
type Window struct {
	From, To time.Time
	// Drain lets the requests in flight at To finish (no more arrive), so that
	// every request ends in a truth record that is not "unfinished".
	Drain bool
}

// withDefaults fills in what is not set and checks the rest.
func (c Config) withDefaults() (Config, error) {
	if c.Profile == "" {
		c.Profile = Mixed
	}
	if _, err := traffic.Parse(string(c.Profile)); err != nil {
		return c, err
	}
	if c.Rate == 0 {
		c.Rate = 6
	}
	if len(c.Models) == 0 {
		c.Models = DefaultModels()
	}
	for _, m := range c.Models {
		if err := m.Validate(); err != nil {
			return c, err
		}
	}
	if c.ScrapeInterval == 0 {
		c.ScrapeInterval = 15 * time.Second
	}
	if c.Rate < 0 || c.ScrapeInterval < time.Second {
		return c, errors.New("the rate must be positive and the scrape interval at least a second")
	}
	for _, share := range []float64{c.LostSpans, c.LostLogs} {
		if share < 0 || share > 1 {
			return c, fmt.Errorf("a lost share of %g is not between 0 and 1", share)
		}
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = 64 << 20
	}
	if c.Clock == nil {
		c.Clock = machineClock{}
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

type machineClock struct{}

func (machineClock) Now() time.Time                         { return time.Now() }
func (machineClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
