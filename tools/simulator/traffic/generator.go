package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// ModelLimits is what traffic must know about a model.
type ModelLimits struct {
	MaxModelLen int
	LoRAs       []string
}

// Generator is a seeded stream of calls in order of time.
type Generator struct {
	random  *rand.Rand
	shape   shape
	rate    float64       // per second at factor 1
	start   time.Duration // time of day at time zero
	now     time.Duration
	models  []ModelLimits
	counter map[string]int // per service, for its request ids
}

// New makes a generator whose time zero is that time of day.
func New(seed uint64, profile Profile, rate float64, timeOfDay time.Duration, models []ModelLimits) *Generator {
	return &Generator{
		random:  rand.New(rand.NewPCG(seed, 0x7aff1c)), // #nosec G404 -- the same seed must give the same run
		shape:   shapes[profile],
		rate:    rate,
		start:   timeOfDay,
		models:  models,
		counter: map[string]int{},
	}
}

// Next is the next call: a Poisson process whose rate follows the profile.
func (g *Generator) Next() *Call {
	peak := g.shape.peak()
	for {
		g.now += seconds(g.random.ExpFloat64() / (g.rate * peak))
		factor, long := g.shape.at(g.now, g.start+g.now)
		if g.random.Float64()*peak < factor {
			return g.call(long)
		}
	}
}

// call draws one call of one of the services.
func (g *Generator) call(long float64) *Call {
	s := g.pick()
	c := &Call{
		At:        g.now,
		Model:     g.random.IntN(len(g.models)),
		Endpoint:  s.endpoint,
		Stream:    g.chance(s.streams),
		N:         1,
		TopP:      1,
		Caller:    s.Caller,
		RequestID: g.requestID(s),
		Retries:   s.retries,
		Patience:  s.timeout,
		Network:   seconds(0.0005 + 0.002*g.random.ExpFloat64()),
	}
	model := g.models[c.Model]
	if len(model.LoRAs) > 0 && g.chance(0.2) {
		c.LoRA = model.LoRAs[g.random.IntN(len(model.LoRAs))]
	}
	if s.Retrieves {
		c.Before = seconds(g.logNormal(0.06, 0.5))
	}
	if !g.chance(0.25) { // the rest decodes greedily
		c.Temperature = []float64{0.2, 0.7, 0.7, 1}[g.random.IntN(4)]
		c.TopP = []float64{1, 0.9, 0.95}[g.random.IntN(3)]
	}
	c.MaxTokens = []int{128, 256, 256, 512, 1024}[g.random.IntN(5)]
	g.sequences(c, s, model, long)
	g.trouble(c)
	return c
}

// sequences draws the prompts and how long each answer would be.
func (g *Generator) sequences(c *Call, s service, model ModelLimits, long float64) {
	prompts := 1
	if s.batches && g.chance(0.3) {
		prompts = []int{2, 3, 12}[g.random.IntN(3)] // 12: cmpl-B-1 is a prefix of cmpl-B-10
	}
	if s.endpoint == ChatCompletions && g.chance(0.03) {
		c.N = 2 + g.random.IntN(2)
		c.Temperature = max(c.Temperature, 0.7) // greedy sampling refuses n > 1
	}
	for range prompts {
		p := Prompt{Tokens: int(g.logNormal(420, 0.9)) + 8}
		if g.chance(long) {
			p.Tokens = int(g.logNormal(7000, 0.5))
		}
		if s.templates > 0 && g.chance(0.7) {
			// Popular templates are asked for far more often than rare ones.
			k := int(float64(s.templates) * math.Pow(g.random.Float64(), 2.5))
			p.PrefixID = uint64(s.id)<<32 | uint64(k+1) // #nosec G115 -- both count from zero
			p.PrefixTokens = 256 + 128*(k%5)
			p.Tokens += p.PrefixTokens
		}
		p.Tokens = min(p.Tokens, model.MaxModelLen-c.MaxTokens)
		for range c.N {
			p.Outputs = append(p.Outputs, 1+int(g.logNormal(150, 0.8)))
		}
		c.Prompts = append(c.Prompts, p)
	}
}

// trouble adds what goes wrong with some calls.
func (g *Generator) trouble(c *Call) {
	switch {
	case g.chance(g.shape.rejected):
		c.Rejection = g.rejection(c)
		c.Retries = 0
	case g.chance(g.shape.failing):
		c.FailAfter = 1 + g.random.IntN(20)
	}
	if g.chance(g.shape.impatient) {
		c.Patience = seconds(g.logNormal(2.5, 0.7))
	}
	if g.chance(g.shape.slowNetwork) {
		c.Network += seconds(2 + g.logNormal(2, 0.5))
	}
}

func (g *Generator) rejection(c *Call) *Rejection {
	limit := g.models[c.Model].MaxModelLen
	return []*Rejection{
		{400, "Bad Request", fmt.Sprintf("This model's maximum context length is %d tokens.", limit)},
		{404, "Not Found", "The model `gpt-4` does not exist."},
		{401, "Unauthorized", "Unauthorized"},
	}[g.random.IntN(3)]
}

// requestID is the X-Request-Id in the service's own style. Plain counters
// are prefixes of one another: req-1, req-10.
func (g *Generator) requestID(s service) string {
	g.counter[s.Service]++
	switch s.ids {
	case counterIDs:
		return fmt.Sprintf("%s%d", s.idPrefix, g.counter[s.Service])
	case uuidIDs:
		return UUID(g.random)
	}
	return ""
}

func (g *Generator) chance(p float64) bool { return g.random.Float64() < p }

func (g *Generator) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*g.random.NormFloat64())
}

// UUID draws a random UUID, version 4.
func UUID(r *rand.Rand) string {
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x",
		a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
