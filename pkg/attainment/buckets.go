package attainment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Histogram is one of vLLM's that a limit can be held against.
type Histogram struct {
	Name       string
	limit      slo.Limit
	Metric     string // canonical
	of         string // what it has one value of
	perRequest bool
}

// histograms in the order of columns. The limit on TPOT is held against ITL too, which every version has: one value per step
// of the engine instead of one per request.
var histograms = []Histogram{
	{"ttft", slo.TTFT, vllm.TTFT, "requests", true},
	{"tpot", slo.TPOT, vllm.TPOT, "requests (vLLM 0.11 and newer)", true},
	{"itl", slo.TPOT, vllm.ITL, "steps between tokens", false},
	{"e2e", slo.E2E, vllm.E2E, "requests", true},
}

func (h Histogram) title() string {
	return map[slo.Limit]string{slo.TTFT: "TTFT", slo.TPOT: "TPOT", slo.E2E: "E2E"}[h.limit]
}

// LimitedHistograms are those of one value per request whose limit is set for some model.
func LimitedHistograms(objectives slo.Objectives) (out []Histogram) {
	for _, h := range histograms {
		if h.perRequest && slices.ContainsFunc(objectives, func(o slo.Objective) bool { return o.Of(h.limit) > 0 }) {
			out = append(out, h)
		}
	}
	return out
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

// NewBuckets tells nothing yet.
func NewBuckets() Buckets {
	return Buckets{groups: map[string]*graded{}, without: map[string]bool{}}
}

// Source is where series come from, and what they are held against.
type Source struct {
	Objectives slo.Objectives
	Grid       promql.Range
	Model      string   // label
	Group      []string // labels
}

// Add adds an answer's series, one per group, model and bound, to the groups: in the order of their labels, since the last
// digit of a sum depends on it.
func (b *Buckets) Add(h Histogram, rules Rules, answer promql.Result, from Source) {
	series := slices.SortedStableFunc(slices.Values(answer.Series), func(a, b promql.Series) int {
		return cmp.Or(cmp.Compare(a.Labels[from.Model], b.Labels[from.Model]), cmp.Compare(a.Labels[promql.BoundLabel], b.Labels[promql.BoundLabel]))
	})
	for _, s := range series {
		name := s.Labels[from.Model]
		index := from.Objectives.Index(name)
		if index < 0 {
			b.without[name] = true
			continue
		}
		limit := from.Objectives[index].Of(h.limit)
		if limit == 0 {
			continue
		}
		values := make([]string, len(from.Group))
		for i, label := range from.Group {
			values[i] = s.Labels[label]
		}
		if s.Labels[promql.BoundLabel] == promql.NativeBuckets {
			r, within, below, all := rules.native(limit, s.Histograms)
			l := b.ladder(values, h, r)
			l.within = figures.Sum(l.within, from.Grid.Vector(within))
			l.withinBelow = figures.Sum(l.withinBelow, from.Grid.Vector(below))
			l.all = figures.Sum(l.all, from.Grid.Vector(all))
			b.note(h.notice(r, ""))
			continue
		}
		le, err := strconv.ParseFloat(s.Labels[promql.BoundLabel], 64)
		if err != nil {
			continue
		}
		r := rules.of(name, limit)
		l := b.ladder(values, h, r)
		vector := from.Grid.Vector(s.Samples)
		switch {
		case math.IsInf(le, 1):
			l.all = figures.Sum(l.all, vector)
		case le == r.bound:
			l.within = figures.Sum(l.within, vector)
		}
		if le == r.below {
			l.withinBelow = figures.Sum(l.withinBelow, vector)
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

func (b *Buckets) ladder(values []string, h Histogram, r rung) *ladder {
	key := figures.GroupKey(values)
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
func (h Histogram) notice(r rung, model string) string {
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

// infinity is the bound of the bucket that holds everything.
const infinity = "+Inf"

// Rates writes what is read of a histogram: the classic buckets at these bounds and the last, and native histograms whole.
func (h Histogram) Rates(
	names promql.Names, group []string, model string, texts []string, window time.Duration, matchers []promql.Matcher,
) string {
	by := promql.WithLabels(group, model)
	var exprs []string
	if len(texts) > 0 {
		some := append(slices.Clone(matchers), promql.AnyOf(promql.BoundLabel, append(texts, infinity)...))
		exprs = append(exprs, promql.Aggregate("sum", promql.WithLabels(by, promql.BoundLabel), names.Either("rate", h.Metric, []string{promql.BucketSuffix}, window, some...)))
	}
	if native := names.Native("rate", h.Metric, window, matchers...); native != "" {
		exprs = append(exprs, promql.MarkNative(promql.Aggregate("sum", by, native)))
	}
	return strings.Join(exprs, " or ")
}

// Histograms that the figures of a spec are read off.
func (s Spec) Histograms() (out []Histogram) {
	for _, h := range histograms {
		if slices.ContainsFunc(s.figures(), func(f figure) bool { return slices.Contains(f.histograms, h.Name) }) {
			out = append(out, h)
		}
	}
	return out
}
