package evidence_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

func TestASpanEndsWhereItsDurationTells(t *testing.T) {
	noon := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name          string
		duration, e2e float64
		want          time.Duration
	}{
		{"the span's own duration first", 1.5, 1.4, 1500 * time.Millisecond},
		{"without it, what the engine measured", evidence.NaN, 1.4, 1400 * time.Millisecond},
		{"a span without any length ends where it began", evidence.NaN, evidence.NaN, 0},
		{"a length of nothing is none", 0, -1, 0},
		{"no request runs for years", 1e12, evidence.NaN, evidence.MaxDuration},
		{"nor for ever", evidence.NaN, math.Inf(1), evidence.MaxDuration},
	} {
		t.Run(test.name, func(t *testing.T) {
			span := evidence.RequestSpan{Start: noon, Duration: test.duration, E2E: test.e2e}
			require.Equal(t, test.want, span.End().Sub(noon))
		})
	}
}
