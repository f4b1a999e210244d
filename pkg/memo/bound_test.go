package memo

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

var boundKind = Declare(Kind{Name: "test.bound", Holds: "a bound", MovedBy: "a test", TTL: BoundTTL, Entries: 10})

func TestABoundFollowsWhatAStoreRefuses(t *testing.T) {
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	bound := NewBound(boundKind, 5000, 100, settings.Store{}).WithClock(func() time.Time { return now })
	limit := bound.Of(t.Context())
	require.Equal(t, 5000, limit.Value())

	require.True(t, limit.Refused(5000, 1000))
	require.Equal(t, 1000, limit.Value())
	require.Equal(t, 500, limit.Cut(500), "less than the bound may always be asked")
	require.True(t, limit.Refused(5000, 2000), "a call that began before may ask again with the bound that is known")
	require.Equal(t, 1000, limit.Value(), "a bound does not rise by a refusal")

	require.True(t, limit.Refused(1000, 2), "a bound falls to its floor at most")
	require.Equal(t, 100, limit.Value())
	require.False(t, limit.Refused(100, 2), "nothing smaller is left to ask")

	require.Equal(t, 100, bound.Of(t.Context()).Value(), "the next query has learnt of it")
	now = now.Add(BoundTTL)
	limit = bound.Of(t.Context())
	require.Equal(t, 5000, limit.Value(), "what was learnt is forgotten")
	require.False(t, limit.Refused(100, 50), "a small call that is refused says nothing of a bound")
	require.Equal(t, 5000, limit.Value())
}

func TestALimitBelowTheFloorIsItsOwnFloor(t *testing.T) {
	limit := NewBound(boundKind, 10, 100, settings.Store{}).Of(t.Context())
	require.False(t, limit.Refused(10, 2))
	require.Equal(t, 10, limit.Value())
}

func TestABoundIsOfTheIdentityThatMetIt(t *testing.T) {
	bound := NewBound(boundKind, 5000, 100, settings.Store{URL: "http://x", ForwardIdentity: true})
	alice := upstream.WithIdentity(t.Context(), http.Header{"Authorization": {"Bearer alice"}})
	bob := upstream.WithIdentity(t.Context(), http.Header{"Authorization": {"Bearer bob"}})
	require.True(t, bound.Of(alice).Refused(5000, 1000))
	require.Equal(t, 1000, bound.Of(alice).Value())
	require.Equal(t, 5000, bound.Of(bob).Value())

	nobody := bound.Of(t.Context())
	require.True(t, nobody.Refused(5000, 700), "who is not known learns for the one query")
	require.Equal(t, 700, nobody.Value())
	require.Equal(t, 5000, bound.Of(t.Context()).Value())
}
