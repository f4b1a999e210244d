package upstream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestABoundFollowsWhatAStoreRefuses(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	bound := NewBound(5000, 100)
	bound.now = func() time.Time { return now }
	require.Equal(t, 5000, bound.Value())

	require.True(t, bound.Refused(5000, 1000))
	require.Equal(t, 1000, bound.Value())
	require.Equal(t, 500, bound.Cut(500), "less than the bound may always be asked")
	require.True(t, bound.Refused(5000, 2000), "a call that began before may ask again with the bound that is known")
	require.Equal(t, 1000, bound.Value(), "a bound does not rise by a refusal")

	require.True(t, bound.Refused(1000, 2), "a bound falls to its floor at most")
	require.Equal(t, 100, bound.Value())
	require.False(t, bound.Refused(100, 2), "nothing smaller is left to ask")

	now = now.Add(BoundTTL)
	require.Equal(t, 5000, bound.Value(), "what was learnt is forgotten")
	require.False(t, bound.Refused(100, 50), "a small call that is refused says nothing of a bound")
	require.Equal(t, 5000, bound.Value())
}

func TestALimitBelowTheFloorIsItsOwnFloor(t *testing.T) {
	bound := NewBound(10, 100)
	require.False(t, bound.Refused(10, 2))
	require.Equal(t, 10, bound.Value())
}
