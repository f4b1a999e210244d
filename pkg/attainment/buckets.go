package attainment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// histogram is one of vLLM's that a limit can be held against.
type histogram struct {
	Name       string
	limit      slo.Limit
	metric     string // canonical
	of         string // what it has one value of
	perRequest bool
}

// histograms in the order of columns. The limit on TPOT is held against ITL too, which every version has: one value per step
// of the engine instead of one per request.
var histograms = []histogram{
	{"ttft", slo.TTFT, vllm.TTFT, "requests", true},
	{"tpot", slo.TPOT, vllm.TPOT, "requests (vLLM 0.11 and newer)", true},
	{"itl", slo.TPOT, vllm.ITL, "steps between tokens", false},
	{"e2e", slo.E2E, vllm.E2E, "requests", true},
}

func (h histogram) title() string {
	return map[slo.Limit]string{slo.TTFT: "TTFT", slo.TPOT: "TPOT", slo.E2E: "E2E"}[h.limit]
}

// perRequest names the histograms that have one value per request: error budgets are of requests.
func perRequest() (names []string) {
	for _, h := range histograms {
		if h.perRequest {
			names = append(names, h.Name)
		}
	}
	return names
}

// share is how much of a histogram lies within a limit, NaN where not known.
type share struct {
	within, withinBelow float64 // at or below bound, and the bound below the limit
	limit, bound        float64 // seconds
}

var unknownShare = share{math.NaN(), math.NaN(), math.NaN(), math.NaN()}

func (s share) burn(a about) float64 { return slo.BurnRate(1-s.within, a.target) }

const leLabel = "le"

// nativeBuckets stands in le for a native histogram, which has all of its buckets in one series.
const nativeBuckets = "native"

// Buckets is what histogram buckets tell.
type Buckets struct {
	Notices []string // sentences for the user

	groups  map[string]*graded
	without map[string]bool // models without limits
}

// Empty says that there is no figure.
func (b Buckets) Empty() bool { return len(b.groups) == 0 }

type graded struct {
	group      []string
	histograms map[string]*ladder
}

// ladder is the rates of one histogram in one group, over the times; its models added up.
type ladder struct {
	within, withinBelow, all []float64
	limit, bound             float64 // NaN when the group's models differ
}

// source is where series come from, and what they are held against.
type source struct {
	objectives slo.Objectives
	grid       promql.Range
	model      string   // label
	group      []string // labels
}

// file adds an answer's series, one per group, model and bound, to the groups: in the order of their labels, since the last
// digit of a sum depends on it.
func (b *Buckets) file(h histogram, rules ruler, answer promql.Result, from source) {
	series := slices.SortedStableFunc(slices.Values(answer.Series), func(a, b promql.Series) int {
		return cmp.Or(cmp.Compare(a.Labels[from.model], b.Labels[from.model]), cmp.Compare(a.Labels[leLabel], b.Labels[leLabel]))
	})
	for _, s := range series {
		name := s.Labels[from.model]
		index := from.objectives.Index(name)
		if index < 0 {
			b.without[name] = true
			continue
		}
		limit := from.objectives[index].Of(h.limit)
		if limit == 0 {
			continue
		}
		values := make([]string, len(from.group))
		for i, label := range from.group {
			values[i] = s.Labels[label]
		}
		if s.Labels[leLabel] == nativeBuckets {
			r, within, below, all := rules.native(limit, s.Histograms)
			l := b.ladder(values, h, r)
			l.within = models.Sum(l.within, from.grid.Vector(within))
			l.withinBelow = models.Sum(l.withinBelow, from.grid.Vector(below))
			l.all = models.Sum(l.all, from.grid.Vector(all))
			b.note(h.notice(r, ""))
			continue
		}
		le, err := strconv.ParseFloat(s.Labels[leLabel], 64)
		if err != nil {
			continue
		}
		r := rules.of(name, limit)
		l := b.ladder(values, h, r)
		vector := from.grid.Vector(s.Samples)
		switch {
		case math.IsInf(le, 1):
			l.all = models.Sum(l.all, vector)
		case le == r.bound:
			l.within = models.Sum(l.within, vector)
		}
		if le == r.below {
			l.withinBelow = models.Sum(l.withinBelow, vector)
		}
		if rules.byModel != nil {
			b.note(h.notice(r, name))
		} else {
			b.note(h.notice(r, ""))
		}
	}
}

func (b *Buckets) note(notice string) {
	if notice != "" && !slices.Contains(b.Notices, notice) {
		b.Notices = append(b.Notices, notice)
	}
}

func (b *Buckets) ladder(values []string, h histogram, r rung) *ladder {
	key := models.GroupKey(values)
	g, ok := b.groups[key]
	if !ok {
		g = &graded{group: values, histograms: map[string]*ladder{}}
		b.groups[key] = g
	}
	l, ok := g.histograms[h.Name]
	if !ok {
		l = &ladder{limit: r.limit, bound: r.bound}
		g.histograms[h.Name] = l
	}
	if l.limit != r.limit {
		l.limit = math.NaN()
	}
	if l.bound != r.bound {
		l.bound = math.NaN()
	}
	return l
}

// share at one time.
func (l *ladder) share(t int) share {
	if l == nil {
		return unknownShare
	}
	out := share{limit: l.limit, bound: l.bound, within: math.NaN(), withinBelow: math.NaN()}
	if l.all == nil || !(l.all[t] > 0) {
		return out
	}
	// Rates of buckets are extrapolated one by one, so that a lower one can come out a hair higher.
	if l.within != nil {
		out.within = min(l.within[t]/l.all[t], 1)
	}
	if l.withinBelow != nil {
		out.withinBelow = min(l.withinBelow[t]/l.all[t], 1)
	}
	return out
}

// notice says where a bound stands for a limit that is not one; model is named where models have different bounds.
func (h histogram) notice(r rung, model string) string {
	limit := fmt.Sprintf("a limit of %g s", r.limit)
	if model != "" {
		limit += " on " + model
	}
	switch {
	case math.IsNaN(r.bound):
		return fmt.Sprintf("%s_attainment: %s is above the last bucket: nothing can be told", h.Name, limit)
	case r.bound != r.limit:
		return fmt.Sprintf("%s_attainment: %s is no bound of a bucket; what took up to %g s counts as within it", h.Name, limit, r.bound)
	}
	return ""
}
