package models

import (
	"context"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Fetch answers a valid spec for a window. Interval is the panel's suggestion for the step of a time series. When some
// queries fail, the error says which, and the Result still holds the other figures.
func Fetch(
	ctx context.Context, client *prometheus.Client, spec Spec, w evidence.Window, interval time.Duration, scope vllm.Scope,
) (Result, []evidence.Call, error) {
	return Result{}, nil, nil
}
