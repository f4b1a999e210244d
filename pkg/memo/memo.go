package memo

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// Memo keeps values of one kind by key, and apart for each identity when one of the stores that are asked is sent the user's. Values are
// shared: nobody may change one. It is safe for concurrent use. A nil Memo keeps nothing.
type Memo[K comparable, V any] struct {
	kind    *Kind
	weigh   func(V) Weight
	store   settings.Store // that errors of a caller who leaves are about
	forward bool
	now     func() time.Time

	mu      sync.Mutex
	entries map[at[K]]*list.Element
	order   *list.List // of *entry[K, V], the one that was used last in front
	bytes   int
	flights map[at[K]]*flight[V]
}

// Weight is what a value takes, in bytes, and whether it says that there is nothing. TTL is a time of its own to be kept, 0 = the kind's.
type Weight struct {
	Bytes int
	Empty bool
	TTL   time.Duration
}

// at is a key of an identity.
type at[K comparable] struct {
	who who
	key K
}

type entry[K comparable, V any] struct {
	at     at[K]
	value  V
	err    error
	weight Weight
	until  time.Time
}

// flight is a question that is being asked, and those who wait for its answer.
type flight[V any] struct {
	waiting int // guarded by the Memo's lock
	cancel  context.CancelFunc
	done    chan struct{} // closed when what follows is there
	value   V
	calls   []evidence.Call
	err     error
}

// New makes a Memo. Stores are those whose answers it keeps, or which what it keeps was learnt from. A nil weigh is for values of no
// weight that are never empty.
func New[K comparable, V any](kind *Kind, weigh func(V) Weight, stores ...settings.Store) *Memo[K, V] {
	if weigh == nil {
		weigh = func(V) Weight { return Weight{} }
	}
	m := &Memo[K, V]{
		kind: kind, weigh: weigh, forward: forwards(stores), now: time.Now,
		entries: map[at[K]]*list.Element{}, order: list.New(), flights: map[at[K]]*flight[V]{},
	}
	if len(stores) == 1 {
		m.store = stores[0]
	}
	return m
}

// WithClock lets tests say what time it is.
func (m *Memo[K, V]) WithClock(now func() time.Time) *Memo[K, V] {
	m.now = now
	return m
}

// Get gives the value of a key: the one that is kept, or what ask says. Whoever wants the same at the same time waits for one question,
// which goes on as long as anybody waits for it. Calls are what it took, for those who waited; none where the value was kept.
//
// An answer that a store calls incomplete is given to those who waited and not kept. ask is given a context that does not end with the
// caller's; it must not keep anything of the caller's but that.
func (m *Memo[K, V]) Get(ctx context.Context, key K, ask func(context.Context) (V, []evidence.Call, error)) (V, []evidence.Call, error) {
	var none V
	id, ok := m.identity(ctx)
	if !ok {
		return ask(ctx)
	}
	where := at[K]{id, key}
	for {
		if err := ctx.Err(); err != nil {
			return none, nil, m.left(err)
		}
		m.mu.Lock()
		if e := m.live(where); e != nil {
			value, err := e.value, e.err
			m.mu.Unlock()
			upstream.NoteSilence(ctx, m.store.Name, err)
			return value, nil, err
		}
		f := m.flights[where]
		own := f == nil
		if own {
			f = m.begin(ctx, where, ask)
		}
		f.waiting++
		m.mu.Unlock()

		select {
		case <-f.done:
			if !own && (errors.Is(f.err, memory.ErrShare) || errors.Is(f.err, memory.ErrBusy)) {
				continue // who asked had no room for the answer, or left; we may have
			}
			upstream.NoteSilence(ctx, m.store.Name, f.err)
			return f.value, f.calls, f.err
		case <-ctx.Done():
			m.leave(where, f)
			return none, nil, m.left(ctx.Err())
		}
	}
}

// begin asks, beside the callers. The lock is held.
func (m *Memo[K, V]) begin(ctx context.Context, where at[K], ask func(context.Context) (V, []evidence.Call, error)) *flight[V] {
	asking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight[V]{cancel: cancel, done: make(chan struct{})}
	m.flights[where] = f
	var failed error
	go func() {
		defer guard.Recover(asking, &failed)
		defer cancel()
		defer m.land(where, f)
		f.err = guard.Run(asking, func() (err error) {
			f.value, f.calls, err = ask(asking)
			return err
		})
	}()
	return f
}

// land keeps what a question brought and hands it to those who wait.
func (m *Memo[K, V]) land(where at[K], f *flight[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flights[where] == f { // else all who waited have left, and what came of it is a canceled call
		delete(m.flights, where)
		switch {
		case f.err == nil && !partial(f.calls):
			m.keep(where, f.value, nil)
		case f.err != nil && m.kind.Failed > 0 && !errors.Is(f.err, upstream.ErrCanceled):
			m.keep(where, f.value, f.err)
		}
	}
	close(f.done)
}

// leave is for a caller who does not wait any more. The last one ends the question.
func (m *Memo[K, V]) leave(where at[K], f *flight[V]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return
	}
	if m.flights[where] == f {
		delete(m.flights, where)
	}
	f.cancel()
}

// left is the error of a caller who left.
func (m *Memo[K, V]) left(err error) error {
	if m.store.Name == "" {
		return err
	}
	return upstream.FromNetwork(m.store, err)
}

func partial(calls []evidence.Call) bool {
	for _, c := range calls {
		if c.Partial != "" {
			return true
		}
	}
	return false
}

// Peek gives the value that is kept for a key; ok is false when there is none.
func (m *Memo[K, V]) Peek(ctx context.Context, key K) (value V, ok bool) {
	id, known := m.identity(ctx)
	if !known {
		return value, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.live(at[K]{id, key})
	if e == nil || e.err != nil {
		return value, false
	}
	return e.value, true
}

// Put keeps a value that was learnt.
func (m *Memo[K, V]) Put(ctx context.Context, key K, value V) {
	m.Update(ctx, key, func(V, bool) V { return value })
}

// Update keeps what change makes of the value that is kept, which is a zero one when known is false, for the kind's time from now on.
// change must make a new value where it would change one that others may have, and must be quick: it runs under the Memo's lock. Without
// a known identity nothing is kept.
func (m *Memo[K, V]) Update(ctx context.Context, key K, change func(old V, known bool) V) {
	id, ok := m.identity(ctx)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	where := at[K]{id, key}
	var old V
	e := m.live(where)
	if known := e != nil && e.err == nil; known {
		m.keep(where, change(e.value, true), nil)
	} else {
		m.keep(where, change(old, false), nil)
	}
}

// Shorten keeps a value no longer than an empty one from now on: it holds less than was looked for.
func (m *Memo[K, V]) Shorten(ctx context.Context, key K) {
	id, ok := m.identity(ctx)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.live(at[K]{id, key}); e != nil {
		if until := m.now().Add(m.kind.Empty); until.Before(e.until) {
			e.until = until
		}
	}
}

// Kind is what the Memo is of.
func (m *Memo[K, V]) Kind() Kind { return *m.kind }

// Known counts the values that whoever asks with this context would get.
func (m *Memo[K, V]) Known(ctx context.Context) (n int) {
	id, ok := m.identity(ctx)
	if !ok {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for where, element := range m.entries {
		if where.who == id && m.now().Before(element.Value.(*entry[K, V]).until) {
			n++
		}
	}
	return n
}

// identity says for whom something is kept; ok is false when that is not known, and nothing may be.
func (m *Memo[K, V]) identity(ctx context.Context) (id who, ok bool) {
	if m == nil {
		return who{}, false
	}
	if !m.forward {
		return who{}, true
	}
	return identityOf(ctx)
}

// live is the entry that is kept; nil when there is none, or it is too old. The lock is held.
func (m *Memo[K, V]) live(where at[K]) *entry[K, V] {
	element := m.entries[where]
	if element == nil {
		return nil
	}
	e := element.Value.(*entry[K, V])
	if !m.now().Before(e.until) {
		m.drop(element)
		return nil
	}
	m.order.MoveToFront(element)
	return e
}

// keep puts an entry in the place of the one that is there, and drops others until all fit. The lock is held.
func (m *Memo[K, V]) keep(where at[K], value V, err error) {
	if element := m.entries[where]; element != nil {
		m.drop(element)
	}
	e := &entry[K, V]{at: where, value: value, err: err}
	ttl := m.kind.Failed
	if err == nil {
		e.weight = m.weigh(value)
		ttl = m.kind.TTL
		switch {
		case e.weight.Empty && m.kind.Empty > 0:
			ttl = m.kind.Empty
		case e.weight.TTL > 0:
			ttl = e.weight.TTL
		}
	}
	if m.kind.Bytes > 0 && e.weight.Bytes > m.kind.Bytes {
		return
	}
	e.until = m.now().Add(ttl)
	m.entries[where] = m.order.PushFront(e)
	m.bytes += e.weight.Bytes
	for len(m.entries) > m.kind.Entries || m.kind.Bytes > 0 && m.bytes > m.kind.Bytes {
		m.drop(m.order.Back())
	}
}

func (m *Memo[K, V]) drop(element *list.Element) {
	e := m.order.Remove(element).(*entry[K, V])
	delete(m.entries, e.at)
	m.bytes -= e.weight.Bytes
}

// Strings weighs a list of texts.
func Strings(list []string) Weight {
	w := Weight{Bytes: 24, Empty: len(list) == 0}
	for _, s := range list {
		w.Bytes += 16 + len(s)
	}
	return w
}
