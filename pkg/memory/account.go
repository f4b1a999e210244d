// Package memory bounds what the plugin's process holds for all that asks it at once: how many requests of Grafana's are worked on
// at a time, how many bytes one of them may hold, and how many all of them. It does no I/O.
//
// What a request holds is estimated by who reads answers and builds frames, in bytes of memory, and charged to the request's
// account before it is held. An account begins with a small allowance. One that needs more waits for a place among the few that may
// hold more, and then for one among the very few that may hold a whole share; who has got the last waits for nothing any more, so no
// two wait for each other. Beyond its share a request gets ErrShare, and what it asks for is cut.
package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
)

var (
	// ErrShare says that one request would hold more than one may. Waiting does not help: asking for less does.
	ErrShare = errors.New("it needs more memory than one query may hold")
	// ErrBusy says that others hold all there is, and that nobody gave way in time.
	ErrBusy = errors.New("the data source is busy with other queries: ask again later")
)

// The bounds of the process. Together they are what all requests may hold: 2 × 160 + 4 × 32 + 18 × 8 = 592 MiB.
const (
	// Places is how many of Grafana's requests are worked on at once. Each has up to some queries, and each of those asks up to three stores.
	Places = 24
	// placesPerSource and placesPerViewer leave room for other data sources and viewers.
	placesPerSource = 16
	placesPerViewer = 8
	// maxWaiting is how many requests wait: hundreds of viewers' dashboards at once. More are refused at once.
	maxWaiting = 1000

	// Light is what each request may hold: an ordinary panel, with its calls to Jaeger under way.
	Light = 8 << 20
	// Medium is what a few requests at a time may hold: thousands of rows.
	Medium       = 32 << 20
	mediumPlaces = 6
	// Share is what one request may hold at most, with the default limits of settings: 50,000 rows of requests take some 135 MB.
	Share       = 160 << 20
	largePlaces = 2

	// SoftLimit is from where on Go collects garbage more often instead of letting the process grow.
	SoftLimit = 720 << 20
)

// Pool is what a process may hold. It is safe for concurrent use.
type Pool struct {
	lanes []lane // each further one is for fewer requests, which hold more
}

// lane is one step of what a request may hold.
type lane struct {
	*gate
	upTo int64 // bytes; of the last, the account's own share
}

// NewPool makes one with the bounds of the process.
func NewPool() *Pool {
	return &Pool{lanes: []lane{
		{newGate(Places, placesPerSource, placesPerViewer, maxWaiting), Light},
		{newGate(mediumPlaces, 4, 3, maxWaiting), Medium},
		{newGate(largePlaces, 1, 1, maxWaiting), math.MaxInt64},
	}}
}

// LimitGarbage sets Go's own soft limit for the process. It is no bound: what is held is bounded by accounts.
func LimitGarbage() { debug.SetMemoryLimit(SoftLimit) }

// Account is what one request holds. A nil account bounds nothing. It is safe for concurrent use.
type Account struct {
	pool  *Pool
	who   Who
	share int64

	climbing chan struct{} // who holds the one place in it may wait for a lane
	alone    chan struct{} // who holds the one place in it does what only one at a time may do

	mu     sync.Mutex
	used   int64
	peak   int64
	lanes  int // how many it is in
	closed bool
}

// Open waits for a place, until ctx ends, and gives an account that may hold share bytes at most; 0 means Share. Its error is ErrBusy.
// Close gives all back.
func (p *Pool) Open(ctx context.Context, who Who, share int64) (*Account, error) {
	if share <= 0 {
		share = Share
	}
	if err := p.lanes[0].enter(ctx, who); err != nil {
		return nil, err
	}
	return &Account{pool: p, who: who, share: max(share, Light), lanes: 1, climbing: make(chan struct{}, 1), alone: make(chan struct{}, 1)}, nil
}

// Take charges bytes that are about to be held. It may wait for others until ctx ends. Its errors are ErrShare, and ErrBusy with the
// context's own; nothing is charged then.
func (a *Account) Take(ctx context.Context, bytes int64) error {
	if a == nil || bytes <= 0 {
		return nil
	}
	for {
		ok, err := a.charge(bytes)
		if ok || err != nil {
			return err
		}
		if err := a.climb(ctx, bytes); err != nil {
			return err
		}
	}
}

// TakeAlone is Take for bytes of which an account may hold such an amount once at a time: what several goroutines of a request need
// for a moment each does not add up then. give gives them back, and lets the next one in.
func (a *Account) TakeAlone(ctx context.Context, bytes int64) (give func(), err error) {
	if a == nil {
		return func() {}, nil
	}
	select {
	case a.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, busy(ctx)
	}
	if err := a.Take(ctx, bytes); err != nil {
		<-a.alone
		return nil, err
	}
	return func() {
		a.Give(bytes)
		<-a.alone
	}, nil
}

// charge charges what the lanes that the account is in allow.
func (a *Account) charge(bytes int64) (ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bytes > a.share-a.used {
		return false, ErrShare
	}
	if bytes > a.allowed()-a.used {
		return false, nil
	}
	a.used += bytes
	a.peak = max(a.peak, a.used)
	return true, nil
}

// allowed is what the account may hold in the lanes that it is in.
func (a *Account) allowed() int64 { return min(a.pool.lanes[a.lanes-1].upTo, a.share) }

// climb waits for a place in the next lane, one goroutine of an account at a time.
func (a *Account) climb(ctx context.Context, bytes int64) error {
	select {
	case a.climbing <- struct{}{}:
		defer func() { <-a.climbing }()
	case <-ctx.Done():
		return busy(ctx)
	}
	a.mu.Lock()
	lanes, enough := a.lanes, bytes <= a.allowed()-a.used || bytes > a.share-a.used
	a.mu.Unlock()
	if enough || lanes == len(a.pool.lanes) { // another goroutine was here before, or gave back
		return nil
	}
	if err := a.pool.lanes[lanes].enter(ctx, a.who); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		a.pool.lanes[lanes].leave(a.who)
		return ErrBusy
	}
	a.lanes++
	return nil
}

// Give gives back bytes that are held no more.
func (a *Account) Give(bytes int64) {
	if a == nil || bytes <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = max(a.used-bytes, 0)
}

// Settle says what is still held of all that was charged.
func (a *Account) Settle(bytes int64) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used = min(a.used, bytes)
}

// Close gives back all that the account holds, and its places. What it is used for afterwards is refused.
func (a *Account) Close() {
	if a == nil {
		return
	}
	a.mu.Lock()
	lanes := a.lanes
	if a.closed {
		lanes = 0
	}
	a.closed, a.share, a.used = true, 0, 0
	a.mu.Unlock()
	for i := range lanes {
		a.pool.lanes[i].leave(a.who)
	}
}

// Share is the most that the account may hold, in bytes.
func (a *Account) Share() int64 {
	if a == nil {
		return math.MaxInt64
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.share
}

// Left is what the account may still take, in bytes, however long that takes.
func (a *Account) Left() int64 {
	if a == nil {
		return math.MaxInt64
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.share - a.used
}

// Peak is the most that it held at a time, in bytes.
func (a *Account) Peak() int64 {
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.peak
}

type key struct{}

// With lets what is done with ctx charge the account.
func With(ctx context.Context, a *Account) context.Context { return context.WithValue(ctx, key{}, a) }

// Of is the account of what is done with ctx; nil when it has none.
func Of(ctx context.Context) *Account {
	a, _ := ctx.Value(key{}).(*Account)
	return a
}

// busy is ErrBusy with why nobody waits any longer.
func busy(ctx context.Context) error { return fmt.Errorf("%w (%w)", ErrBusy, context.Cause(ctx)) }
