package serving

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// Output receives what the fleet emits, in order of virtual time per source.
type Output interface {
	Log(telemetry.LogLine)
	Span(*telemetry.Span)
	truth.Recorder
}

// Config of a cluster.
type Config struct {
	Seed                uint64
	Start               time.Time     // virtual time zero
	TimeOfDay           time.Duration // of Start, for the day's rhythm; 0 is Start's own
	Version             telemetry.Version
	Models              []Model
	Profile             traffic.Profile
	Rate                float64 // calls per second
	MaxCalls            int     // 0 is no limit, negative is none
	LostSpans, LostLogs float64
	DeathsPerHour       float64 // per instance
	PausesPerHour       float64 // per instance; each aborts all its requests
	Hangs               []Hang
	Calls               func(*traffic.Call) // may change each call before it begins; nil changes none
}

func (c Config) timeOfDay() time.Duration {
	if c.TimeOfDay != 0 {
		return c.TimeOfDay
	}
	return time.Duration(c.Start.Hour())*time.Hour + time.Duration(c.Start.Minute())*time.Minute
}

// Hang is an engine that stops for good while its server goes on: it takes requests in, answers /health and /metrics, and computes
// nothing any more.
type Hang struct {
	Pod string
	At  time.Duration // virtual
}

// Cluster is the whole fleet on one clock.
type Cluster struct {
	config    Config
	clock     clock
	output    Output
	random    *rand.Rand // ids, delays
	losses    *rand.Rand // what the pipeline drops; apart, so that losses change nothing else
	traffic   *traffic.Generator
	instances []*Instance
	byModel   [][]*Instance
	open      []*operation
	callers   map[string]*telemetry.Resource
	turn      int
	calls     int
	sequences int
	arriving  bool
}

// New starts all servers just before virtual time zero and plans the first call.
func New(config Config, output Output) *Cluster {
	c := &Cluster{
		config:   config,
		output:   output,
		random:   rand.New(rand.NewPCG(config.Seed, 0x5e21)), // #nosec G404 -- the same seed must give the same run
		losses:   rand.New(rand.NewPCG(config.Seed, 0x1055)), // #nosec G404 -- the same seed must give the same run
		callers:  map[string]*telemetry.Resource{},
		arriving: true,
	}
	limits := make([]traffic.ModelLimits, len(config.Models))
	for i, m := range config.Models {
		limits[i] = traffic.ModelLimits{MaxModelLen: m.Engine.MaxModelLen, LoRAs: m.LoRAs}
		var replicas []*Instance
		for r := range m.pods() {
			replicas = append(replicas, c.newInstance(m, r))
		}
		c.byModel = append(c.byModel, replicas)
		c.instances = append(c.instances, replicas...)
	}
	c.traffic = traffic.New(config.Seed, config.Profile, config.Rate, config.timeOfDay(), limits)
	for m, replicas := range c.byModel {
		for n, i := range replicas {
			if n >= config.Models[m].Replicas {
				continue
			}
			i.begin()
			if at := config.Models[m].Rollout; at > 0 {
				after := replicas[n+config.Models[m].Replicas]
				c.clock.at(at, func() {
					after.begin()
					i.drain()
				})
			}
		}
	}
	for _, h := range config.Hangs {
		for _, i := range c.instances {
			if i.Name == h.Pod {
				c.clock.at(h.At, func() { i.hung = true })
			}
		}
	}
	c.planArrival()
	return c
}

// Advance moves the clock to t, running everything up to there.
func (c *Cluster) Advance(t time.Time) { c.clock.advance(t.Sub(c.config.Start)) }

// Now is the virtual time.
func (c *Cluster) Now() time.Time { return c.wall(c.clock.now) }

// Instances are all pods, by model and replica, those of before and after a rollout among them.
func (c *Cluster) Instances() []*Instance { return c.instances }

// StopArrivals lets no further call in.
func (c *Cluster) StopArrivals() { c.arriving = false }

// Idle says that no call is in flight or still to come.
func (c *Cluster) Idle() bool { return !c.arriving && len(c.open) == 0 }

// Counts are the calls that the traffic began, and all engine requests.
func (c *Cluster) Counts() (calls, sequences int) { return c.calls, c.sequences }

// Close writes down the requests still in flight as unfinished.
func (c *Cluster) Close() {
	for _, op := range c.open {
		op.abandonTruth()
	}
	c.open = nil
}

func (c *Cluster) planArrival() {
	if c.config.MaxCalls != 0 && c.calls >= c.config.MaxCalls {
		c.arriving = false
	}
	if !c.arriving {
		return
	}
	call := c.traffic.Next()
	if c.config.Calls != nil {
		c.config.Calls(call)
	}
	c.clock.at(call.At, func() {
		if !c.arriving {
			return
		}
		c.calls++
		c.begin(call)
		c.planArrival()
	})
}

func (c *Cluster) wall(d time.Duration) time.Time { return c.config.Start.Add(d) }

func (c *Cluster) traceID() (id telemetry.TraceID) {
	binary.BigEndian.PutUint64(id[:8], c.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], c.random.Uint64()|1)
	return id
}

func (c *Cluster) spanID() (id telemetry.SpanID) {
	binary.BigEndian.PutUint64(id[:], c.random.Uint64()|1)
	return id
}

func (c *Cluster) lostSpan() bool { return c.losses.Float64() < c.config.LostSpans }

func (c *Cluster) lostLine() bool { return c.losses.Float64() < c.config.LostLogs }

// jitter draws from an exponential distribution, cut at ten times its mean.
func (c *Cluster) jitter(mean time.Duration) time.Duration {
	return time.Duration(min(c.random.ExpFloat64(), 10) * float64(mean))
}

// send emits a span unless the pipeline loses it, and says what became of it.
func (c *Cluster) send(s *telemetry.Span) string {
	if c.lostSpan() {
		return truth.Lost
	}
	c.output.Span(s)
	return truth.Emitted
}
