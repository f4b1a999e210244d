package attainment

import (
	"math"

	"github.com/llmserving/grafana-vllm-datasource/pkg/catalogue"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// figure is one figure of the catalogue. It is of the requests or of buckets; the other is nil.
type figure struct {
	Name string // stable: saved in dashboards
	Unit figures.Unit
	Help string
	// amount is what grows with the number of requests seen: not known when some were not seen. A share still is.
	amount     bool
	ofRequests func(t tally, about about) float64
	ofBuckets  func(of shares, about about) float64
	histograms []string // that ofBuckets reads
	extra      []column // of a table, behind the figure itself
}

// Key is the figure's name.
func (f figure) Key() string { return f.Name }

// shares gives that of a histogram.
type shares func(histogram string) share

// about is what figures are computed with besides counts.
type about struct {
	target  float64
	seconds float64 // that the counts are of
	fewest  float64 // requests of which a share is at least
}

// allFigures are the catalogue, in the order of a table's columns: first those of the requests, then those of buckets.
var allFigures = append(catalogue.Of[string, figure]{
	{
		Name: "attainment", Unit: figures.Ratio,
		Help:       "share of the requests that ended ok within all limits of their model; those that cannot be judged are left out",
		ofRequests: func(t tally, a about) float64 { return t.attainment(a.fewest) },
	},
	{
		Name: "burn_rate", Unit: figures.Multiple,
		Help:       "share that missed / share that may miss (1 − target): at 1 the error budget lasts exactly as long as it is for",
		ofRequests: func(t tally, a about) float64 { return slo.BurnRate(1-t.attainment(a.fewest), a.target) },
	},
	{
		Name: "error_budget_left", Unit: figures.Ratio,
		Help:       "share of this range's error budget that is left: 1 − burn_rate; below 0 it is overspent",
		ofRequests: func(t tally, a about) float64 { return 1 - slo.BurnRate(1-t.attainment(a.fewest), a.target) },
	},
	{
		Name: "goodput", Unit: figures.RequestsPerSecond, amount: true,
		Help:       "requests that kept all limits, per second: what vLLM's benchmark calls goodput",
		ofRequests: func(t tally, a about) float64 { return t.judged(t.met) / a.seconds },
	},
	{
		Name: "goodput_tokens", Unit: figures.TokensPerSecond, amount: true,
		Help:       "generated tokens of the requests that kept all limits, per second",
		ofRequests: func(t tally, a about) float64 { return t.judged(t.tokens) / a.seconds },
	},
	count("requests", "requests that began in the range", func(t tally) float64 { return t.amount(t.requests) }),
	count("met", "of these, ended ok within all limits", func(t tally) float64 { return t.judged(t.met) }),
	count("missed", "of these, missed a limit or did not end ok", func(t tally) float64 { return t.judged(t.missed) }),
	count("failed", "of the missed, those that did not end ok: error, abort, rejection, or still open past the limit", func(t tally) float64 { return t.judged(t.failed) }),
	count("ttft_missed", "of the missed, ended ok but above the limit on TTFT", func(t tally) float64 { return t.judged(t.late[slo.TTFT]) }),
	count("tpot_missed", "of the missed, ended ok but above the limit on TPOT", func(t tally) float64 { return t.judged(t.late[slo.TPOT]) }),
	count("e2e_missed", "of the missed, ended ok but above the limit on E2E", func(t tally) float64 { return t.judged(t.late[slo.E2E]) }),
	count("not_judged", "requests that cannot be judged: still running within the limit, a model that is not known or has no limits, a figure that no store tells",
		func(t tally) float64 { return t.amount(max(t.requests-t.met-t.missed, 0)) }),
}, ofBuckets()...)

func count(name, help string, of func(tally) float64) figure {
	return figure{
		Name: name, Unit: figures.Requests, Help: help, amount: true,
		ofRequests: func(t tally, _ about) float64 { return of(t) },
	}
}

// ofBuckets are the figures of single limits.
func ofBuckets() (out []figure) {
	for _, h := range histograms {
		out = append(out, figure{
			Name: h.Name + "_attainment", Unit: figures.Ratio, histograms: []string{h.Name},
			Help: "share of " + h.of + " at or below the limit on " + h.title() +
				", by the next bound of a bucket: see " + h.Name + "_bound",
			ofBuckets: func(of shares, _ about) float64 { return of(h.Name).within },
			extra: []column{
				{h.Name + "_attainment_low", figures.Ratio, "the same by the bound below the limit: the truth lies between", func(s share) float64 { return s.withinBelow }},
				{h.Name + "_limit", figures.Seconds, "the limit on " + h.title() + " in the data source's settings", func(s share) float64 { return s.limit }},
				{h.Name + "_bound", figures.Seconds, "the bucket's bound that stands for the limit: the least that is not below it", func(s share) float64 { return s.bound }},
			},
		})
		if h.perRequest {
			out = append(out, figure{
				Name: h.Name + "_burn_rate", Unit: figures.Multiple, histograms: []string{h.Name},
				Help:      "share above the limit on " + h.title() + " / share that may miss (1 − target)",
				ofBuckets: func(of shares, a about) float64 { return of(h.Name).burn(a) },
			})
		}
	}
	return append(out,
		figure{
			Name: "worst_limit_burn_rate", Unit: figures.Multiple, histograms: perRequest(),
			Help:      "highest burn rate of a single limit; that of all limits jointly can only be higher",
			ofBuckets: worst,
		},
		figure{
			Name: "worst_limit_budget_left", Unit: figures.Ratio, histograms: perRequest(),
			Help:      "share of this range's error budget that the worst single limit leaves: 1 − worst_limit_burn_rate",
			ofBuckets: func(of shares, a about) float64 { return 1 - worst(of, a) },
		},
	)
}

// worst is NaN when no limit's burn rate is known.
func worst(of shares, a about) float64 {
	highest := math.NaN()
	for _, name := range perRequest() {
		if burn := of(name).burn(a); !(burn <= highest) && !math.IsNaN(burn) {
			highest = burn
		}
	}
	return highest
}

// Names lists the figures, in the order of a table's columns.
func Names() []string { return allFigures.Keys() }

// Figure describes one figure to an editor.
type Figure struct {
	Name     string       `json:"name"`
	Unit     figures.Unit `json:"unit"`
	Help     string       `json:"help"`
	Requests bool         `json:"requests"` // of the requests themselves; else of histogram buckets
}

// Figures describes the catalogue, in the order of a table's columns.
func Figures() []Figure {
	figures := make([]Figure, len(allFigures))
	for i, f := range allFigures {
		figures[i] = Figure{Name: f.Name, Unit: f.Unit, Help: f.Help, Requests: f.ofRequests != nil}
	}
	return figures
}
