package memory

import (
	"context"
	"slices"
	"sync"
)

// Who is whose work waits: a viewer of a data source, or its alert rules.
type Who struct {
	Source string // UID of the data source
	Viewer string // login; "" for requests without a user
	Rules  bool   // an alert rule's: viewers cannot take its places
}

// source is what shares the places of one data source. Its rules have places of their own.
func (w Who) source() Who { return Who{Source: w.Source, Rules: w.Rules} }

// gate lets a number of requests in at a time. One data source, and one viewer of it, has only some of the places, so that there
// are always places for others. A place that becomes free goes to who has the fewest, then to who waited longest.
type gate struct {
	places, perSource, perViewer int
	queue                        int // how many may wait

	mu      sync.Mutex
	taken   int
	sources map[Who]int
	viewers map[Who]int
	waiting []*waiter // in the order of arrival
}

type waiter struct {
	who  Who
	turn chan struct{} // closed when it has its place
}

func newGate(places, perSource, perViewer, queue int) *gate {
	return &gate{
		places: places, perSource: perSource, perViewer: perViewer, queue: queue,
		sources: map[Who]int{}, viewers: map[Who]int{},
	}
}

// enter waits for a place until ctx ends. Its error is ErrBusy.
func (g *gate) enter(ctx context.Context, who Who) error {
	g.mu.Lock()
	if g.fits(who) { // who waits does not fit, or else would not wait
		g.take(who)
		g.mu.Unlock()
		return nil
	}
	if len(g.waiting) >= g.queue {
		g.mu.Unlock()
		return ErrBusy
	}
	w := &waiter{who: who, turn: make(chan struct{})}
	g.waiting = append(g.waiting, w)
	g.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	i := slices.Index(g.waiting, w)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	if i < 0 { // it was given its place at the same moment
		g.leave(who)
	}
	return busy(ctx)
}

func (g *gate) leave(who Who) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken--
	drop(g.viewers, who)
	drop(g.sources, who.source())
	for {
		next := g.next()
		if next < 0 {
			return
		}
		w := g.waiting[next]
		g.waiting = slices.Delete(g.waiting, next, next+1)
		g.take(w.who)
		close(w.turn)
	}
}

// next is the index of who is let in next; -1 when nobody is.
func (g *gate) next() int {
	best := -1
	for i, w := range g.waiting {
		if g.fits(w.who) && (best < 0 || g.fewer(w.who, g.waiting[best].who)) {
			best = i
		}
	}
	return best
}

// fewer reports whether a has fewer places than b.
func (g *gate) fewer(a, b Who) bool {
	if g.sources[a.source()] != g.sources[b.source()] {
		return g.sources[a.source()] < g.sources[b.source()]
	}
	return g.viewers[a] < g.viewers[b]
}

func (g *gate) fits(who Who) bool {
	return g.taken < g.places && g.sources[who.source()] < g.perSource && g.viewers[who] < g.perViewer
}

func (g *gate) take(who Who) {
	g.taken++
	g.viewers[who]++
	g.sources[who.source()]++
}

func drop(counts map[Who]int, who Who) {
	if counts[who]--; counts[who] <= 0 {
		delete(counts, who)
	}
}
