package query

import (
	"strings"
	"time"
)

// PromQLSpec is raw PromQL. $__interval, $__rate_interval, $__range and their relatives are expanded in Go.
type PromQLSpec struct {
	Expr    string `json:"expr"`
	Instant bool   `json:"instant,omitempty"`
	Legend  string `json:"legend,omitempty"` // {{label}} is replaced
	MinStep string `json:"minStep,omitempty"`
}

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
	if s.MinStep != "" {
		if d, err := time.ParseDuration(s.MinStep); err != nil || d <= 0 || d > MaxRange {
			return wrong("promql.minStep", "%q is not a duration such as 15s", clip(s.MinStep))
		}
	}
	return nil
}
