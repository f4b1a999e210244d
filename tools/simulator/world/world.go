package world

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// World is one way in which somebody else's installation differs from the fleet that the simulator makes by itself. Every part
// but the name and the sentence may be left out.
type World struct {
	Name   string // snake_case
	Doc    string // one sentence: what the installation does
	Source string // where that was seen: owner/repo#n, a page of documentation

	// Config changes the fleet: versions, models, clusters, traffic, scrape interval.
	Config func(*simulator.Config)
	// Pipeline makes what lies between fleet and stores, anew for each simulation. The random numbers are the seed's.
	Pipeline func(random *rand.Rand) simulator.Pipeline
	// Settings is what the operator of such an installation has set in the data source's jsonData, beside the stores' addresses.
	Settings func(jsonData map[string]any)
	// Front stands before the metric store, if it is not Prometheus itself that the data source asks. Stop ends it.
	Front func(prometheus string) (url string, stop func(), err error)
	// Delay is how much later than it happened evidence may be dated: history must have ended that long ago.
	Delay time.Duration

	// Names are the checks of Save & test that must fail here, and no other may. With a|b either will do, or both; a? may fail.
	Names []string
	// Marked is the share of rows that may be marked ambiguous; 0 leaves the usual 2 %.
	Marked float64
	// Undecidable is what no reader of this telemetry can know.
	Undecidable []Undecidable
}

// Undecidable says of which requests which cells cannot be told from the evidence. Such a cell must be null or right: a wrong one
// stays wrong.
type Undecidable struct {
	// Columns of the request row; "row" is the row itself, which need not be there; "second row" is a row for the client's span
	// beside that of the lines.
	Columns []string
	// Of picks the requests; nil is all of them.
	Of  func(*truth.Record) bool
	Why string // printed in the table
}

var worlds = map[string]World{}

// Add makes worlds known, from an init function of this package.
func Add(all ...World) {
	for _, w := range all {
		if _, twice := worlds[w.Name]; twice || w.Name == "" || w.Doc == "" {
			panic(fmt.Sprintf("world %q has no name, no sentence, or is there twice", w.Name))
		}
		worlds[w.Name] = w
	}
}

// Names lists all worlds by name.
func Names() []string { return slices.Sorted(maps.Keys(worlds)) }

// Named finds the world of that name; a+b is both in one, a first.
func Named(name string) (World, error) {
	whole := World{Name: name}
	for part := range strings.SplitSeq(name, "+") {
		w, ok := worlds[part]
		if !ok {
			return World{}, fmt.Errorf("unknown world %q: one of %s", part, strings.Join(Names(), ", "))
		}
		if whole.Doc == "" {
			whole = w
			whole.Name = name
			continue
		}
		whole = whole.with(w)
	}
	return whole, nil
}

// with composes two worlds.
func (w World) with(o World) World {
	both := func(a, b func(map[string]any)) func(map[string]any) {
		return func(jsonData map[string]any) {
			for _, f := range []func(map[string]any){a, b} {
				if f != nil {
					f(jsonData)
				}
			}
		}
	}
	first, second := w, o
	w.Doc += " " + o.Doc
	w.Source = strings.Trim(w.Source+", "+o.Source, ", ")
	w.Settings = both(w.Settings, o.Settings)
	if w.Front == nil {
		w.Front = o.Front
	}
	w.Delay += o.Delay
	w.Names = append(slices.Clone(w.Names), o.Names...)
	w.Marked = max(w.Marked, o.Marked)
	w.Undecidable = append(slices.Clone(w.Undecidable), o.Undecidable...)
	w.Config = func(c *simulator.Config) {
		first.Apply(c)
		second.Apply(c)
	}
	w.Pipeline = nil
	return w
}

// Apply makes the simulation one of this world. Its seed must be set before.
func (w World) Apply(c *simulator.Config) {
	if w.Config != nil {
		w.Config(c)
	}
	if w.Pipeline != nil {
		h := fnv.New64a()
		_, _ = h.Write([]byte(w.Name))                     // never fails
		random := rand.New(rand.NewPCG(c.Seed, h.Sum64())) // #nosec G404 -- the same seed must give the same run
		c.Pipelines = append(c.Pipelines, w.Pipeline(random))
	}
}
