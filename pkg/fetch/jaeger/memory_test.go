package jaeger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

func TestMessagesAreChargedUntilTheirSpansAreAssembled(t *testing.T) {
	account, err := memory.NewPool().Open(t.Context(), memory.Who{}, 0)
	require.NoError(t, err)
	defer account.Close()
	ctx := memory.With(t.Context(), account)
	a := newAnswer(ctx, &origins{})
	require.NoError(t, a.charge(10<<20))
	require.Equal(t, int64(memory.Share-10<<20), account.Left())
	err = a.charge(memory.Share)
	require.ErrorIs(t, err, upstream.ErrTooLarge)
	require.ErrorIs(t, err, memory.ErrShare)
	require.ErrorContains(t, err, "ask for less")
	a.settle(4 << 20)
	require.Equal(t, int64(memory.Share-4<<20), account.Left())
	a.settle(0)
	require.Equal(t, int64(memory.Share), account.Left())
}
