package guard

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// noted keeps what is logged.
type noted struct {
	log.Logger
	mu      sync.Mutex
	entries [][]any
}

func (n *noted) FromContext(context.Context) log.Logger { return n }
func (n *noted) Error(text string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.entries = append(n.entries, append([]any{text}, args...))
}

func logger(t *testing.T) *noted {
	before, n := backend.Logger, &noted{Logger: backend.Logger}
	backend.Logger = n
	t.Cleanup(func() { backend.Logger = before })
	return n
}

func counted(t *testing.T) float64 {
	var m dto.Metric
	require.NoError(t, panics.Write(&m))
	return m.GetCounter().GetValue()
}

func breaks() { panic("an index out of range") }

func TestAPanicIsLoggedOnceWithItsStackAndFailsTheWork(t *testing.T) {
	logged := logger(t)
	before := counted(t)
	ctx, broken := Watch(t.Context())
	work := func() (err error) {
		defer Recover(ctx, &err)
		var group sync.WaitGroup
		var inner error
		group.Go(func() {
			defer Recover(ctx, &inner)
			breaks()
		})
		group.Wait()
		require.Equal(t, ErrInternal, inner)
		panic(inner) // handed on to the caller's goroutine, as fetch.Parallel does
	}
	require.Equal(t, ErrInternal, work())
	require.Equal(t, ErrInternal, broken())
	require.Len(t, logged.entries, 1)
	entry := logged.entries[0]
	require.Contains(t, entry, "an index out of range")
	require.Contains(t, entry[len(entry)-1], "guard.breaks", "the stack names the place")
	require.InDelta(t, 1, counted(t)-before, 0)
}

func TestWhatEndsWellIsLeftAlone(t *testing.T) {
	logged := logger(t)
	ctx, broken := Watch(t.Context())
	mine := errors.New("mine")
	err := func() (err error) {
		defer Recover(ctx, &err)
		return mine
	}()
	require.Equal(t, mine, err)
	require.NoError(t, broken())
	require.Empty(t, logged.entries)
}

func TestAPanicOutsideAnyWorkIsAnErrorToo(t *testing.T) {
	logger(t)
	require.Equal(t, ErrInternal, func() (err error) {
		defer Recover(t.Context(), &err)
		breaks()
		return nil
	}())
}
