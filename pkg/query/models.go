package query

import "github.com/llmserving/grafana-vllm-datasource/pkg/figures"

// DefaultAlert is what a new alert rule compares: the time to first token that one request in a hundred exceeds, per model.
var DefaultAlert = figures.Spec{
	Metrics: []string{"ttft"}, GroupBy: []string{figures.ByModel}, Quantiles: []float64{0.99}, Form: figures.Numeric,
}

func (q *Query) checkModels() error {
	if err := q.Models.Validate(); err != nil {
		return &FieldError{"models", err}
	}
	if q.FromAlert {
		spec, err := q.Models.ForAlert()
		if err != nil {
			return &FieldError{"models", err}
		}
		q.Models = &spec
	}
	return nil
}
