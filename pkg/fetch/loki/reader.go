package loki

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// reader reads all lines of some intervals, oldest first, asking for several at once. What it converts a page to is all
// that stays in memory of it. A reader is used once.
type reader[T any] struct {
	client  *Client
	decoder *decoder
	convert func(page []entry) []T
	queue   *queue
	budget  int // lines that may be read
	limit   *memo.Limit

	mu     sync.Mutex
	report evidence.StoreReport
	read   int
	short  shortened
	long   []int64 // times of lines that are too long to be had
	tied   int     // nanoseconds that hold more lines than an answer
	unread int64   // beginning of the earliest interval that was not asked for, in Unix nanoseconds
}

func newReader[T any](ctx context.Context, c *Client, convert func(page []entry) []T) *reader[T] {
	return &reader[T]{
		client: c, decoder: newDecoder(placesOf(c.labels)), convert: convert,
		queue: newQueue(c.limits.ConcurrentCall), budget: c.limits.LogLines, limit: c.linesPerCall.Of(ctx),
		report: evidence.StoreReport{Store: evidence.Loki, Configured: true},
		unread: math.MaxInt64,
	}
}

// all reads every query over every interval and gives what they were converted to, query by query, interval by interval.
func (r *reader[T]) all(ctx context.Context, queries []query, within []interval) ([]T, evidence.StoreReport) {
	results := make([][]T, len(queries)*len(within))
	var group sync.WaitGroup
	for i, q := range queries {
		for j, w := range within {
			turn := r.queue.enter(w.from)
			r.spawn(ctx, &group, func() { results[i*len(within)+j] = r.complete(ctx, q, w, turn) })
		}
	}
	group.Wait()
	r.conclude()
	return flatten(results), r.report
}

// complete reads one interval, however many answers that takes.
func (r *reader[T]) complete(ctx context.Context, q query, within interval, turn *ticket) []T {
	<-turn.turn // comes soon also when nobody waits any more: calls of a canceled query fail at once
	settled, held, pieces, turns := r.begin(ctx, q, within)
	results := make([][]T, 1+len(pieces))
	var group sync.WaitGroup
	for i, piece := range pieces {
		r.spawn(ctx, &group, func() { results[i+1] = r.complete(ctx, q, piece, turns[i]) })
	}
	results[0] = r.converted(ctx, settled, held)
	group.Wait()
	return flatten(results)
}

const (
	// eventCost, in bytes, is what is charged for what a line is converted to.
	eventCost = 320
	// longLine, in bytes, is from where on a line may be converted to many: it may name as many requests as it has commas.
	longLine = 4 << 10
)

// converted is what a page is converted to; held is what the page is charged. What the query may not hold is the report's error.
func (r *reader[T]) converted(ctx context.Context, page []entry, held int64) []T {
	account := memory.Of(ctx)
	defer func() { account.Give(held) }()
	most := 0
	for i := range page {
		if line := page[i].Line; len(line) > longLine {
			most += strings.Count(line, ",")
		}
	}
	lists := int64(most) * eventCost
	if err := account.Take(ctx, lists); err != nil {
		r.record(nil, upstream.NotHeld(evidence.Loki, err), 0)
		return nil
	}
	held += lists
	out := r.convert(page)
	if err := account.Take(ctx, int64(len(out))*eventCost); err != nil {
		r.record(nil, upstream.NotHeld(evidence.Loki, err), 0)
		return nil
	}
	return out
}

// begin reads the first page and queues for the rest before it gives up its own place, so that the rest of this interval
// comes before what is later.
func (r *reader[T]) begin(ctx context.Context, q query, within interval) (settled []entry, held int64, pieces []interval, turns []*ticket) {
	defer r.queue.leave()
	settled, held, pieces = r.page(ctx, q, within)
	for _, piece := range pieces {
		turns = append(turns, r.queue.enter(piece.from))
	}
	return settled, held, pieces, turns
}

// page makes one call, unless the budget is spent, an earlier call has failed or nobody waits any more. It gives the lines
// that are complete, what is charged for them, and the pieces of the interval that are left to ask.
func (r *reader[T]) page(ctx context.Context, q query, within interval) (settled []entry, held int64, rest []interval) {
	for r.mayAsk(within) {
		r.mu.Lock()
		asked := r.short.cut(r.client.pageLines(ctx, r.limit))
		r.mu.Unlock()
		page, err := r.client.askPage(ctx, r.decoder, q, within, asked, OldestFirst)
		if err != nil && (lowerLimit(r.limit, err, page.limit) || page.limit > r.limit.Value()) {
			continue // Loki's limit is lower than ours; this call or one beside it has learnt that
		}
		r.record(page.calls, err, len(page.lines))
		r.mu.Lock()
		r.short.learn(page)
		r.mu.Unlock()
		if page.long != 0 {
			r.passOver(page.long)
			return nil, page.held, nonEmpty(within.behind(page.long, OldestFirst))
		}
		if err != nil || len(page.lines) < page.limit {
			return page.lines, page.held, nil
		}
		settled, left, tied := page.settle(within, OldestFirst)
		if tied {
			r.mu.Lock()
			r.tied++
			r.mu.Unlock()
		}
		return settled, page.held, cut(left, left.from-within.from)
	}
	return nil, 0, nil
}

func (r *reader[T]) mayAsk(within interval) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report.Err != nil {
		return false
	}
	if r.read >= r.budget {
		r.unread = min(r.unread, within.from)
		return false
	}
	return true
}

// passOver notes a line that is too long to be had.
func (r *reader[T]) passOver(at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.long = append(r.long, at)
}

func nonEmpty(w interval) []interval {
	if w.from >= w.to {
		return nil
	}
	return []interval{w}
}

func (r *reader[T]) record(calls []evidence.Call, err error, lines int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Calls = append(r.report.Calls, calls...)
	r.read += lines
	if err != nil && r.report.Err == nil {
		r.report.Err = err
	}
}

// spawn runs work beside us. A panic in it becomes the report's error: it must not take the plugin down.
func (r *reader[T]) spawn(ctx context.Context, group *sync.WaitGroup, work func()) {
	group.Go(func() {
		defer guard.Recover(ctx, new(error)) // the work keeps its own
		if err := guard.Run(ctx, func() error { work(); return nil }); err != nil {
			r.record([]evidence.Call{{Store: evidence.Loki}}, err, 0)
		}
	})
}

// conclude says what was not seen.
func (r *reader[T]) conclude() {
	r.report.Seen = r.read
	switch {
	case r.unread != math.MaxInt64:
		r.report.Truncated = true
		r.report.Reason = fmt.Sprintf("Loki holds more log lines than the %d that one query reads: from %s on, not all lines were read.",
			r.budget, time.Unix(0, r.unread).UTC().Format(time.RFC3339Nano))
	case len(r.long) > 0:
		r.report.Truncated, r.report.Reason = true, r.client.longReason(slices.Min(r.long))
	case r.tied > 0:
		r.report.Truncated = true
		r.report.Reason = tiedReason(r.tied, r.limit.Value())
	}
}

func tiedReason(nanoseconds, limit int) string {
	return fmt.Sprintf("Loki answers with at most %d lines, and as many or more carry the same time in %s: others of that time were not read.",
		limit, plural(nanoseconds, "place"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func flatten[T any](parts [][]T) []T {
	if len(parts) == 1 {
		return parts[0]
	}
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]T, 0, n)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
