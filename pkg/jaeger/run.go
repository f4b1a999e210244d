package jaeger

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// run is one search on its way past Jaeger's answer limit. Workers ask and assemble, one piece of the window each; the
// goroutine that called do alone decides what to ask next, drops what came before, and visits.
type run struct {
	client *Client
	wanted
	subjects []*subject
	depth    int // traces in one answer, before what the server refuses
	limit    int // rows
	expected int // traces that one subject may have in the window, as far as known
	total    int // rows that there are, as far as known
	report   *evidence.StoreReport
	visit    func(Trace) error
	// reduce leaves in a trace what is asked for, was not given before and fits into the rest of the limit. It says how
	// many rows that is, and whether the limit left some out.
	reduce func(r *run, f *found) (rows int, more bool)

	queue     []piece // to be asked, newest first
	complete  []piece // answered in full
	seen      map[rowID]struct{}
	rows      int
	read      int  // traces, wanted or not, each time they came
	stopped   bool // nothing more is asked: something failed, or abandoned
	abandoned bool // what is still under way is not wanted either: the row limit is met, or visit failed
	limited   bool // the row limit left something out
	glutted   bool // too many traces were read for the rows found
	stuck     int  // pieces that cannot be cut although their answers were full
	unread    int  // pieces that were never asked, or failed
}

// rowID is a span.
type rowID struct {
	trace traceID
	span  spanID
}

// answered is what came of one piece.
type answered struct {
	piece
	asked  int // depth
	traces []found
	full   bool // there may be more
	calls  []evidence.Call
	err    error
}

// indexRowsPerTrace is how many rows of its span index Cassandra's reader takes for each trace of the depth. Those are
// spans: requests with several sequences end an answer below its depth, but then at least so many spans matched.
const indexRowsPerTrace = 3

// What is read is bounded too when rows are few among the traces searched: calls without an engine span in a service that
// serves other things, or one pod of hundreds. Then maxReadPerRow traces for each row of the limit are read, or
// minReadAnswers full answers if that is more.
const (
	maxReadPerRow  = 4
	minReadAnswers = 10
)

// newRun fills in the limits, which all have defaults so that no call is ever made without.
func (c *Client) newRun(s Search, report *evidence.StoreReport) *run {
	r := &run{
		client:   c,
		wanted:   wanted{engine: cmp.Or(s.SpanName, c.span), services: s.Services, window: s.Window, places: placesOf(s.Scope)},
		depth:    cmp.Or(s.Depth, c.limits.TracesPerCall, settings.DefaultTracesPerCall),
		limit:    cmp.Or(s.Limit, c.limits.Requests, settings.DefaultRequests),
		expected: s.Expected,
		report:   report,
		seen:     map[rowID]struct{}{},
	}
	r.depth = min(r.depth, settings.MaxTracesPerCall)
	return r
}

// do asks until every piece is complete, the row limit is met or something fails, and says in the report which.
// together is how many traces the subjects have, all in all, as far as known.
func (r *run) do(ctx context.Context, together int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.queue = plan(r.subjects, r.window, together, r.client.depth.apply(r.depth))
	workers := max(1, r.client.limits.ConcurrentCall)
	answers := make(chan answered, workers) // room for all, so that no worker hangs should visit panic
	for running := 0; ; running-- {
		for ; running < workers && len(r.queue) > 0 && !r.stopped; running++ {
			next := r.next()
			go func() { answers <- r.ask(ctx, next) }()
		}
		if running == 0 {
			break
		}
		r.receive(<-answers)
		if r.abandoned {
			cancel()
		}
	}
	r.unread += len(r.queue)
	r.conclude()
}

// next takes the newest piece from the queue. One that was made for a depth which has been refused since is cut first: its
// answer would be full.
func (r *run) next() piece {
	for {
		p := r.queue[0]
		r.queue = r.queue[1:]
		depth := r.client.depth.apply(r.depth)
		if p.depth <= depth || p.window.Duration() <= resolution {
			return p
		}
		r.again(p, (p.depth+depth-1)/depth)
	}
}

// ask makes the call for one piece and assembles what came. It runs beside others and only reads from r.
func (r *run) ask(ctx context.Context, p piece) (out answered) {
	out = answered{piece: p, asked: r.client.depth.apply(r.depth)}
	defer recovered(&out.err)
	a, calls, err := r.client.find(ctx, query{subject: *p.subject, window: p.window, depth: out.asked})
	out.calls, out.err = calls, err
	assembler := assembler{wanted: r.wanted}
	out.traces = make([]found, 0, len(a.order))
	for _, t := range a.order {
		out.traces = append(out.traces, assembler.trace(t))
	}
	out.full = len(a.order) >= out.asked || a.matched(p.service, p.operation, p.window) >= indexRowsPerTrace*out.asked
	return out
}

// receive takes the answer to one piece and plans what follows from it.
func (r *run) receive(in answered) {
	r.report.Calls = append(r.report.Calls, in.calls...)
	if r.abandoned {
		r.unread++
		return
	}
	if isDepthError(in.err) && r.client.depth.refused(in.asked) {
		// Smaller answers need smaller windows: as many as expected, or half each time.
		r.again(in.piece, r.parts(in.piece, 2))
		return
	}
	r.deliver(in.traces)
	r.read += len(in.traces)
	if r.read >= max(r.limit*maxReadPerRow, r.depth*minReadAnswers) && (in.full || len(r.queue) > 0) {
		r.stopped, r.glutted = true, true
	}
	switch {
	case r.abandoned:
		r.unread++
	case in.err != nil: // what other calls bring is still kept: one part of the window may be slow, not all of it
		r.unread++
		r.stopped = true
		r.report.Err = cmp.Or(r.report.Err, in.err)
	case in.full && in.window.Duration() <= resolution:
		r.stuck++
	case in.full:
		r.again(in.piece, max(2, r.parts(in.piece, 2)))
	default:
		r.complete = append(r.complete, in.piece)
	}
}

// deliver visits what is new in an answer.
func (r *run) deliver(traces []found) {
	for i := range traces {
		rows, more := r.reduce(r, &traces[i])
		if rows > 0 {
			r.rows += rows
			if err := r.visit(traces[i].Trace); err != nil {
				r.report.Err = cmp.Or(r.report.Err, err)
				r.stopped, r.abandoned = true, true
				return
			}
		}
		if more {
			r.stopped, r.abandoned, r.limited = true, true, true
			return
		}
	}
}

// again puts a piece back into the queue, cut into n.
func (r *run) again(p piece, n int) {
	if p.depth > 0 {
		p.depth = r.client.depth.apply(r.depth)
	}
	r.queue = append(r.queue, p.cut(n)...)
	newestFirst(r.queue)
}

// parts is how many pieces to make of one, should all traces that are expected be this subject's; or so many as said, when
// nothing is known.
func (r *run) parts(p piece, unknown int) int {
	if r.expected == 0 {
		return unknown
	}
	share := float64(p.window.Duration()) / float64(r.window.Duration())
	return parts(int(float64(r.expected)*share), r.client.depth.apply(r.depth))
}

// unseen marks a row as given and reports whether it was new.
func (r *run) unseen(t traceID, s spanID) bool {
	id := rowID{t, s}
	if _, ok := r.seen[id]; ok {
		return false
	}
	r.seen[id] = struct{}{}
	return true
}

// conclude says what was not seen, with numbers.
func (r *run) conclude() {
	r.report.Seen = r.rows
	if !r.limited && !r.glutted && r.stuck == 0 && r.unread == 0 {
		return
	}
	r.report.Truncated = true
	switch {
	case r.limited:
		r.report.Reason = fmt.Sprintf("the row limit of %d is reached", r.limit)
		if r.total > r.rows {
			r.report.Reason += fmt.Sprintf(", about %d are expected in the window", r.total)
		}
	case r.glutted:
		r.report.Reason = fmt.Sprintf("%d traces were read for few rows, and no more are read for a row limit of %d", r.read, r.limit)
	case r.stuck > 0:
		r.report.Reason = fmt.Sprintf("in %d places more than %d traces begin within one microsecond, which is as finely as Jaeger can be asked",
			r.stuck, r.client.depth.apply(r.depth))
	default:
		r.report.Reason = fmt.Sprintf("%d parts of the window were not read because a call failed", r.unread)
	}
	if from := completeFrom(r.subjects, r.window, r.complete); from.Before(r.window.To) {
		r.report.Reason += "; complete from " + from.UTC().Format(time.RFC3339) + " on"
	}
	r.report.Reason = fmt.Sprintf("Jaeger: %s; %d were read.", r.report.Reason, r.rows)
}
