package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// How far a line may lie from the span it belongs to. vLLM writes Received within milliseconds of the span's start, but
// up to 0.16 before it, and the shipper stamps later; spans end before the last line is written. (vllm-telemetry.md 4)
const (
	BeforeStart = 2 * time.Second
	AfterEnd    = 5 * time.Second
)

// Decisive is how much nearer in time one candidate must be than the next to be taken for the right one. Smaller
// distances are within the jitter of log shippers, where choosing would be guessing.
const Decisive = 250 * time.Millisecond

// Input is everything the stores told of a window. The join keeps pointers into Spans, Callers and Events.
type Input struct {
	Window evidence.Window
	// Spans are engine spans in any order, each once.
	Spans []evidence.RequestSpan
	// Callers are inference spans with no engine span below them.
	Callers []evidence.CallerSpan
	// Events are id-bearing log lines in any order.
	Events []evidence.RequestEvent
	// LinesEarly and LinesLate are by how much before and after their spans lines are dated, as far as was measured before; LinesEarly is
	// not positive, LinesLate not negative.
	LinesEarly, LinesLate time.Duration
	// Series are raw samples of the engine's state, one per metric, engine and remaining labels.
	Series  []evidence.Series
	Targets []evidence.Target
	// StaleAfter is the age from which a sample says nothing any more: 2.5 scrape intervals.
	StaleAfter time.Duration
	Stores     []evidence.StoreReport
	// ModelAliases are further names under which clients ask our engines for a model, from the settings.
	ModelAliases []string
	// SLO are the limits that rows are held against.
	SLO slo.Objectives
	// Looked is the part of Window that was really asked for; the zero window means all of it.
	Looked evidence.Window
	// Chosen are the spans, by SpanKey, whose rows are wanted: all others are there to settle whose lines are whose, and leave.
	// Nil means all rows.
	Chosen map[string]bool
	// SpansOnly leaves out rows of requests without a span.
	SpansOnly bool
	// WithLines makes rows remember their lines, for the join of one request: Joined.Of and Request.Own ask for them.
	WithLines bool
	// Narrowed are environments, clusters and namespaces that the question asks for: spans of others are not here, which would show
	// that a server of the metrics may be theirs.
	Narrowed []vllm.Place
	// Partly says that spans or lines of the window were left out: a row is marked whose id a client may have used again, unless its
	// family (vllm.FamilyOf) is in Searched, which was looked for everywhere.
	Partly   bool
	Searched map[string]bool
	// Dropped counts requests seen and not kept because of our own row limit.
	Dropped int
	// Findings are what was measured about the telemetry besides what stands in Stores.
	Findings []evidence.Finding
}

// Requests joins. The rows come in the order of the spans, then those known only from lines or callers; sorting is the
// caller's. The steps depend on each other in this order:
//
//	spine      one row per engine span
//	attempts   log lines to rows; lines without a span become rows          (needs the spine)
//	callers    client spans without an engine span to rows, or rows of their own  (needs the log-only rows)
//	batches    which ids an endpoint numbered                               (needs callers, and gives them to siblings)
//	identify   instance, model, engine                                      (needs lines and callers: both may name them)
//	state      engine state at arrival                                      (needs instance and engine)
//	outcome    status, finish reason, derived times                         (needs all of the above)
//	openings   how long requests without an end are open, where that is known (needs what ended)
//	judge      whether the limits of the model were kept                    (needs model, status and times)
//	edges      rows that began outside the part looked at leave: they were only there to take their lines
//	unread     rows of which there may be evidence that was not read are marked
//	report     what met and what did not
func Requests(in Input) Joined {
	j := newJoiner(in)
	j.spine()
	j.attempts()
	j.callers()
	j.batches = j.findBatches()
	j.identify()
	j.state()
	j.outcome()
	j.openings()
	j.judge()
	j.edges()
	j.unread()
	return Joined{Rows: j.rows, Report: j.report(), in: in, instances: j.instances}
}

// Joined is what a join gives.
type Joined struct {
	Rows   []Request
	Report Report

	in        Input
	instances *instances
	scope     vllm.Scope
}

type joiner struct {
	in     Input
	rows   []Request
	events []eventFacts // per row, what its lines told; parallel to rows

	searches       map[*evidence.RequestSpan]search
	instances      *instances
	linesUnmatched int
	parts          map[int32]int    // of an event that is of a whole HTTP response: how many requests to the engine that response is made of
	batches        map[int32]string // the HTTP response of each row whose id an endpoint numbered

	// What the lines tell of their streams, once attempts has begun.
	places          *places
	streams         *streams
	sparing         bool                     // there are so many ids that some of them tell enough
	shifted         bool                     // the times of some stream are not read as they stand
	copied          bits                     // lines that came before
	duplicates      int                      // how many these are
	far             []int64                  // time of the line − start of the span, of unique ids whose lines are too far from it, in nanoseconds
	clocksOfCallers map[string]time.Duration // callerClocks, once asked
}

// eventFacts are flags of the lines given to a row, needed until its outcome is settled.
type eventFacts struct {
	opened, aborted, failed, generated bool
	mixed                              bool                  // lines tell several finish reasons
	partial                            bool                  // lines tell the finish reasons of some sequences, and not of all
	beams                              bool                  // of a beam search, whose id is the one of the response
	siblings                           bool                  // the request has several sequences
	failedInside                       bool                  // failed in a way that still leaves a span
	refused                            bool                  // failed before the engine took it
	doubtful                           bool                  // a line that fits this row and another says that its request failed
	detail                             *evidence.EventDetail // of the Received line
	detailAt                           int64
	finish, err, lora                  told
	cached, cachedAt                   int64 // tokens of the prompt that the first of LMCache's lines tells of; cachedAt is 0 without
}

func newJoiner(in Input) *joiner {
	searches := beamSearches(&in)
	n := len(in.Spans)
	return &joiner{
		in: in, searches: searches, rows: make([]Request, 0, n+n/16+len(in.Callers)), events: make([]eventFacts, 0, n+n/16+len(in.Callers)),
	}
}

// longest is how long a request may run before its last line: within that time after the window begins, a line without a
// beginning belongs to a request of before.
const longest = 10 * time.Minute

// edges drops rows that began outside the part of the window that was looked at.
func (j *joiner) edges() {
	looked := j.looked()
	everywhere := looked == evidence.Window{}
	if everywhere && !j.in.SpansOnly && j.in.Chosen == nil {
		return
	}
	var opened map[evidence.Origin]bool // asked for when a row wants to know
	kept := j.rows[:0]
	for i := range j.rows {
		r := &j.rows[i]
		if !everywhere && !looked.Contains(r.Time) || j.leaves(r) {
			continue
		}
		late := !everywhere && r.Span == nil && r.Caller == nil && !j.events[i].opened && r.Time.Sub(j.in.Window.From) < longest
		if late && r.Origin != nil {
			if opened == nil {
				opened = j.openingStreams()
			}
			if opened[*r.Origin] {
				continue
			}
		}
		kept = append(kept, *r)
	}
	j.rows = kept
}

// unread marks the rows whose id may be another request's too, in a part of the window that was not read.
func (j *joiner) unread() {
	if !j.in.Partly {
		return
	}
	for i := range j.rows {
		r := &j.rows[i]
		family := vllm.FamilyOf(r.RequestID)
		r.Unread = family != "" && !vllm.Unrepeatable(family) && !j.in.Searched[family]
	}
}

// leaves reports whether a row was not asked for.
func (j *joiner) leaves(r *Request) bool {
	if r.Span == nil {
		return j.in.SpansOnly || j.in.Chosen != nil
	}
	return j.in.Chosen != nil && !j.in.Chosen[SpanKey(r.Span)]
}

// openingStreams are the log streams that write Received or Added lines (--enable-log-requests): elsewhere a line without
// a beginning is all there will ever be.
func (j *joiner) openingStreams() map[evidence.Origin]bool {
	out := map[evidence.Origin]bool{}
	var last *evidence.Origin // two pages of one stream may have an Origin each, and neighbours mostly have the same
	for i := range j.in.Events {
		if e := &j.in.Events[i]; e.Origin != nil && e.Origin != last && opening(e.Kind) {
			last = e.Origin
			out[*last] = true
		}
	}
	return out
}

func opening(k vllm.LogKind) bool { return k == vllm.LogReceived || k == vllm.LogAdded }

func (j *joiner) looked() evidence.Window {
	if j.in.Looked != (evidence.Window{}) {
		return j.in.Looked
	}
	return j.in.Window
}

// addRow appends a row with everything unknown and returns its index.
func (j *joiner) addRow() int32 {
	j.rows = append(j.rows, unknown)
	j.events = append(j.events, eventFacts{})
	return ordinal(len(j.rows) - 1)
}

// unknown is a row of which nothing is known yet.
var unknown = Request{
	MaxTokens: evidence.Unknown, CachedTokens: evidence.Unknown, HTTPStatus: evidence.Unknown, LogLines: evidence.Unknown, WarningLines: evidence.Unknown,
	ErrorLines: evidence.Unknown, Temperature: evidence.NaN, TopP: evidence.NaN, TPOT: evidence.NaN,
	PreQueue: evidence.NaN, Unaccounted: evidence.NaN, TokensPerSecond: evidence.NaN, CallerDuration: evidence.NaN,
	OutsideEngine: evidence.NaN, Running: evidence.NaN, Waiting: evidence.NaN, KVCacheUsage: evidence.NaN,
	Preemptions: evidence.NaN, GPUUtilization: evidence.NaN, GPUMemoryUsed: evidence.NaN,
	OpenFor: evidence.NaN, place: -1, logSkew: evidence.NaN,
}
