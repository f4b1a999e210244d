package query

import (
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// CoverageSpec asks how much of the window the join saw.
type CoverageSpec struct {
	Form figures.Form `json:"form,omitempty"`
	// Metric narrows an alert or a series to one number, such as explained_ratio; empty = all (table only).
	Metric string `json:"metric,omitempty"`
}

func (s *CoverageSpec) check(fromAlert bool) error {
	switch s.Form {
	case "":
		s.Form = figures.Table
	case figures.Table, figures.TimeSeries, figures.Numeric:
	default:
		return wrong("coverage.form", "%q is none of table, timeseries, numeric", clip(string(s.Form)))
	}
	if fromAlert && s.Form == figures.Table {
		s.Form = figures.Numeric
	}
	if s.Metric != "" {
		if _, ok := join.CoverageMetrics.Find(s.Metric); !ok {
			return wrong("coverage.metric", "%q is none of %s", clip(s.Metric), strings.Join(join.CoverageMetrics.Keys(), ", "))
		}
	} else if s.Form == figures.Numeric || fromAlert {
		return wrong("coverage.metric", "an alert compares one number: choose one of %s", strings.Join(join.CoverageMetrics.Keys(), ", "))
	}
	return nil
}
