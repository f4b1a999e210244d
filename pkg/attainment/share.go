package attainment

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// The figures of Share, as queries name them.
const (
	ShareFigure  = "share"  // requests that pass / those of which it is known whether they do
	PassedFigure = "passed" // how many requests pass
)

// ShareFigures lists them, the one that is meant without a name first.
var ShareFigures = []string{ShareFigure, PassedFigure}

// shareColumns say the same to a reader.
var shareColumns = map[string]figures.Column{
	ShareFigure: {
		Name: ShareFigure, Metric: ShareFigure, Unit: figures.Ratio,
		Help: "requests that pass the filters / those of which it is known whether they do",
	},
	PassedFigure: {Name: PassedFigure, Metric: PassedFigure, Unit: figures.Requests, Help: "requests that pass the filters"},
}

// maxUnseen is which share of the requests may lack a column in a figure that a rule decides on: where more requests are not
// known than known, such as those of callers that nobody traces, a share says nothing of the model's requests.
const maxUnseen = 0.5

// Asked is which requests a figure is of.
type Asked struct {
	Filters    []join.Filter // of a share that is no attainment
	Figure     string        // of ShareFigures; empty = ShareFigure
	GroupBy    []string
	Objectives slo.Objectives
	Samples    Samples    // of the rows' models, as Survey gives them; without any, each row is one request
	Known      join.Known // the models that groups are named by; the zero value takes every name as it stands
	// Cut says that not all requests were read: how many pass is not known then, a share still is.
	Cut bool
	// Fewest is of how many requests a share is at least: of fewer there is none. FewestInRule for what a rule compares, else 0.
	Fewest float64
}

// FewestInRule is of how many requests a share is at least that a rule compares: one refused request of one is no share of 100 %. The
// rules of Prometheus ask for more than two failures likewise.
const FewestInRule = 3

// groupOf writes the group of a row that counts under a model into values.
func (a Asked) groupOf(r *join.Request, model string, values []string) []string {
	figures.GroupOf(r, a.GroupBy, values)
	for i, by := range a.GroupBy {
		if by == figures.ByModel {
			values[i] = model
		}
	}
	return values
}

// folded counts the requests of models that nobody but a client names.
type folded struct {
	into     string
	names    map[string]bool
	requests int
	apart    int // of these, no engine saw
}

func (f *folded) see(r *join.Request, known join.Known, ours bool) {
	if !known.Folded(r) {
		return
	}
	if f.names == nil {
		f.names = map[string]bool{}
	}
	f.into, _ = known.Of(r)
	f.names[r.Model] = true
	f.requests++
	if !ours {
		f.apart++
	}
}

// notices say how many names stand behind one group, and none of them: a client wrote them.
func (f folded) notices() []string {
	if f.requests == 0 {
		return nil
	}
	text := fmt.Sprintf("Distinct model names that only clients give: %d, in %d requests. They are one group, %q. "+
		"Names of yours go under Model aliases in the data source's settings.", len(f.names), f.requests, f.into)
	if f.apart > 0 {
		text += fmt.Sprintf(" Of these requests, %d reached no engine: no SLO limits apply to them.", f.apart)
	}
	return []string{text}
}

// Shares is a share and how far it can be believed.
type Shares struct {
	figures.Result
	// Notices say what the share leaves out.
	Notices []string
	// Decidable is nil when a rule may decide on the share.
	Decidable error
}

// portion counts the requests of one group at one time, each for as many as its row stands for.
type portion struct {
	pass, known float64
	unknown     float64 // how they ended is not known, and it will not be
	unseen      float64 // ended ok, and a column of the filters is not known
	sampled     float64 // spans that stand for others
	untold      bool    // some request is of a model of whose requests no share can be told
}

func (p portion) share(fewest float64) float64 {
	if p.known == 0 || p.known < fewest || p.untold {
		return math.NaN()
	}
	return p.pass / p.known
}

func (p portion) passed(cut bool) float64 {
	if p.untold || cut {
		return math.NaN()
	}
	return p.pass
}

// doubt says why a rule must not decide; empty when it may.
func (p portion) doubt() string {
	all := p.known + p.unknown + p.unseen
	switch {
	case p.unknown > maxUnknown*all:
		return fmt.Sprintf("how %.0f of %.0f requests ended is not known", p.unknown, all)
	case p.unseen > maxUnseen*all:
		return fmt.Sprintf("of %.0f of %.0f requests a column of the filters is not known", p.unseen, all)
	case p.sampled > 0 && p.sampled < fewSpans && p.known >= fewSpans:
		return fmt.Sprintf("%.0f spans stand for %.0f requests, which are too few", p.sampled, p.known)
	}
	return ""
}

// Share is the share of requests that pass all filters, over the grid: pass / (pass + fail), or how many pass. A request of which nobody knows
// whether it passes is in neither, and counted; without any that is known there is no share.
func Share(rows []join.Request, asked Asked, grid Grid) (Shares, error) {
	judge, err := join.CompileJudge(asked.Filters)
	if err != nil {
		return Shares{}, err
	}
	out := Shares{Result: figures.Result{
		GroupBy: asked.GroupBy, Times: grid.Times, Step: grid.Step,
		Columns: []figures.Column{shareColumns[cmp.Or(asked.Figure, ShareFigure)]},
	}}
	samples := asked.Samples
	if join.OfSpans(asked.Filters) {
		samples = maps.Clone(samples)
		for model, sample := range samples {
			samples[model] = sample.ofSpans()
		}
	}
	groups, counted, seen := map[string][]string{}, map[string][]portion{}, Samples{}
	values := make([]string, len(asked.GroupBy))
	var clients folded
	for i := range rows {
		r := &rows[i]
		from, to := grid.at(r.Time)
		if from >= to {
			continue
		}
		model, ours := asked.Known.Of(r)
		clients.see(r, asked.Known, ours)
		pass, known := judge(r)
		running := !math.IsNaN(r.OpenFor) || young(r, asked.limits(model), grid.Window().To)
		if !known && (running || r.Status != join.StatusUnknown && r.Status != join.StatusOK) {
			continue // what still runs has the column later, and a failure has none
		}
		weight := 1.0
		if ours {
			if sample, ok := samples[model]; ok {
				seen[model] = sample
			}
			weight = samples.weight(r, model)
		}
		if weight == 0 {
			continue
		}
		group := asked.groupOf(r, model, values)
		key := figures.GroupKey(group)
		if groups[key] == nil {
			groups[key], counted[key] = append([]string{}, group...), make([]portion, len(grid.Times))
		}
		for t := from; t < to; t++ {
			counted[key][t].add(r, weight, pass, known)
		}
	}
	errs, few := seen.doubts(), false
	for _, key := range sortedKeys(groups) {
		shares, known := make([]float64, len(grid.Times)), false
		var doubt string
		var left float64
		for t, c := range counted[key] {
			known = known || c.known > 0
			if asked.Figure == PassedFigure {
				shares[t] = c.passed(asked.Cut)
			} else {
				shares[t] = c.share(asked.Fewest)
				few = few || c.known > 0 && c.known < asked.Fewest
			}
			left = max(left, c.unknown+c.unseen)
			if doubt == "" {
				doubt = c.doubt()
			}
		}
		name := strings.Join(groups[key], ", ")
		if doubt != "" {
			errs = append(errs, cannotTell(name, doubt))
		}
		if left > 0 {
			out.Notices = append(out.Notices, fmt.Sprintf("%.0f requests of %s could not be judged, and are in no share.", left, orAll(name)))
		}
		if !known {
			continue
		}
		out.Groups = append(out.Groups, groups[key])
		out.Values = append(out.Values, [][]float64{shares})
	}
	if few {
		out.Notices = append(out.Notices, tooFew)
	}
	out.Notices = slices.Concat(seen.notices(), clients.notices(), out.Notices)
	out.Decidable = errors.Join(errs...)
	return out, nil
}

// tooFew says what a rule does not get.
var tooFew = fmt.Sprintf("A share of fewer than %d requests is none that a rule compares.", FewestInRule)

func (a Asked) limits(model string) slo.Objective {
	if i := a.Objectives.Index(model); i >= 0 {
		return a.Objectives[i]
	}
	return slo.Objective{}
}

func (p *portion) add(r *join.Request, weight float64, pass, known bool) {
	switch {
	case math.IsNaN(weight):
		p.untold, p.known = true, p.known+1
		return
	case known:
		p.known += weight
		if pass {
			p.pass += weight
		}
		if weight != 1 {
			p.sampled++
		}
	case r.Status == join.StatusUnknown:
		p.unknown += weight
	default:
		p.unseen += weight
	}
}
