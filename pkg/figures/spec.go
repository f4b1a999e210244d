package figures

import (
	"fmt"
	"slices"
	"strings"
)

// Form is the shape of the answer. The words are saved in dashboards and alert rules.
type Form string

// The forms.
const (
	Table      Form = "table"      // one row per group, each figure over the whole range
	TimeSeries Form = "timeseries" // one series per group and figure
	Numeric    Form = "numeric"    // one number per group, of one figure: what an alert rule compares
)

// The dimensions of GroupBy, spelled as the columns of the request row.
const (
	ByModel       = "model"
	ByEnvironment = "environment"
	ByCluster     = "cluster"
	ByNamespace   = "namespace"
	ByPod         = "pod"
	ByInstance    = "instance"
	ByEngine      = "engine"
)

// Dimensions lists them from coarse to fine: the order of a table's columns whatever the order in the query.
var Dimensions = []string{ByEnvironment, ByCluster, ByNamespace, ByModel, ByPod, ByInstance, ByEngine}

// DefaultQuantiles are what people on call ask for.
var DefaultQuantiles = []float64{0.5, 0.9, 0.95, 0.99}

// maxQuantiles bounds the columns of a table; more is a histogram and not a table.
const maxQuantiles = 20

// Spec asks for figures. Quantiles apply to those metrics that have them (ttft, tpot, itl, e2e, queue, prefill, decode).
type Spec struct {
	Metrics   []string  `json:"metrics,omitempty"`   // names of the catalogue; empty = all
	GroupBy   []string  `json:"groupBy,omitempty"`   // empty = model
	Quantiles []float64 `json:"quantiles,omitempty"` // 0 < q < 1; empty = DefaultQuantiles
	Form      Form      `json:"form,omitempty"`      // empty = table
}

// WithDefaults fills in what is empty and brings GroupBy into the order of Dimensions.
func (s Spec) WithDefaults() Spec {
	if s.Form == "" {
		s.Form = Table
	}
	if len(s.Metrics) == 0 {
		s.Metrics = Names()
	}
	if len(s.Quantiles) == 0 {
		s.Quantiles = DefaultQuantiles
	}
	s.GroupBy = InOrder(s.GroupBy)
	return s
}

// InOrder brings dimensions into the order of Dimensions, each once; none are the model alone.
func InOrder(groupBy []string) []string {
	if len(groupBy) == 0 {
		return []string{ByModel}
	}
	groupBy = slices.Clone(groupBy)
	slices.SortFunc(groupBy, func(a, b string) int {
		return slices.Index(Dimensions, a) - slices.Index(Dimensions, b)
	})
	return slices.Compact(groupBy)
}

// CheckGroups refuses what is no dimension.
func CheckGroups(groupBy []string) error {
	for _, by := range groupBy {
		if !slices.Contains(Dimensions, by) {
			return fmt.Errorf("groupBy: %q is none of %s", by, strings.Join(Dimensions, ", "))
		}
	}
	return nil
}

// Check refuses what is no form.
func (f Form) Check() error {
	switch f {
	case "", Table, TimeSeries, Numeric:
		return nil
	}
	return fmt.Errorf("form: %q is none of table, timeseries, numeric", f)
}

// Validate checks every field and names the one that is wrong.
func (s Spec) Validate() error {
	if err := s.Form.Check(); err != nil {
		return err
	}
	for _, name := range s.Metrics {
		if _, ok := allFigures.Find(name); !ok {
			return fmt.Errorf("metrics: no figure is named %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if err := CheckGroups(s.GroupBy); err != nil {
		return err
	}
	if len(s.Quantiles) > maxQuantiles {
		return fmt.Errorf("quantiles: %d are more than %d", len(s.Quantiles), maxQuantiles)
	}
	for _, q := range s.Quantiles {
		if !(q > 0 && q < 1) { // also refuses NaN
			return fmt.Errorf("quantiles: %v is not between 0 and 1, such as 0.95", q)
		}
	}
	if s.Form == Numeric {
		return s.oneFigure()
	}
	return nil
}

// ForAlert is the form of this question that an alert rule can evaluate: series stay series, a table becomes numbers. It
// refuses more than one figure, since numbers with the same labels collide in Grafana's expressions.
func (s Spec) ForAlert() (Spec, error) {
	if s.Form != TimeSeries {
		s.Form = Numeric
	}
	if err := s.oneFigure(); err != nil {
		return Spec{}, err
	}
	return s, s.Validate()
}

// oneFigure refuses a question whose answer has more than one number per group.
func (s Spec) oneFigure() error {
	if len(s.Metrics) != 1 {
		return fmt.Errorf("metrics: an alert compares one figure, this query has %d", len(s.WithDefaults().Metrics))
	}
	if f, ok := allFigures.Find(s.Metrics[0]); ok && f.quantiles() && len(s.Quantiles) != 1 {
		return fmt.Errorf("quantiles: an alert on %s compares one quantile, this query has %d",
			f.Name, len(s.WithDefaults().Quantiles))
	}
	return nil
}
