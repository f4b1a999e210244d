package telemetry_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

func TestAnExpositionIsReadAsSamples(t *testing.T) {
	const text = `# HELP vllm:e2e_request_latency_seconds Histogram of e2e request latency in seconds.
# TYPE vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="tiny"} 3.0
vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="tiny"} 4.0
vllm:e2e_request_latency_seconds_sum{engine="0",model_name="tiny"} 1.5e+00
vllm:odd{text="a \"quoted\" back\\slash"} NaN
process_cpu_seconds_total 10.2
`
	exposition, err := telemetry.ParseExposition(text)
	require.NoError(t, err)
	got := map[string]float64{}
	exposition.Each(func(s *telemetry.Series, value float64) { got[s.Text] = value })
	require.Len(t, got, 5)
	require.Equal(t, 3.0, got[`vllm:e2e_request_latency_seconds_bucket{engine="0",le="0.3",model_name="tiny"}`])
	require.Equal(t, 4.0, got[`vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="tiny"}`])
	require.Equal(t, 1.5, got[`vllm:e2e_request_latency_seconds_sum{engine="0",model_name="tiny"}`])
	require.Contains(t, got, `vllm:odd{text="a \"quoted\" back\\slash"}`)
	require.Equal(t, 10.2, got["process_cpu_seconds_total"])

	_, err = telemetry.ParseExposition("no number here\n")
	require.Error(t, err)
}
