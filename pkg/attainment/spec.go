package attainment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// Spec asks for figures.
type Spec struct {
	Metrics []string `json:"metrics,omitempty"` // names of the catalogue; empty = all
	GroupBy []string `json:"groupBy,omitempty"` // dimensions of package figures; empty = model
	// Target is the share of requests that shall keep their limits: what error budget and burn rate are held against.
	// 0 = slo.DefaultTarget.
	Target float64      `json:"target,omitempty"`
	Form   figures.Form `json:"form,omitempty"` // empty = table
}

// Bounds of Target: below, more than half may miss; above, a budget is less than one request in a million.
const (
	minTarget = 0.5
	maxTarget = 0.999999
)

// WithDefaults fills in what is empty and brings GroupBy into the order of figures.Dimensions.
func (s Spec) WithDefaults() Spec {
	s.Form = cmp.Or(s.Form, figures.Table)
	s.Target = cmp.Or(s.Target, slo.DefaultTarget)
	if len(s.Metrics) == 0 {
		s.Metrics = Names()
	}
	s.GroupBy = figures.InOrder(s.GroupBy)
	return s
}

// Validate checks every field and names the one that is wrong.
func (s Spec) Validate() error {
	if err := cmp.Or(s.Form.Check(), figures.CheckGroups(s.GroupBy)); err != nil {
		return err
	}
	for _, name := range s.Metrics {
		if _, ok := allFigures.Find(name); !ok {
			return fmt.Errorf("metrics: no figure is named %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if s.Target != 0 && !(s.Target >= minTarget && s.Target <= maxTarget) { // also refuses NaN
		return fmt.Errorf("target: %v is not a share between %v and %v, such as 0.99", s.Target, minTarget, maxTarget)
	}
	if s.Form == figures.Numeric {
		return s.oneFigure()
	}
	return nil
}

// ForAlert is the form of this question that an alert rule can evaluate: series stay series, a table becomes numbers. It
// refuses more than one figure, since numbers with the same labels collide in Grafana's expressions.
func (s Spec) ForAlert() (Spec, error) {
	if s.Form != figures.TimeSeries {
		s.Form = figures.Numeric
	}
	if err := s.oneFigure(); err != nil {
		return Spec{}, err
	}
	return s, s.Validate()
}

func (s Spec) oneFigure() error {
	if len(s.Metrics) != 1 {
		return fmt.Errorf("metrics: an alert compares one figure, this query has %d", len(s.WithDefaults().Metrics))
	}
	return nil
}

// Needs says what the figures are taken from: the joined requests, histogram buckets, or both.
func (s Spec) Needs() (requests, buckets bool) {
	for _, f := range s.figures() {
		requests = requests || f.ofRequests != nil
		buckets = buckets || f.ofBuckets != nil
	}
	return requests, buckets
}

// figures are those asked for, in the order of the catalogue's table.
func (s Spec) figures() []figure {
	var out []figure
	for _, name := range s.WithDefaults().Metrics {
		if f, ok := allFigures.Find(name); ok && !slices.ContainsFunc(out, func(o figure) bool { return o.Name == name }) {
			out = append(out, f)
		}
	}
	return out
}
