package fetch

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

func TestEverySpanHasATimeAroundIt(t *testing.T) {
	for name, s := range map[string]evidence.RequestSpan{
		"sound":                {Duration: 2, E2E: 2},
		"no e2e":               {Duration: 2, E2E: math.NaN()},
		"no duration":          {Duration: math.NaN(), E2E: 2},
		"no length at all":     {Duration: math.NaN(), E2E: math.NaN()},
		"an endless one":       {Duration: math.Inf(1), E2E: math.NaN()},
		"longer than the ages": {Duration: 1e15, E2E: 1e15},
	} {
		t.Run(name, func(t *testing.T) {
			s.Start = noon
			windows := around([]evidence.RequestSpan{s})
			require.Len(t, windows, 1)
			require.True(t, windows[0].Contains(noon))
			require.Equal(t, noon.Add(-join.BeforeStart-edge), windows[0].From)
			require.LessOrEqual(t, windows[0].Duration(), evidence.MaxDuration+join.BeforeStart+join.AfterEnd+2*edge)
		})
	}
}
