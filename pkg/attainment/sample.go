package attainment

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// Sample is how much the rows of one model have of its requests, and how they count therefore. Spans are often a sample of the
// requests while lines tell of every failure: put together as they come, one abort in a hundred looks like one in eleven.
type Sample struct {
	// Kept is the share of the requests ended ok that left a span: 1 when all are there.
	Kept float64
	// Spans is how many spans that share is.
	Spans int
	// Failures is what a failure counts that no line tells of, so that it is known from kept traces only; NaN where nothing says
	// which part of those was kept.
	Failures float64
	// Logged says that lines tell of every failure.
	Logged bool
	// Reason is why no share can be told; empty when one can. Untold is why none can be that failures are part of.
	Reason, Untold string
	// Doubt is why a share may be off, which a panel can show and a rule must not decide on.
	Doubt string
}

// Whole reports whether the rows are all requests there are.
func (s Sample) Whole() bool { return s.Kept == 1 && s.Reason == "" }

// ofSpans is the same for figures that only what left a span has: failures that left none have no part in them.
func (s Sample) ofSpans() Sample {
	s.Doubt, s.Untold = "", ""
	if math.IsNaN(s.Failures) {
		s.Failures = 1
	}
	return s
}

// Samples are those of the models of some rows.
type Samples map[string]Sample

// Shape is how the engines' own histogram divides the requests of a window: what kept spans are held against.
type Shape struct {
	Bounds []float64 // finite upper bounds, ascending, in seconds
	Within []float64 // share of the requests at or below each
}

// Shapes are those of E2E and TTFT, by model.
type Shapes map[string]map[slo.Limit]Shape

const (
	// fewSpans is how many spans a share needs at least to be an estimate: of 30, one is 3 %.
	fewSpans = 30
	// alike is how far the distribution of fair spans may be from the histogram's besides chance: rows are requests that began
	// in the window, histograms count those that ended in it.
	alike = 0.03
	// kolmogorov is the distance, in 1/√n, that chance exceeds once in a thousand samples.
	// Source: Smirnov, “Table for estimating the goodness of fit of empirical distributions”, 1948.
	kolmogorov = 1.95
	// negligible is by how much a share may be off for want of knowing what failures count: a tenth of the tightest usual budget.
	negligible = 0.001
	// fewFailures is how many failures with lines tell whether failures are kept as others are.
	fewFailures = 5
)

// Sampled reports whether any model's spans are less than its engines counted, so that shapes are wanted.
func Sampled(rows []join.Request, report join.Report, known join.Known) bool {
	for _, s := range Survey(rows, report, nil, known) {
		if s.Kept < 1 {
			return true
		}
	}
	return false
}

// Survey says of each model how much of it the rows have. Rows must be those of the report's window; without shapes, what is
// sampled cannot be told. Requests that no engine saw, for models that nobody but a client names, are of no model's.
func Survey(rows []join.Request, report join.Report, shapes Shapes, known join.Known) Samples {
	models := map[string]*survey{}
	of := func(model string) *survey {
		if models[model] == nil {
			models[model] = &survey{}
		}
		return models[model]
	}
	for _, e := range report.ByInstance {
		of(e.Model).counts(e)
	}
	for i := range rows {
		if model, ours := known.Of(&rows[i]); ours {
			of(model).see(&rows[i])
		}
	}
	out := Samples{}
	for model, s := range models {
		out[model] = s.sample(shapes[model])
	}
	return out
}

func (s *survey) sample(shapes map[slo.Limit]Shape) Sample {
	out := Sample{Kept: 1, Spans: s.traced, Failures: 1, Logged: s.logged()}
	all, spans, byEngines := s.ok()
	missing := all - spans
	if missing <= max(float64(s.instances), (1-join.WellSeen)*all) {
		out.Doubt = s.doubt()
		return out
	}
	out.Kept = spans / all
	part := fmt.Sprintf("of %.0f requests that ended ok, %.0f left a span", all, spans)
	switch {
	case s.traced == 0:
		out.Reason = part
		return out
	case !byEngines:
		out.Reason = part + ", and without the engines' metrics nothing tells whether these are like the others"
		return out
	case s.traced < fewSpans:
		out.Reason = part + ": too few to tell a share"
		return out
	}
	out.Reason = s.unlike(shapes, out.Kept)
	if out.Reason != "" {
		out.Reason = part + ", and " + out.Reason
		return out
	}
	out.Failures, out.Doubt = s.failures(out), s.doubt()
	if math.IsNaN(out.Failures) {
		out.Untold = fmt.Sprintf("%s, and of %d failures that only traces tell nothing says which part was kept", part, s.failedTracesOnly)
	}
	return out
}

// logged reports whether lines tell of every failure: they do when rows with a span have theirs.
func (s *survey) logged() bool {
	return s.logs && float64(s.lined) >= join.WellLogged*float64(s.traced)
}

// doubt says that lines are there of some requests and not of others. Without any at all, the engines do not write them, or
// there is no store for them: that is said elsewhere.
func (s *survey) doubt() string {
	if !s.logs || s.logged() {
		return ""
	}
	return fmt.Sprintf("of %d requests with a span, %d have log lines: aborted requests, which lines alone tell, are not all known", s.traced, s.lined)
}

// failures is what a failure counts that no line tells of. Head sampling keeps the traces of failures as it keeps others; tail
// sampling may keep them all. The failures that lines tell of, all of which are known, show which.
func (s *survey) failures(sample Sample) float64 {
	if s.failedTracesOnly == 0 {
		return 1
	}
	if sample.Logged && s.refusedLines >= fewFailures {
		kept := float64(s.refusedBoth) / float64(s.refusedLines)
		chance := 3 * math.Sqrt(sample.Kept*(1-sample.Kept)/float64(s.refusedLines))
		switch {
		case math.Abs(kept-sample.Kept) <= chance:
			return 1 / sample.Kept
		case kept >= join.WellLogged:
			return 1
		}
	}
	atMost := float64(s.failedTracesOnly) / sample.Kept
	total := float64(s.traced)/sample.Kept + float64(s.failedLines) + atMost
	if (atMost-float64(s.failedTracesOnly))/total <= negligible {
		return 1
	}
	return math.NaN()
}

// unlike says how the kept spans differ from all requests by the engines' own histograms; empty when they do not.
func (s *survey) unlike(shapes map[slo.Limit]Shape, kept float64) string {
	held := false
	for _, limit := range []slo.Limit{slo.E2E, slo.TTFT} {
		shape, took := shapes[limit], slices.Sorted(slices.Values(s.took[limit]))
		if len(shape.Bounds) == 0 || len(took) < fewSpans {
			continue
		}
		held = true
		far := alike + kolmogorov*math.Sqrt((1-kept)/float64(len(took)))
		for i, bound := range shape.Bounds {
			within := float64(countAtMost(took, bound)) / float64(len(took))
			if math.Abs(within-shape.Within[i]) > far {
				return fmt.Sprintf("they are no fair sample: %.0f %% of them have %s of at most %g s, where the engines counted %.0f %%",
					100*within, limit, bound, 100*shape.Within[i])
			}
		}
	}
	if !held {
		return "the engines' histograms, which would tell whether these are like the others, are not there"
	}
	return ""
}

// countAtMost counts the values of an ascending list at or below a bound.
func countAtMost(sorted []float64, bound float64) int {
	n, _ := slices.BinarySearchFunc(sorted, bound, func(v, bound float64) int {
		if v <= bound {
			return -1
		}
		return 1
	})
	return n
}

// weight is for how many requests a row of a model stands: 0 when others stand for it, NaN when no share can be told.
func (s Samples) weight(r *join.Request, model string) float64 {
	sample, known := s[model]
	switch {
	case !known || sample.Whole():
		return 1
	case sample.Reason != "":
		return math.NaN()
	case r.Status == join.StatusUnknown, r.Status == join.StatusOK && r.Span == nil:
		return 0 // spans stand for what ended ok; of what is open, the engines' counters say that it ended
	case r.Status == join.StatusOK:
		return 1 / sample.Kept
	case sample.Logged && r.Signals&join.SignalLogs != 0:
		return 1
	}
	return sample.Failures
}

// doubts are why a rule must not decide, model by model.
func (s Samples) doubts() (errs []error) {
	for _, model := range slices.Sorted(maps.Keys(s)) {
		if why := cmp.Or(s[model].Reason, s[model].Untold, s[model].Doubt); why != "" {
			errs = append(errs, cannotTell(model, why))
		}
	}
	return errs
}

// notices say the same to who looks at a panel, and what is an estimate.
func (s Samples) notices() (out []string) {
	for _, model := range slices.Sorted(maps.Keys(s)) {
		switch sample := s[model]; {
		case sample.Reason+sample.Untold != "":
			out = append(out, fmt.Sprintf("No share of the requests of %s can be told: %s.", orAll(model), cmp.Or(sample.Reason, sample.Untold)))
		case sample.Doubt != "":
			out = append(out, fmt.Sprintf("Shares of %s may be off: %s.", orAll(model), sample.Doubt))
		case sample.Kept < 1:
			out = append(out, fmt.Sprintf("Figures of %s are estimates: %.0f %% of its requests left a span, %d of them are here, and these stand for the others that ended ok.",
				orAll(model), 100*sample.Kept, sample.Spans))
		}
	}
	return out
}
