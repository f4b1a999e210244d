package frames

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
)

// PromQLOptions say how an answer is shown.
type PromQLOptions struct {
	Legend string        // {{label}} is replaced; empty = the series as PromQL writes it
	Step   time.Duration // of a range query; 0 for an instant one
	Alert  bool          // an instant answer as numbers, one frame each, instead of a table
}

// PromQL shows an answer: a matrix as time series, anything else as a table of numbers.
func PromQL(answer prometheus.Answer, o PromQLOptions) data.Frames {
	return nil
}
