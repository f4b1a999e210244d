package memo

import (
	"context"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// BoundTTL is how long a bound that a store set is believed. A store's configuration changes rarely; what was learnt by mistake
// must not last.
const BoundTTL = 10 * time.Minute

// Bound is how much one call may ask of a store: our own limit until the store refuses it, then less, for BoundTTL. Any viewer can
// make a store write an error, so a bound never falls below a floor. It is safe for concurrent use.
type Bound struct {
	own, floor int
	lower      *Memo[struct{}, int]
}

// NewBound makes a bound of our own limit. A limit below the floor is its own floor.
func NewBound(kind *Kind, own, floor int, store settings.Store) *Bound {
	return &Bound{own: own, floor: min(own, floor), lower: New[struct{}, int](kind, nil, store)}
}

// WithClock lets tests say what time it is.
func (b *Bound) WithClock(now func() time.Time) *Bound {
	b.lower.WithClock(now)
	return b
}

// Of is the bound for one query, with what was learnt in the name of whoever asks. ctx says who that is.
func (b *Bound) Of(ctx context.Context) *Limit { return &Limit{bound: b, ctx: ctx} }

// Limit is a Bound as one query sees it. It is safe for concurrent use.
type Limit struct {
	bound *Bound
	ctx   context.Context

	mu  sync.Mutex
	met int // the lowest that this query met itself, where nothing may be kept for others; 0 = none
}

// Value is what one call may ask for now.
func (l *Limit) Value() int { return l.Cut(l.bound.own) }

// Cut gives what is asked for, or less where the store is known to take less.
func (l *Limit) Cut(asked int) int {
	if lower, ok := l.known(); ok {
		return min(asked, lower)
	}
	return asked
}

// Refused records that the store would not take asked but may take lower, and reports whether less than asked may be asked now.
// A lower below the floor counts as the floor.
func (l *Limit) Refused(asked, lower int) bool {
	lower = max(lower, l.bound.floor)
	if known, ok := l.known(); lower < asked && (!ok || lower < known) {
		l.bound.lower.Put(l.ctx, struct{}{}, lower)
		l.mu.Lock()
		l.met = lower
		l.mu.Unlock()
	}
	known, ok := l.known()
	return ok && known < asked
}

func (l *Limit) known() (int, bool) {
	if lower, ok := l.bound.lower.Peek(l.ctx, struct{}{}); ok {
		return lower, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.met, l.met > 0
}
