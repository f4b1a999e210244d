package memory

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestAViewerAndADataSourceLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool()
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		greedy := func(who Who) {
			waiting.Go(func() {
				if _, err := p.Open(ctx, who, 0); err != nil {
					require.ErrorIs(t, err, ErrBusy)
					require.ErrorIs(t, err, context.Canceled)
				}
			})
		}
		for range 100 {
			greedy(Who{Source: "a", Viewer: "mallory"})
		}
		synctest.Wait()
		require.Equal(t, placesPerViewer, p.lanes[0].taken)
		for i := range 100 {
			greedy(Who{Source: "a", Viewer: fmt.Sprint("sock puppet ", i)})
		}
		synctest.Wait()
		require.Equal(t, placesPerSource, p.lanes[0].taken)
		for _, honest := range []Who{{Source: "a", Rules: true}, {Source: "b", Viewer: "alice"}} {
			account, err := p.Open(ctx, honest, 0)
			require.NoError(t, err, honest)
			account.Close()
		}
		cancel()
		waiting.Wait()
		require.Empty(t, p.lanes[0].waiting)
	})
}

func TestAPlaceGoesToWhoHasTheFewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, 2, 2, 10)
		mallory, alice := Who{Source: "a", Viewer: "mallory"}, Who{Source: "a", Viewer: "alice"}
		require.NoError(t, g.enter(t.Context(), mallory))
		require.NoError(t, g.enter(t.Context(), mallory))
		var order []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, who := range []Who{mallory, mallory, alice} { // in this order
			all.Go(func() {
				if g.enter(t.Context(), who) == nil {
					mu.Lock()
					order = append(order, who.Viewer)
					mu.Unlock()
				}
			})
			synctest.Wait()
		}
		g.leave(mallory)
		synctest.Wait()
		require.Equal(t, []string{"alice"}, order)
		g.leave(alice)
		g.leave(mallory)
		all.Wait()
		require.Equal(t, []string{"alice", "mallory", "mallory"}, order)
	})
}

func TestMoreThanAShareIsRefusedAtOnce(t *testing.T) {
	p := NewPool()
	a, err := p.Open(t.Context(), Who{}, 0)
	require.NoError(t, err)
	require.NoError(t, a.Take(t.Context(), Share))
	require.ErrorIs(t, a.Take(t.Context(), 1), ErrShare)
	a.Give(1)
	require.NoError(t, a.Take(t.Context(), 1))
	a.Close()
	a.Close()
	require.Zero(t, p.lanes[0].taken+p.lanes[1].taken+p.lanes[2].taken)
	require.ErrorIs(t, a.Take(t.Context(), 1), ErrShare, "what comes late is not held")
}

// TestTheProcessHoldsNoMoreThanItsBounds lets many requests of many viewers take random amounts: what all of them hold stays within
// the sum of the lanes, and all of them end.
func TestTheProcessHoldsNoMoreThanItsBounds(t *testing.T) {
	p := NewPool()
	const most = (Places-mediumPlaces)*Light + (mediumPlaces-largePlaces)*Medium + largePlaces*Share
	var mu sync.Mutex
	held, peak := int64(0), int64(0)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			who := Who{Source: fmt.Sprint(i % 3), Viewer: fmt.Sprint(i % 7), Rules: i%5 == 0}
			a, err := p.Open(t.Context(), who, 0)
			if err != nil {
				t.Error(err)
				return
			}
			own := int64(0)
			for step := range int64(20) {
				n := (int64(i)*7919 + step*104729) % (16 << 20)
				if a.Take(t.Context(), n) != nil {
					break
				}
				own += n
				mu.Lock()
				held += n
				peak = max(peak, held)
				mu.Unlock()
			}
			mu.Lock()
			held -= own
			mu.Unlock()
			a.Close()
		})
	}
	all.Wait()
	require.LessOrEqual(t, peak, int64(most))
	for _, l := range p.lanes {
		require.Zero(t, l.taken)
		require.Empty(t, l.sources)
		require.Empty(t, l.viewers)
	}
}

func TestWhoWaitsInVainIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool()
		var holders []*Account
		for i := range largePlaces {
			a, err := p.Open(t.Context(), Who{Source: fmt.Sprint(i)}, 0)
			require.NoError(t, err)
			require.NoError(t, a.Take(t.Context(), Share))
			holders = append(holders, a)
		}
		a, err := p.Open(t.Context(), Who{Source: "late"}, 0)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 1e9)
		defer cancel()
		err = a.Take(ctx, Share)
		require.ErrorIs(t, err, ErrBusy)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		for _, h := range holders {
			h.Close()
		}
		require.NoError(t, a.Take(t.Context(), Share))
		a.Close()
	})
}

func TestWhatIsTakenAloneDoesNotAddUp(t *testing.T) {
	p := NewPool()
	a, err := p.Open(t.Context(), Who{}, 0)
	require.NoError(t, err)
	defer a.Close()
	const bytes = Share - 1
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			give, err := a.TakeAlone(t.Context(), bytes)
			if err != nil {
				t.Error(err)
				return
			}
			give()
		})
	}
	all.Wait()
	require.Equal(t, int64(bytes), a.Peak())
	_, err = a.TakeAlone(t.Context(), Share+1)
	require.ErrorIs(t, err, ErrShare)
	give, err := a.TakeAlone(t.Context(), 1)
	require.NoError(t, err, "who was refused holds no place")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.TakeAlone(ctx, 1)
	require.ErrorIs(t, err, ErrBusy)
	give()
}

func TestWithoutAnAccountNothingIsBounded(t *testing.T) {
	require.NoError(t, Of(t.Context()).Take(t.Context(), 1<<60))
	Of(t.Context()).Give(1)
	Of(t.Context()).Settle(1)
	Of(t.Context()).Close()
	give, err := Of(t.Context()).TakeAlone(t.Context(), 1<<60)
	require.NoError(t, err)
	give()
}
