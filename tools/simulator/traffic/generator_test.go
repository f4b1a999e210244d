package traffic

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const start = 9 * time.Hour // when the daily factor is 1

func generator(seed uint64, profile Profile) *Generator {
	return New(seed, profile, 5, start, []ModelLimits{{MaxModelLen: 8192}, {MaxModelLen: 4096, LoRAs: []string{"a"}}})
}

func TestTheSameSeedGivesTheSameCalls(t *testing.T) {
	a, b, other := generator(1, Mixed), generator(1, Mixed), generator(2, Mixed)
	differs := false
	for range 500 {
		call := a.Next()
		require.Equal(t, call, b.Next())
		differs = differs || other.Next().At != call.At
	}
	require.True(t, differs)
}

func TestCallsAreInOrderAndWithinLimits(t *testing.T) {
	for _, profile := range []Profile{Steady, Burst, LongPrompts, Overload, Mixed} {
		t.Run(string(profile), func(t *testing.T) {
			g := generator(1, profile)
			limits := []int{8192, 4096}
			var last time.Duration
			for range 3000 {
				c := g.Next()
				require.GreaterOrEqual(t, c.At, last)
				last = c.At
				require.Positive(t, c.Patience)
				require.NotEmpty(t, c.Prompts)
				for _, p := range c.Prompts {
					require.Positive(t, p.Tokens)
					require.LessOrEqual(t, p.Tokens+c.MaxTokens, limits[c.Model])
					require.Len(t, p.Outputs, c.N)
				}
				if c.N > 1 {
					require.Positive(t, c.Temperature, "greedy sampling refuses n > 1")
				}
				if c.LoRA != "" {
					require.Equal(t, 1, c.Model)
				}
			}
		})
	}
}

func TestTheRateIsWhatWasAskedFor(t *testing.T) {
	g := generator(1, Steady)
	n := 0
	for g.Next().At < 20*time.Minute {
		n++
	}
	require.InEpsilon(t, 5*20*60, n, 0.05)
}

func TestAWaveRaisesTheRateWhileItLasts(t *testing.T) {
	s := shapes[Burst]
	before, _ := s.at(30*time.Second, start)
	during, _ := s.at(70*time.Second, start)
	after, _ := s.at(100*time.Second, start)
	require.Equal(t, []float64{1, 8, 1}, []float64{before, during, after})
	require.LessOrEqual(t, during, s.peak())
}

func TestTheDayHasAPeakAndANight(t *testing.T) {
	s := shapes[Mixed]
	s.waves = nil
	noon, _ := s.at(0, 15*time.Hour)
	night, _ := s.at(0, 27*time.Hour) // of the next day
	require.InDelta(t, 1.5, noon, 1e-9)
	require.InDelta(t, 0.5, night, 1e-9)
}

func TestWeightsOfTheServicesAddUp(t *testing.T) {
	total := 0.0
	for _, s := range services {
		total += s.weight
	}
	require.InDelta(t, 1, total, 1e-9)
}
