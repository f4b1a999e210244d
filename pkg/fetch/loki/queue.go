package loki

import (
	"cmp"
	"slices"
	"sync"
)

// queue lets a few calls go at a time, the earliest interval first: when the budget is spent before all is read, what was
// read is the beginning of the window, not bits of all of it.
type queue struct {
	mu      sync.Mutex
	free    int
	waiting []*ticket // by from; of equal ones the one that came first
}

// ticket is a place in the queue.
type ticket struct {
	from int64
	turn chan struct{} // closed when it is this ticket's turn
}

func newQueue(places int) *queue { return &queue{free: max(1, places)} }

// enter takes a place. The caller waits for the ticket's turn, and calls leave when its call is over.
func (q *queue) enter(from int64) *ticket {
	t := &ticket{from: from, turn: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	i, _ := slices.BinarySearchFunc(q.waiting, from, func(w *ticket, from int64) int {
		if w.from == from {
			return -1
		}
		return cmp.Compare(w.from, from)
	})
	q.waiting = slices.Insert(q.waiting, i, t)
	q.next()
	return t
}

func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free++
	q.next()
}

func (q *queue) next() {
	for q.free > 0 && len(q.waiting) > 0 {
		close(q.waiting[0].turn)
		q.waiting = slices.Delete(q.waiting, 0, 1)
		q.free--
	}
}
