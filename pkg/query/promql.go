package query

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// PromQLSpec is raw PromQL. $__interval, $__rate_interval, $__range and their relatives are expanded in Go.
type PromQLSpec struct {
	Expr    string       `json:"expr"`
	Instant bool         `json:"instant,omitempty"`
	Legend  string       `json:"legend,omitempty"` // {{label}} is replaced; LegendAuto leaves the name to Grafana
	MinStep string       `json:"minStep,omitempty"`
	Format  PromQLFormat `json:"format,omitempty"`
}

// LegendAuto is what Grafana's Prometheus data source saves for "Auto": Grafana names each series by the labels that differ.
const LegendAuto = "__auto"

// PromQLFormat is the shape of a PromQL answer. The words are those of Grafana's Prometheus data source.
type PromQLFormat string

// The formats.
const (
	FormatSeries  PromQLFormat = "" // time series of a range, a table of an instant
	FormatTable   PromQLFormat = "table"
	FormatHeatmap PromQLFormat = "heatmap" // buckets of a histogram, each without the buckets below it
)

// PromQLFormats lists the formats in the order in which an editor shows them.
var PromQLFormats = []PromQLFormat{FormatSeries, FormatTable, FormatHeatmap}

// noMinimum are minimum steps that ask for no more than the panel's own interval, as Grafana's editors offer them.
var noMinimum = []string{"", "$__interval", "${__interval}", "$__auto", "${__auto}"}

// rateMinimum are minimum steps that ask for the range of a rate.
var rateMinimum = []string{"$__rate_interval", "${__rate_interval}"}

func (s *PromQLSpec) check() error {
	if strings.TrimSpace(s.Expr) == "" {
		return wrong("promql.expr", "empty")
	}
	if len(s.Expr) > MaxPromQLLength {
		return wrong("promql.expr", "longer than %d characters", MaxPromQLLength)
	}
	if err := checkText(s.Legend); err != nil {
		return &FieldError{"promql.legend", err}
	}
	if !slices.Contains(PromQLFormats, s.Format) {
		return wrong("promql.format", "%q is none of table and heatmap", clip(string(s.Format)))
	}
	if s.RateStep() {
		return nil
	}
	if d, ok := s.minimum(); !ok || d > MaxRange {
		return wrong("promql.minStep", "%q is not a duration such as 15s or 1d, up to 400d", clip(s.MinStep))
	}
	return nil
}

// Minimum is the smallest step that the query allows; 0 leaves the step to the panel.
func (s *PromQLSpec) Minimum() time.Duration {
	d, _ := s.minimum()
	return d
}

// RateStep reports whether the query wants a step as long as the range of a rate ($__rate_interval as the minimum step).
func (s *PromQLSpec) RateStep() bool {
	return slices.Contains(rateMinimum, strings.TrimSpace(s.MinStep))
}

func (s *PromQLSpec) minimum() (time.Duration, bool) {
	text := strings.TrimPrefix(strings.TrimSpace(s.MinStep), ">") // panels write ">1m" for "at least 1m"
	if slices.Contains(noMinimum, text) {
		return 0, true
	}
	if d, err := time.ParseDuration(text); err == nil {
		return d, d > 0
	}
	d, err := model.ParseDuration(text) // days and weeks as well
	return time.Duration(d), err == nil && d > 0
}

// target is a query as Grafana's Prometheus data source saves it in a dashboard or an alert rule.
type target struct {
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
	Range        bool   `json:"range"`
	Instant      bool   `json:"instant"`
	Format       string `json:"format"`
	Interval     string `json:"interval"` // the minimum step
}

// lokiTypes are query types that Grafana's Loki data source saves; its targets have an "expr", too, which is LogQL.
var lokiTypes = []Kind{"range", "instant", "stream"}

// foreign reports whether a query type is not ours and not Loki's. Grafana's Prometheus data source saved several in its history, such
// as "randomWalk", and reads none of them.
func foreign(kind Kind) bool { return !kind.known() && !slices.Contains(lokiTypes, kind) }

// spec turns the target into a query of ours. "Both" (range and instant) means the range: it shows the same last value.
func (t target) spec() PromQLSpec {
	s := PromQLSpec{Expr: t.Expr, Legend: t.LegendFormat, MinStep: t.Interval, Instant: t.Instant && !t.Range}
	if format := PromQLFormat(t.Format); slices.Contains(PromQLFormats, format) { // "time_series" is the default
		s.Format = format
	}
	return s
}
