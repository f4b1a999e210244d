package upstream

import (
	"sync"
	"time"
)

// BoundTTL is how long a bound that a store set is believed. A store's configuration changes rarely; what was learnt by mistake
// must not last.
const BoundTTL = 10 * time.Minute

// Bound is how much one call may ask of a store: our own limit until the store refuses it, then less, for BoundTTL. Any viewer can
// make a store write an error, so a bound never falls below a floor. It is safe for concurrent use.
type Bound struct {
	own, floor int
	now        func() time.Time

	mu    sync.Mutex
	lower int // 0 = none is known
	until time.Time
}

// NewBound makes a bound of our own limit. A limit below the floor is its own floor.
func NewBound(own, floor int) *Bound {
	return &Bound{own: own, floor: min(own, floor), now: time.Now}
}

// Value is what one call may ask for now.
func (b *Bound) Value() int { return b.Cut(b.own) }

// Cut gives what is asked for, or less where the store is known to take less.
func (b *Bound) Cut(asked int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lower == 0 || !b.now().Before(b.until) {
		return asked
	}
	return min(asked, b.lower)
}

// Refused records that the store would not take asked but may take lower, and reports whether less than asked may be asked now.
// A lower below the floor counts as the floor.
func (b *Bound) Refused(asked, lower int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	lower = max(lower, b.floor)
	if lower < asked {
		now := b.now()
		if b.lower == 0 || !now.Before(b.until) || lower < b.lower {
			b.lower, b.until = lower, now.Add(BoundTTL)
		}
	}
	return b.lower > 0 && b.now().Before(b.until) && b.lower < asked
}
