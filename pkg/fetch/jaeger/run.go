package jaeger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// run is one search on its way past Jaeger's answer limit. Workers ask and assemble, one piece of the window each; the
// goroutine that called do alone decides what to ask next, drops what came before, and visits.
type run struct {
	client *Client
	wanted
	subjects []*subject
	depth    int         // traces in one answer, before what the server refuses
	bound    *memo.Limit // what the server is known to refuse
	origins  origins
	way      int           // of asking, see find
	limit    int           // rows
	expected int           // traces that all subjects have in the window, as far as known
	load     evidence.Load // how they are spread
	total    int           // rows that there are, as far as known
	report   *evidence.StoreReport
	visit    func(Trace) error
	// reduce leaves in a trace what is asked for, was not given before and fits into the rest of the limit. It says how
	// many rows that is, and whether the limit left some out.
	reduce func(r *run, f *found) (rows int, more bool)

	ctx     context.Context // of do
	account *memory.Account

	queue     []piece // to be asked, newest first
	later     []piece // whose answers were full: cut when the others have told how much is left for them
	answered  float64 // traces in complete answers
	explored  float64 // weight of the complete pieces
	complete  []piece // answered in full
	seen      map[rowID]struct{}
	rows      int
	read      int  // traces, wanted or not, each time they came
	stopped   bool // nothing more is asked: something failed, or abandoned
	abandoned bool // what is still under way is not wanted either: the row limit is met, or visit failed
	limited   bool // the row limit left something out
	glutted   bool // too many traces were read for the rows found
	stuck     int  // pieces that cannot be cut although their answers were full
	crowded   int  // pieces whose answers the spans of few traces filled, again and again
	unread    int  // pieces that were never asked, or failed

	large     map[traceID]int // spans of a trace that were not read
	unclimbed map[traceID]int // see found
	undecided map[traceID]int
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
	full   bool      // there may be more
	rest   time.Time // of an answer that is full by the spans that matched: it has all traces from here on; else zero
	calls  []evidence.Call
	err    error
	held   int64 // bytes that are charged for traces
	way    int   // in which it was asked in the end
}

// indexRowsPerTrace is how many rows of its span index Cassandra's reader takes for each trace of the depth. Those are
// spans: requests with several sequences end an answer below its depth, but then at least so many spans matched.
const indexRowsPerTrace = 3

// maxRests is how often the rest of a piece is asked for whose answers are full of the spans of few traces. All of a trace comes
// each time, and no trace has more spans read than so many answers hold.
const maxRests = 4

// What is read is bounded too when rows are few among the traces searched: calls without an engine span in a service that
// serves other things, or one pod of hundreds. Then maxReadPerRow traces for each row of the limit are read, or
// minReadAnswers full answers if that is more.
const (
	maxReadPerRow  = 4
	minReadAnswers = 10
)

// newRun fills in the limits, which all have defaults so that no call is ever made without.
func (c *Client) newRun(ctx context.Context, s Search, report *evidence.StoreReport) *run {
	r := &run{
		client: c,
		wanted: wanted{engine: cmp.Or(s.SpanName, c.span), services: s.Services, window: s.Window, places: placesOf(s.Scope)},
		depth:  cmp.Or(s.Depth, c.limits.TracesPerCall, settings.DefaultTracesPerCall),
		limit:  cmp.Or(s.Limit, c.limits.Requests, settings.DefaultRequests),
		load:   s.Load,
		report: report,
		seen:   map[rowID]struct{}{},

		large: map[traceID]int{}, unclimbed: map[traceID]int{}, undecided: map[traceID]int{},
		bound: c.depth.Of(ctx), origins: origins{names: c.store.Labels},
	}
	r.depth = min(r.depth, settings.MaxTracesPerCall)
	return r
}

// do asks until every piece is complete, the row limit is met or something fails, and says in the report which.
// together is how many traces the subjects have, all in all, as far as known.
func (r *run) do(ctx context.Context, together int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.ctx, r.account = ctx, memory.Of(ctx)
	r.expected = together
	r.queue = plan(r.subjects, r.window, together, r.bound.Cut(r.depth), r.load)
	workers := max(1, r.client.limits.ConcurrentCall)
	answers := make(chan answered, workers) // room for all, so that no worker hangs should visit panic
	for running := 0; ; running-- {
		for ; running < workers && r.more() && !r.stopped; running++ {
			next, way := r.next(), r.way
			go func() {
				defer guard.Recover(ctx, new(error)) // an answer keeps its own
				answers <- r.ask(ctx, next, way)
			}()
		}
		if running == 0 {
			break
		}
		r.receive(<-answers)
		if r.abandoned {
			cancel()
		}
	}
	r.unread += len(r.queue) + len(r.later)
	r.conclude()
}

// more reports whether there is a piece to ask for. Pieces whose answers were full wait until the others are asked: what these
// held tells how full those are, and whatever is read of a full answer is read again.
func (r *run) more() bool {
	if len(r.queue) == 0 && len(r.later) > 0 {
		waiting := r.later
		r.later = nil
		left := 0.0
		for _, p := range waiting {
			left += r.weight(p)
		}
		for _, p := range waiting {
			n := r.partsOf(p, left, len(waiting))
			p.cuts++
			r.again(p, n)
		}
	}
	return len(r.queue) > 0
}

// weight is how much of the traffic a piece holds, in a unit of its own: by the load, else by its length.
func (r *run) weight(p piece) float64 {
	seconds := p.window.Duration().Seconds()
	if whole := r.load.In(r.window); whole > 0 {
		return r.load.In(p.window) + seconds/r.window.Duration().Seconds()*whole*evenShare
	}
	return seconds
}

// fanOut is into how many pieces a full one is cut of which nothing more is known. Each level reads its full answers in vain,
// so few levels: with eight pieces that is a seventh of the whole, with two it is all of it once more.
const fanOut = 8

// partsOf is how many pieces to make of one whose answer was full. left is the weight of all that are not complete, waiting
// how many of these were full too.
func (r *run) partsOf(p piece, left float64, waiting int) int {
	depth := r.bound.Cut(r.depth)
	unknown := fanOut << min(p.cuts, 2) // cut before, and still full: there is much in little time
	if r.expected == 0 || left <= 0 {
		return unknown
	}
	unseen := float64(r.expected) - r.answered - float64(depth*waiting)
	if unseen <= 0 { // more than was counted
		return unknown
	}
	return max(unknown, parts(depth+int(min(unseen*r.weight(p)/left, 1<<30)), depth))
}

// patient reports whether all there is will be read, so that the order does not matter.
func (r *run) patient() bool { return r.expected > 0 && r.total > 0 && r.total <= r.limit }

// next takes the newest piece from the queue. One that was made for a depth which has been refused since is cut first: its
// answer would be full.
func (r *run) next() piece {
	for {
		p := r.queue[0]
		r.queue = r.queue[1:]
		depth := r.bound.Cut(r.depth)
		if p.depth <= depth || p.window.Duration() <= resolution {
			return p
		}
		r.again(p, (p.depth+depth-1)/depth) // a plan for more in an answer than the server gives
	}
}

// ask makes the call for one piece and assembles what came. It runs beside others and only reads from r.
func (r *run) ask(ctx context.Context, p piece, way int) (out answered) {
	out = answered{piece: p, asked: r.depthOf(p), way: way}
	defer guard.Recover(ctx, &out.err)
	a, calls, way, err := r.client.find(ctx, &r.origins, query{subject: *p.subject, window: p.window, depth: out.asked}, way)
	out.calls, out.way, out.err = calls, way, err
	assembler := assembler{wanted: r.wanted}
	out.traces = make([]found, 0, len(a.order))
	for _, t := range a.order {
		out.traces = append(out.traces, assembler.trace(t))
	}
	out.full = len(a.order) >= out.asked
	if rows := indexRowsPerTrace * out.asked; !out.full {
		if starts := a.matched(p.subject, p.window); len(starts) >= rows {
			slices.SortFunc(starts, func(x, y time.Time) int { return y.Compare(x) }) // as the index has them: the newest first
			out.full, out.rest = true, ceil(starts[rows-1]).Add(resolution)
		}
	}
	held := int64(0)
	for i := range out.traces {
		held += out.traces[i].weight()
	}
	a.settle(held) // the spans are dropped
	out.held = a.charged
	return out
}

// weight is how many bytes an assembled trace takes.
func (f *found) weight() (bytes int64) {
	bytes = int64(len(f.Requests)) * requestCost
	for i := range f.Requests {
		r := &f.Requests[i]
		bytes += int64(len(r.RequestID) + len(r.Model) + len(r.FinishReason) + len(r.LoRA) + len(r.Error) + len(r.Note) + len(r.SentID) + len(r.GatewayID))
	}
	for _, calls := range [][]evidence.CallerSpan{f.Callers, f.Unanswered} {
		bytes += int64(len(calls)) * callerCost
		for i := range calls {
			c := &calls[i]
			bytes += int64(len(c.Service) + len(c.Operation) + len(c.Model) + len(c.RequestID) + len(c.FinishReason) + len(c.Error) + len(c.SentID) + len(c.GatewayID))
		}
	}
	return bytes
}

// depthOf is how many traces a piece is asked for. Where the spans of few traces filled an answer, as many as one may have, since
// the index rows grow with them.
func (r *run) depthOf(p piece) int {
	depth := r.depth
	if p.rests > 0 {
		depth = max(depth, min(cmp.Or(r.client.limits.TracesPerCall, settings.DefaultTracesPerCall), settings.MaxTracesPerCall))
	}
	return r.bound.Cut(depth)
}

// receive takes the answer to one piece and plans what follows from it.
func (r *run) receive(in answered) {
	defer func() { r.account.Give(in.held) }()
	r.way = max(r.way, in.way)
	r.report.Calls = append(r.report.Calls, in.calls...)
	if r.abandoned {
		r.unread++
		return
	}
	if lowerDepth(r.bound, in.err, in.asked) {
		// Smaller answers need smaller windows: as many as expected, or half each time.
		n := 2
		if r.expected > 0 {
			n = parts(int(float64(r.expected)*r.share(in.piece)), r.bound.Cut(r.depth))
		}
		r.again(in.piece, n)
		return
	}
	r.deliver(&in)
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
	case !in.rest.IsZero():
		r.askRest(in)
	case in.full && r.patient():
		r.later = append(r.later, in.piece)
	case in.full:
		p, unexplored := in.piece, r.weight(piece{window: r.window})*float64(len(r.subjects))-r.explored
		n := r.partsOf(p, max(unexplored, r.weight(p)), 1)
		p.cuts++
		r.again(p, n)
	default:
		r.complete = append(r.complete, in.piece)
		r.answered += float64(len(in.traces))
		r.explored += r.weight(in.piece)
	}
}

// askRest asks for the older part of a piece whose answer the spans of few traces filled.
func (r *run) askRest(in answered) {
	p := in.piece
	if p.rests == maxRests || !in.rest.Before(p.window.To) {
		r.crowded++
		return
	}
	newer := piece{p.subject, evidence.Window{From: in.rest, To: p.window.To}, p.depth, p.cuts, p.rests}
	r.complete = append(r.complete, newer)
	r.answered += float64(len(in.traces))
	r.explored += r.weight(newer)
	p.window.To, p.rests = in.rest, p.rests+1
	r.queue = append(r.queue, p)
	newestFirst(r.queue)
}

// deliver visits what is new in an answer. What of it is held from then on is charged anew.
func (r *run) deliver(in *answered) {
	traces := in.traces
	for i := range traces {
		weight := min(in.held, traces[i].weight())
		in.held -= weight
		r.account.Give(weight)
		r.note(&traces[i])
		rows, more := r.reduce(r, &traces[i])
		cost := int64(0)
		if rows > 0 {
			cost = max(int64(rows*rowCost), traces[i].weight())
		}
		if err := r.account.Take(r.ctx, cost); err != nil {
			r.report.Err = cmp.Or(r.report.Err, upstream.NotHeld(evidence.Jaeger, err))
			r.stopped, r.abandoned = true, true
			return
		}
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

// note remembers what was not read or not decided of a trace; it may come several times.
func (r *run) note(f *found) {
	for at, n := range map[*map[traceID]int]int{&r.large: f.dropped, &r.unclimbed: f.unclimbed, &r.undecided: f.undecided} {
		if n > 0 {
			(*at)[f.id] = n
		}
	}
}

// again puts a piece back into the queue, cut into n.
func (r *run) again(p piece, n int) {
	if p.depth > 0 {
		p.depth = r.bound.Cut(r.depth)
	}
	r.queue = append(r.queue, p.cutBy(n, r.load)...)
	newestFirst(r.queue)
}

// share is which part of the traffic a piece holds.
func (r *run) share(p piece) float64 { return r.weight(p) / r.weight(piece{window: r.window}) }

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
	var reasons []string
	switch {
	case r.limited:
		reason := fmt.Sprintf("the row limit of %d is reached", r.limit)
		if r.total > r.rows {
			reason += fmt.Sprintf(", about %d are expected in the window", r.total)
		}
		reasons = append(reasons, reason)
	case r.glutted:
		reasons = append(reasons, fmt.Sprintf("%d traces were read for few rows, and no more are read for a row limit of %d", r.read, r.limit))
	case r.stuck > 0:
		reasons = append(reasons, fmt.Sprintf("in %d places more than %d traces begin within one microsecond, which is as finely as Jaeger can be asked",
			r.stuck, r.bound.Cut(r.depth)))
	case r.crowded > 0:
		reasons = append(reasons, fmt.Sprintf("in %d places the spans of few traces fill whole answers, and others there may be missing", r.crowded))
	case r.unread > 0:
		reasons = append(reasons, fmt.Sprintf("%d parts of the window were not read because a call failed", r.unread))
	}
	if len(reasons) > 0 {
		if from := completeFrom(r.subjects, r.window, r.complete); from.Before(r.window.To) {
			reasons = append(reasons, "complete from "+from.UTC().Format(time.RFC3339)+" on")
		}
	}
	for _, part := range []struct {
		of   map[traceID]int
		text string
	}{
		{r.large, fmt.Sprintf("%%d spans of %%d traces were not read, since a trace has at most %d", maxSpansOfTrace)},
		{r.unclimbed, "of %d spans in %d traces it is not known who began them, since too many stand above"},
		{r.undecided, "of %d calls in %d traces it is not known whether an engine answered them, since too many run side by side"},
	} {
		if len(part.of) > 0 {
			spans := 0
			for _, n := range part.of {
				spans += n
			}
			reasons = append(reasons, fmt.Sprintf(part.text, spans, len(part.of)))
		}
	}
	if len(reasons) > 0 {
		r.report.Truncated = true
		r.report.Reason = fmt.Sprintf("Jaeger: %s; %d were read.", strings.Join(reasons, "; "), r.rows)
	}
}
