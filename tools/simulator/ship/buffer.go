package ship

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Sender delivers one batch. A Rejected error gives the batch up; any other
// is tried again.
type Sender[T any] interface {
	Send(ctx context.Context, batch []T) error
}

// Rejected is an answer that will not change: trying again is pointless.
type Rejected struct{ Reason string }

func (r Rejected) Error() string { return r.Reason }

// Limits of a buffer.
type Limits struct {
	Bytes      int           // held at most, all batches together
	BatchBytes int           // per request
	BatchItems int           // per request
	Linger     time.Duration // how long a batch that is not full waits for more
	Backoff    time.Duration // first pause after a failure; doubles up to 20 times itself
	Patience   time.Duration // how long Add waits for room while Lossless
}

// Counts tell what became of the items.
type Counts struct {
	Delivered, Buffered, Dropped int
	LastError                    string
}

// Buffer holds items until the store takes them. When it is full the oldest
// items go, except while Lossless, when Add waits for room first.
type Buffer[T any] struct {
	name   string
	sender Sender[T]
	size   func(T) int
	limits Limits
	logger *slog.Logger

	mu        sync.Mutex
	items     []T
	bytes     int
	sending   int // items in the request under way
	counts    Counts
	lossless  bool
	failing   bool
	impatient bool // waited in vain; do not wait again before a success
	flushing  int
	added     chan struct{} // something to look at
	changed   chan struct{} // closed and replaced whenever items leave
	done      chan struct{}
	cancel    context.CancelFunc
}

// NewBuffer starts the goroutine that sends; Close stops it.
func NewBuffer[T any](name string, sender Sender[T], size func(T) int, limits Limits, logger *slog.Logger) *Buffer[T] {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Buffer[T]{
		name: name, sender: sender, size: size, limits: limits, logger: logger,
		added: make(chan struct{}, 1), changed: make(chan struct{}), done: make(chan struct{}), cancel: cancel,
	}
	go b.run(ctx)
	return b
}

// Lossless makes Add wait for room, and batches go only when full or flushed:
// right for a backfill, which can be slowed down, wrong for live telemetry.
func (b *Buffer[T]) Lossless(on bool) {
	b.mu.Lock()
	b.lossless = on
	b.mu.Unlock()
	b.wake()
}

// Add puts an item in.
func (b *Buffer[T]) Add(ctx context.Context, item T) {
	n := b.size(item)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lossless && !b.impatient {
		b.waitForRoom(ctx, n)
	}
	dropped := 0
	for len(b.items) > 0 && b.bytes+n > b.limits.Bytes {
		b.bytes -= b.size(b.items[0])
		b.items = b.items[1:]
		dropped++
	}
	if dropped > 0 && b.counts.Dropped == 0 {
		b.logger.Warn("buffer full, dropping the oldest", "store", b.name, "error", b.counts.LastError)
	}
	b.counts.Dropped += dropped
	b.items = append(b.items, item)
	b.bytes += n
	b.wake()
}

// waitForRoom gives the lock away while it waits.
func (b *Buffer[T]) waitForRoom(ctx context.Context, n int) {
	if b.bytes+n <= b.limits.Bytes {
		return
	}
	timer := time.NewTimer(b.limits.Patience)
	defer timer.Stop()
	for b.bytes+n > b.limits.Bytes && len(b.items) > 0 {
		changed := b.changed
		b.mu.Unlock()
		expired := false
		select {
		case <-changed:
			timer.Reset(b.limits.Patience)
		case <-timer.C:
			expired = true
		case <-ctx.Done():
			expired = true
		}
		b.mu.Lock()
		if expired {
			b.impatient = true
			return
		}
	}
}

// Flush waits until everything added so far is delivered or given up.
func (b *Buffer[T]) Flush(ctx context.Context) error {
	b.mu.Lock()
	b.flushing++
	b.wake()
	for len(b.items) > 0 || b.sending > 0 {
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
			b.mu.Lock()
		case <-ctx.Done():
			b.mu.Lock()
			b.flushing--
			err := ctx.Err()
			if b.counts.LastError != "" {
				err = errors.New(b.name + ": " + b.counts.LastError)
			}
			b.mu.Unlock()
			return err
		}
	}
	b.flushing--
	b.mu.Unlock()
	return nil
}

// Counts reads the counters.
func (b *Buffer[T]) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	c.Buffered = len(b.items) + b.sending
	return c
}

// Close stops sending; what is still held is lost.
func (b *Buffer[T]) Close() {
	b.cancel()
	<-b.done
}

func (b *Buffer[T]) wake() {
	select {
	case b.added <- struct{}{}:
	default:
	}
}

func (b *Buffer[T]) run(ctx context.Context) {
	defer close(b.done)
	for {
		batch := b.next(ctx)
		if batch == nil {
			return
		}
		b.deliver(ctx, batch)
	}
}

// next waits for a batch worth sending: full, or old enough, or flushed.
func (b *Buffer[T]) next(ctx context.Context) []T {
	var linger <-chan time.Time
	overdue := false
	for {
		b.mu.Lock()
		n, full := b.fill()
		if n > 0 && (full || overdue || b.flushing > 0) {
			batch := b.take(n)
			b.mu.Unlock()
			return batch
		}
		if n > 0 && linger == nil && !b.lossless {
			linger = time.After(b.limits.Linger)
		}
		b.mu.Unlock()
		select {
		case <-b.added:
		case <-linger:
			overdue = true
		case <-ctx.Done():
			return nil
		}
	}
}

// take moves the first n items out of the buffer into the request under way.
func (b *Buffer[T]) take(n int) []T {
	batch := b.items[:n:n]
	b.items = b.items[n:]
	for _, item := range batch {
		b.bytes -= b.size(item)
	}
	b.sending = n
	return batch
}

// fill counts the items that go into the next batch and tells if it is full.
func (b *Buffer[T]) fill() (n int, full bool) {
	bytes := 0
	for n < len(b.items) {
		bytes += b.size(b.items[n])
		if n > 0 && bytes > b.limits.BatchBytes {
			return n, true
		}
		if n++; n == b.limits.BatchItems {
			return n, true
		}
	}
	return n, false
}

// deliver tries until the batch is taken or refused for good.
func (b *Buffer[T]) deliver(ctx context.Context, batch []T) {
	pause := b.limits.Backoff
	for {
		err := b.sender.Send(ctx, batch)
		var rejected Rejected
		if err == nil || errors.As(err, &rejected) {
			b.settle(len(batch), err)
			return
		}
		if ctx.Err() != nil {
			return
		}
		b.trouble(err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, 20*b.limits.Backoff)
	}
}

func (b *Buffer[T]) settle(n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sending = 0
	if err != nil {
		b.counts.Dropped += n
		b.counts.LastError = err.Error()
		b.logger.Warn("refused", "store", b.name, "items", n, "error", err)
	} else {
		b.counts.Delivered += n
		if b.failing {
			b.logger.Info("delivering again", "store", b.name)
		}
		b.failing, b.impatient = false, false
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *Buffer[T]) trouble(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.LastError = err.Error()
	if !b.failing {
		b.failing = true
		b.logger.Info("not delivering, will keep trying", "store", b.name, "error", err)
	}
}
