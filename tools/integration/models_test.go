//go:build integration && unix

package integration_test

import (
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// TestQuantilesFromRequestsAreThoseOfTheTruth asks for quantiles over a range whose requests are few enough to be read: beside
// the bucket's figure and its bounds stands the exact one.
func TestQuantilesFromRequestsAreThoseOfTheTruth(t *testing.T) {
	f := wholeFleet(t) // of a window with lost spans there are no exact quantiles
	window := backend.TimeRange{From: f.window.From.Add(5 * time.Minute), To: f.window.From.Add(10 * time.Minute)}
	frame := f.ask(t, window, map[string]any{"queryType": "models", "models": map[string]any{
		"metrics": []string{"ttft", "e2e", "request_rate"}, "quantiles": []float64{0.5, 0.95},
	}})[0]
	for _, n := range frame.Meta.Notices {
		t.Log("notice:", n.Text)
	}
	true95 := map[string][]float64{}
	for _, r := range f.known.Requests() {
		if r.Evidence.EngineSpan == truth.Emitted && r.TTFT != nil && !r.Time.Before(window.From) && r.Time.Before(window.To) {
			true95[r.Model] = append(true95[r.Model], *r.TTFT)
		}
	}
	require.Equal(t, 3, frame.Rows())
	for _, r := range grade.Rows(frame) {
		values := true95[r.Text("model")]
		slices.Sort(values)
		at := 0.95 * float64(len(values)-1)
		i := int(at)
		want := values[i] + (at-float64(i))*(values[i+1]-values[i])
		bucket, ok := r.Number("ttft_p95")
		require.True(t, ok)
		low, _ := r.Number("ttft_p95_low")
		high, _ := r.Number("ttft_p95_high")
		require.LessOrEqual(t, low, bucket)
		require.GreaterOrEqual(t, high, bucket)
		exact, ok := r.Number("ttft_p95_exact")
		t.Logf("%s: %d requests, p95 of ttft %.4f s from buckets (%.3g to %.3g), exactly %.4f s, truth %.4f s", r.Text("model"), len(values), bucket, low, high, exact, want)
		require.True(t, ok, "the window is complete")
		require.InDelta(t, want, exact, 1e-3, "the same spans, read through the stores")
	}
}
