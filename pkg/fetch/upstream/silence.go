package upstream

import (
	"context"
	"sync"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// question remembers which stores were silent while one question was answered.
type question struct {
	mu     sync.Mutex
	silent map[evidence.Store]error
}

type questionKey struct{}

// WithQuestion begins a question to the stores: a query, a list, a check-up or a live look. A store that is silent in it (it cannot be
// reached, or lets a call run into its timeout) is not asked again in it: further calls have the same error at once.
func WithQuestion(ctx context.Context) context.Context {
	return context.WithValue(ctx, questionKey{}, &question{silent: map[evidence.Store]error{}})
}

// Silenced is the error by which a store was silent earlier in the question; nil when it was not.
func Silenced(ctx context.Context, store evidence.Store) error {
	q, ok := ctx.Value(questionKey{}).(*question)
	if !ok {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.silent[store]
}

// NoteSilence records the error of a call if the store was silent. One that the caller did not wait for long enough was not.
func NoteSilence(ctx context.Context, store evidence.Store, err error) {
	q, ok := ctx.Value(questionKey{}).(*question)
	if !ok || err == nil || !Silent(err) || ctx.Err() != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.silent[store] == nil {
		q.silent[store] = err
	}
}
