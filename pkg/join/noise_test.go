package join

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDifferencesOfTwoClocks(t *testing.T) {
	for name, c := range map[string]struct{ difference, want float64 }{
		"clocks that differ by less than a millisecond": {-0.0005, 0},
		"a clock that stepped shows":                    {-0.2, -0.2},
		"what floating point leaves of equal lengths":   {2.220446049250313e-16, 0},
		"a microsecond is a length":                     {1e-6, 1e-6},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, clampNoise(c.difference)) })
	}
	require.True(t, math.IsNaN(clampNoise(math.NaN())), "what is not known stays so")
}
