package attainment

import (
	"math"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
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

// tally counts the requests of one group at one time.
type tally struct {
	requests, met, missed float64
	failed                float64 // missed, because they did not end ok
	late                  map[slo.Limit]float64
	tokens                float64 // generated, of those that met; NaN when one of them does not tell
	limited               bool    // some request of the group, at any time, is of a model with limits
}

func (t tally) attainment() float64 {
	if t.met+t.missed == 0 {
		return math.NaN()
	}
	return t.met / (t.met + t.missed)
}

// judged is a count of verdicts: not known when there were requests and not one could be judged.
func (t tally) judged(count float64) float64 {
	if !t.limited || (t.met+t.missed == 0 && t.requests > 0) {
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
}

type counted struct {
	group []string
	times []tally
}

// Count judges rows, which must be those of grid.Window. Objectives must be those of the join.
func Count(rows []join.Request, objectives slo.Objectives, groupBy []string, grid Grid) Requests {
	out := Requests{groups: map[string]*counted{}, without: map[string]bool{}}
	values := make([]string, len(groupBy))
	for i := range rows {
		r := &rows[i]
		from, to := grid.at(r.Time)
		if from >= to {
			continue
		}
		limits, limited := slo.Objective{}, false
		if index := objectives.Index(r.Model); index >= 0 {
			limits, limited = objectives[index], true
		} else if r.Model != "" {
			out.without[r.Model] = true
		}
		g := out.group(models.GroupOf(r, groupBy, values), len(grid.Times))
		if limited && !g.times[0].limited {
			for t := range g.times {
				g.times[t].limited = true
			}
		}
		for t := from; t < to; t++ {
			g.times[t].add(r, limits)
		}
	}
	return out
}

func (r Requests) group(values []string, times int) *counted {
	key := models.GroupKey(values)
	g, ok := r.groups[key]
	if !ok {
		g = &counted{group: append([]string(nil), values...), times: make([]tally, times)}
		r.groups[key] = g
	}
	return g
}

func (t *tally) add(r *join.Request, limits slo.Objective) {
	t.requests++
	switch r.SLOMet {
	case slo.Met:
		t.met++
		if n := r.Span.CompletionTokens; n == evidence.Unknown { // without a span nothing is met
			t.tokens = math.NaN()
		} else {
			t.tokens += float64(n)
		}
	case slo.Missed:
		t.missed++
		if r.Status != join.StatusOK {
			t.failed++
			return
		}
		for _, l := range slo.Limits {
			if r.Judge(limits.Only(l)) == slo.Missed {
				if t.late == nil {
					t.late = map[slo.Limit]float64{}
				}
				t.late[l]++
			}
		}
	}
}
