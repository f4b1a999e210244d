package attainment

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// Grid are the times of an answer. Each is about the requests that began in the Length before it.
type Grid struct {
	Times  []time.Time // ascending, Step apart
	Step   time.Duration
	Length time.Duration
}

// Window is all that the grid is about.
func (g Grid) Window() evidence.Window {
	if len(g.Times) == 0 {
		return evidence.Window{}
	}
	return evidence.Window{From: g.Times[0].Add(-g.Length), To: g.Times[len(g.Times)-1]}
}

// at are the indices [from, to) of the times that a moment belongs to.
func (g Grid) at(moment time.Time) (from, to int) {
	since := moment.Sub(g.Times[0])
	if len(g.Times) == 1 || g.Step <= 0 {
		if since < 0 && since >= -g.Length {
			return 0, 1
		}
		return 0, 0
	}
	floor := func(d time.Duration) int { // of d / Step
		n := d / g.Step
		if d%g.Step < 0 {
			n--
		}
		return int(n)
	}
	from, to = floor(since)+1, floor(since+g.Length)+1
	return max(from, 0), min(to, len(g.Times))
}

// tally counts the requests of one group at one time, each for as many as its row stands for.
type tally struct {
	requests, met, missed float64
	failed                float64 // missed, because they did not end ok
	late                  map[slo.Limit]float64
	tokens                float64 // generated, of those that met; NaN when one of them does not tell
	limited               bool    // some request of the group, at any time, is of a model with limits

	young   float64 // not judged, since they are open and may still keep their limits
	apart   float64 // not judged, since no engine saw them and only a client names their model
	sampled float64 // spans that stand for others
	untold  bool    // some request is of a model of whose requests no share can be told
}

// attainment is not known of fewer requests than a share is asked of.
func (t tally) attainment(fewest float64) float64 {
	if all := t.met + t.missed; all == 0 || all < fewest || t.untold {
		return math.NaN()
	}
	return t.met / (t.met + t.missed)
}

// judged is a count of verdicts: not known when there were requests and not one could be judged.
func (t tally) judged(count float64) float64 {
	if !t.limited || t.untold || (t.met+t.missed == 0 && t.requests > 0) {
		return math.NaN()
	}
	return count
}

// unknown is how many requests of models with limits nobody can judge, now or later.
func (t tally) unknown() float64 {
	if !t.limited {
		return 0
	}
	return max(t.requests-t.met-t.missed-t.young-t.apart, 0)
}

// amount is a count of requests, not known of a model of whose requests nobody knows the number.
func (t tally) amount(count float64) float64 {
	if t.untold {
		return math.NaN()
	}
	return count
}

// Requests is what the requests of a window tell.
type Requests struct {
	// Whole says that all requests of the window were seen. Of some of them shares are known, and amounts are not.
	Whole bool

	groups  map[string]*counted
	without map[string]bool // models without limits
	samples Samples         // of the models of the rows
	stuck   []error         // of engines that hang
	folded  folded
	fewest  float64 // as of Asked
}

type counted struct {
	group []string
	times []tally
}

// AddStuck counts requests that have no row since nothing but an engine's gauges tells of them. They are not judged, since gauges
// can be stale; how many came since, which those of a hanging engine do not count, nobody knows: a rule must not decide.
func (r *Requests) AddStuck(stuck []join.Stuck, groupBy []string, grid Grid) {
	values := make([]string, len(groupBy))
	for _, s := range stuck {
		name := s.Model
		if place := cmp.Or(s.Origin.Pod, s.Origin.Instance); place != "" {
			name += " on " + place
		}
		r.stuck = append(r.stuck, cannotTell(s.Model, fmt.Sprintf("%s holds %.0f requests for longer than their limit and finishes none; how many came since is not known", name, s.Requests)))
		row := join.Request{Origin: s.Origin, Model: s.Model, Engine: s.Engine, Status: join.StatusUnknown}
		g := r.group(figures.GroupOf(&row, groupBy, values), len(grid.Times))
		from, to := grid.at(s.Since)
		for t := from; t < to; t++ {
			g.times[t].requests += s.Requests
		}
		for t := range g.times {
			g.times[t].limited = true
		}
	}
}

// Count judges rows, which must be those of grid.Window, each for as many requests as it stands for among the samples. Objectives
// must be those of the join. Requests that no engine saw, for models that nobody but a client names, are counted and not judged.
func Count(rows []join.Request, asked Asked, grid Grid) Requests {
	out := Requests{groups: map[string]*counted{}, without: map[string]bool{}, samples: Samples{}, fewest: asked.Fewest}
	values := make([]string, len(asked.GroupBy))
	end := grid.Window().To
	for i := range rows {
		r := &rows[i]
		from, to := grid.at(r.Time)
		if from >= to {
			continue
		}
		model, ours := asked.Known.Of(r)
		out.folded.see(r, asked.Known, ours)
		limits, limited := slo.Objective{}, false
		if index := asked.Objectives.Index(model); ours && index >= 0 {
			limits, limited = asked.Objectives[index], true
		} else if ours && model != "" {
			out.without[model] = true
		}
		g := out.group(asked.groupOf(r, model, values), len(grid.Times))
		if !ours {
			for t := from; t < to; t++ {
				g.times[t].requests++
				g.times[t].apart++
			}
			continue
		}
		if limited && !g.times[0].limited {
			for t := range g.times {
				g.times[t].limited = true
			}
		}
		if sample, ok := asked.Samples[model]; ok && limited {
			out.samples[model] = sample
		}
		weight := asked.Samples.weight(r, model)
		verdict := r.SLOMet
		if model != r.Model { // the join held it against the limits of the name that its client gave
			verdict = r.Judge(limits)
		}
		for t := from; t < to; t++ {
			g.times[t].add(r, verdict, limits, weight, limited && young(r, limits, end))
		}
	}
	return out
}

// young reports whether a request that has no end yet may still keep its limits when the window ends. Without a limit on its
// whole time, that is until its first token is due: from then on nothing tells whether it came.
func young(r *join.Request, limits slo.Objective, end time.Time) bool {
	return r.Open() && r.Caller == nil && end.Sub(r.Time) <= cmp.Or(limits.E2E, limits.TTFT)+join.OpenMargin
}

// maxUnknown is which share of the requests may be without a verdict, for good, in a figure that a rule decides on.
const maxUnknown = 0.05

// Decidable is nil when a rule may decide on these figures. Else it says, model by model, why they may be wrong.
func (r Requests) Decidable() error {
	errs := append(r.samples.doubts(), r.stuck...)
	for _, key := range slices.Sorted(maps.Keys(r.groups)) {
		g := r.groups[key]
		for _, t := range g.times {
			unknown := t.unknown()
			if all := t.met + t.missed + unknown; unknown > maxUnknown*all {
				errs = append(errs, cannotTell(strings.Join(g.group, ", "), fmt.Sprintf("%.0f of %.0f requests cannot be judged", unknown, all)))
				break
			}
			if t.sampled > 0 && t.sampled < fewSpans && t.requests >= fewSpans {
				errs = append(errs, cannotTell(strings.Join(g.group, ", "), fmt.Sprintf("%.0f spans stand for %.0f requests, which are too few", t.sampled, t.requests)))
				break
			}
		}
	}
	return errors.Join(errs...)
}

func orAll(whose string) string { return cmp.Or(whose, "all requests") }

// hanging says the same to who looks at a panel.
func (r Requests) hanging() (out []string) {
	for _, err := range r.stuck {
		out = append(out, err.Error()+".")
	}
	return out
}

func cannotTell(whose, why string) error {
	return fmt.Errorf("the share of %s cannot be told: %s", orAll(whose), why)
}

func (r Requests) group(values []string, times int) *counted {
	key := figures.GroupKey(values)
	g, ok := r.groups[key]
	if !ok {
		g = &counted{group: append([]string(nil), values...), times: make([]tally, times)}
		r.groups[key] = g
	}
	return g
}

func (t *tally) add(r *join.Request, verdict slo.Verdict, limits slo.Objective, weight float64, young bool) {
	switch {
	case math.IsNaN(weight):
		t.untold = true
		return
	case weight == 0:
		return
	case weight != 1:
		t.sampled++
	}
	t.requests += weight
	switch verdict {
	case slo.Met:
		t.met += weight
		if n := r.Span.CompletionTokens; n == evidence.Unknown { // without a span nothing is met
			t.tokens = math.NaN()
		} else {
			t.tokens += weight * float64(n)
		}
	case slo.Missed:
		t.missed += weight
		if r.Status != join.StatusOK {
			t.failed += weight
			return
		}
		for _, l := range slo.Limits {
			if r.Judge(limits.Only(l)) == slo.Missed {
				if t.late == nil {
					t.late = map[slo.Limit]float64{}
				}
				t.late[l] += weight
			}
		}
	case slo.CannotTell:
		if young {
			t.young += weight
		}
	}
}
