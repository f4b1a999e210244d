package prometheus

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
)

func TestEach(t *testing.T) {
	t.Run("keeps to the limit and runs everything", func(t *testing.T) {
		var running, most, ran atomic.Int64
		errs := Each(t.Context(), 3, 50, func(context.Context, int) error {
			most.Store(max(most.Load(), running.Add(1)))
			ran.Add(1)
			running.Add(-1)
			return nil
		})
		require.NoError(t, errors.Join(errs...))
		require.EqualValues(t, 50, ran.Load())
		require.LessOrEqual(t, most.Load(), int64(3))
	})
	t.Run("gives each call's own error", func(t *testing.T) {
		bad := errors.New("bad")
		errs := Each(t.Context(), 2, 3, func(_ context.Context, i int) error {
			if i == 1 {
				return bad
			}
			return nil
		})
		require.Equal(t, []error{nil, bad, nil}, errs)
	})
	t.Run("waits for a silent store once, and says so of what was not asked", func(t *testing.T) {
		silent := &upstream.Error{Store: evidence.Prometheus, Kind: upstream.ErrTimeout}
		var began atomic.Int64
		errs := Each(t.Context(), 2, 50, func(context.Context, int) error {
			began.Add(1)
			return silent
		})
		require.LessOrEqual(t, began.Load(), int64(2), "those that were running already")
		for _, err := range errs {
			require.ErrorIs(t, err, silent)
		}
	})
	t.Run("turns a panic into an error of that call", func(t *testing.T) {
		errs := Each(t.Context(), 2, 2, func(_ context.Context, i int) error {
			if i == 0 {
				panic("broken")
			}
			return nil
		})
		require.ErrorIs(t, errs[0], guard.ErrInternal)
		require.NoError(t, errs[1])
	})
	t.Run("begins nothing once the query is canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var began atomic.Int64
		errs := Each(ctx, 1, 3, func(context.Context, int) error {
			began.Add(1)
			cancel()
			return nil
		})
		require.EqualValues(t, 1, began.Load())
		require.Equal(t, []error{nil, context.Canceled, context.Canceled}, errs)
	})
}
