package prometheus

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// TestTimesOfMonthsAreOrderedOnEveryMachine holds times and places on a grid in 64 bits: linux_arm's int has 32.
func TestTimesOfMonthsAreOrderedOnEveryMachine(t *testing.T) {
	const day = 24 * 3600 * 1000
	var samples []evidence.Sample
	for i := range int64(120) {
		samples = append(samples, evidence.Sample{UnixMilli: i * day, Value: float64(i)})
	}
	require.Equal(t, samples[100:], trimBefore(samples, 100*day))
	require.Equal(t, samples, trimBefore(samples, 0))

	grid := promql.Range{From: time.UnixMilli(0), To: time.UnixMilli(10_000), Step: time.Millisecond}
	for _, v := range grid.Vector([]evidence.Sample{{UnixMilli: 1<<32 + 5, Value: 7}}) { // 5 in 32 bits
		require.True(t, math.IsNaN(v), "a sample beside the grid")
	}
	require.InDelta(t, 4294967296.0, number([]byte("4294967296")), 0)
	require.InDelta(t, 999_999_999_999_999.0, number([]byte("999999999999999")), 0)
}
