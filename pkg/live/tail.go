package live

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Row is one row of a look.
type Row[V any] struct {
	Key   string    // the same in every look for the same thing
	Time  time.Time // where it lies: a look speaks for the rows of its window
	Last  time.Time // its newest evidence: what is kept longest. The zero time means Time.
	Value V
}

func (r Row[V]) last() time.Time {
	if r.Last.IsZero() {
		return r.Time
	}
	return r.Last
}

// Change is what one look brought, each in order of time.
type Change[V any] struct {
	Put  []Row[V] // new, or saying something else than before
	Over []Row[V] // known before and not there any more, such as a request that was known from its lines and has its span now
}

// Empty reports whether nothing changed.
func (c Change[V]) Empty() bool { return len(c.Put) == 0 && len(c.Over) == 0 }

// Tail holds the newest rows of all looks.
type Tail[V any] struct {
	size int
	same func(a, b V) bool
	keep func(V) V
	rows map[string]Row[V]
	// floor is the newest evidence of the rows that had to go when there were more than size: what is no newer has had its
	// time, and must not come back with every look.
	floor time.Time
}

// New makes a tail of at most size rows. same compares two values; keep copies one that stays, so that it does not hold on
// to all that was looked at.
func New[V any](size int, same func(a, b V) bool, keep func(V) V) *Tail[V] {
	return &Tail[V]{size: size, same: same, keep: keep, rows: map[string]Row[V]{}}
}

// Saw takes a look that was complete: it speaks for all rows whose time lies in the window, and for no others.
func (t *Tail[V]) Saw(window evidence.Window, look []Row[V]) Change[V] {
	there := make(map[string]bool, len(look))
	change := t.take(window, look, func(key string) bool {
		first := !there[key]
		there[key] = true
		return first
	})
	for key, row := range t.rows {
		if window.Contains(row.Time) && !there[key] {
			change.Over = append(change.Over, row)
			delete(t.rows, key)
		}
	}
	return t.settle(change)
}

// Glimpsed takes a look that some evidence was missing from: rows that nobody knew come in with what there is; what is
// known already is not made less by it.
func (t *Tail[V]) Glimpsed(window evidence.Window, look []Row[V]) Change[V] {
	return t.settle(t.take(window, look, func(key string) bool {
		_, known := t.rows[key]
		return !known
	}))
}

// take puts in the rows of a look that are wanted and say something new.
func (t *Tail[V]) take(window evidence.Window, look []Row[V], wanted func(key string) bool) (change Change[V]) {
	for _, row := range look {
		if !window.Contains(row.Time) || !wanted(row.Key) {
			continue
		}
		before, known := t.rows[row.Key]
		switch {
		case !known && !row.last().After(t.floor):
			continue
		case known && before.Time.Equal(row.Time) && t.same(before.Value, row.Value):
			continue
		}
		row.Value = t.keep(row.Value)
		t.rows[row.Key] = row
		change.Put = append(change.Put, row)
	}
	return change
}

// settle forgets the oldest rows beyond the size; a row that came only to be forgotten never came.
func (t *Tail[V]) settle(change Change[V]) Change[V] {
	if len(t.rows) > t.size {
		byLast := t.Rows()
		slices.SortStableFunc(byLast, func(a, b Row[V]) int { return b.last().Compare(a.last()) })
		for _, row := range byLast[t.size:] {
			delete(t.rows, row.Key)
		}
		t.floor = byLast[t.size].last()
		change.Put = slices.DeleteFunc(change.Put, func(r Row[V]) bool { _, kept := t.rows[r.Key]; return !kept })
	}
	inOrder(change.Put)
	inOrder(change.Over)
	return change
}

// Rows lists what is kept, in order of time.
func (t *Tail[V]) Rows() []Row[V] {
	rows := make([]Row[V], 0, len(t.rows))
	for _, row := range t.rows {
		rows = append(rows, row)
	}
	inOrder(rows)
	return rows
}

// Floor is the newest evidence of rows that had to go for want of room: all that began after it is kept. The zero time
// while there was room for all.
func (t *Tail[V]) Floor() time.Time { return t.floor }

func inOrder[V any](rows []Row[V]) {
	slices.SortFunc(rows, func(a, b Row[V]) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(a.Key, b.Key))
	})
}
