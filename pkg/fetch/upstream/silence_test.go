package upstream

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAStoreThatWasSilentIsNotAskedAgainInTheSameQuestion(t *testing.T) {
	var asked atomic.Int32
	store := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	})
	store.Timeout = 50 * time.Millisecond
	client := newClient(t, store)
	ask := func(ctx context.Context) error {
		_, _, err := client.Do(ctx, get(t, client, "/"))
		return err
	}
	for _, c := range []struct {
		name string
		ctx  context.Context
		want int32 // calls of five
	}{{"without a question", t.Context(), 5}, {"in one question", WithQuestion(t.Context()), 1}, {"in the next", WithQuestion(t.Context()), 1}} {
		asked.Store(0)
		for range 5 {
			require.ErrorIs(t, ask(c.ctx), ErrTimeout, c.name)
		}
		require.Equal(t, c.want, asked.Load(), c.name)
	}
}

func TestACallThatWasNotWaitedForSaysNothingOfTheStore(t *testing.T) {
	store := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
	})
	client := newClient(t, store)
	question := WithQuestion(t.Context())
	hasty, cancel := context.WithTimeout(question, 20*time.Millisecond)
	defer cancel()
	_, _, err := client.Do(hasty, get(t, client, "/slow"))
	require.ErrorIs(t, err, ErrTimeout)
	_, _, err = client.Do(question, get(t, client, "/"))
	require.NoError(t, err, "an estimate that waits for a second may fail where the query itself does not")
}
