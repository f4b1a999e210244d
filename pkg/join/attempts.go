package join

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// attempts gives log lines to rows, and makes rows of lines that no span explains.
//
// Nearly every id has one span and lines around it: those are handed over at once, and tell how the clocks of the log streams lie
// to those of the spans, and what the log store calls the engines. The rest (lines that came twice, retries that reuse an id,
// aborts, lost spans, the same id on a prefill and a decode server) is settled after that: copies are dropped, and what is left is
// sorted out in attempts. An attempt is one go at an id, opened by its Received line.
func (j *joiner) attempts() {
	if len(j.in.Events) == 0 {
		return
	}
	x := j.index()
	j.places, j.streams = newPlaces(&j.in), newStreams()
	j.sparing = len(x.keys) > measured
	var rest []unsettled
	var lines []int32
	for k := range x.keys {
		key := &x.keys[k]
		if key.firstNode == none {
			continue
		}
		lines = j.linesOf(x, key, lines[:0])
		j.noteLateness(&j.in.Events[lines[0]])
		twice := j.equals(lines)
		if !twice && j.simple(key, lines) {
			continue
		}
		u := unsettled{key, j.idOf(key, lines), slices.Clone(lines), twice}
		if rest = append(rest, u); twice {
			j.sawTwice(ordinal(k), lines, u.id)
		}
	}
	j.learnNames()
	hard := rest[:0]
	for _, u := range rest {
		if u.twice {
			u.lines = j.once(x, u.key, u.lines, u.id)
		}
		if !j.simple(u.key, u.lines) {
			hard = append(hard, u)
		}
	}
	j.learnNames()
	j.settleClocks()
	for i := range hard {
		j.sortOut(x, &hard[i])
	}
}

// unsettled is an id whose lines need more than to be handed over.
type unsettled struct {
	key   *keyed
	id    string // external, by other evidence than the engine's own ids; "" when there is none
	lines []int32
	twice bool // some say the same
}

// linesOf lists the lines of an id in order of time.
func (j *joiner) linesOf(x *keyIndex, key *keyed, into []int32) []int32 {
	for n := key.firstNode; n != none; n = x.nodes[n].next {
		into = append(into, x.nodes[n].event)
	}
	const few = 12
	if len(into) > few {
		slices.SortFunc(into, j.inTime)
		return into
	}
	for i := 1; i < len(into); i++ {
		for k := i; k > 0 && eventOrder(&j.in.Events[into[k-1]], &j.in.Events[into[k]]) > 0; k-- {
			into[k-1], into[k] = into[k], into[k-1]
		}
	}
	return into
}

func (j *joiner) idOf(key *keyed, lines []int32) string {
	if key.firstRow != none {
		return j.rows[key.firstRow].RequestID
	}
	for _, i := range lines {
		if e := &j.in.Events[i]; e.Form == vllm.IDExternal {
			return e.ID
		}
	}
	return ""
}

// simple handles an id with one span, at most one Received line and one id of the engine's own, that of a single sequence,
// no abort, and no line that is surely another instance's. These belong together, however far apart their clocks are. It reports
// whether it was that simple; when not, nothing was changed.
func (j *joiner) simple(key *keyed, lines []int32) bool {
	if key.rows != 1 {
		return false
	}
	row := key.firstRow
	s := j.rows[row].Span
	from, to := s.Start.Add(-Apart).UnixNano(), s.End().Add(Apart).UnixNano()
	internal, received, far := "", false, false
	var last *evidence.Origin
	for _, i := range lines {
		e := &j.in.Events[i]
		far = far || e.UnixNano < from || e.UnixNano > to
		if e.Origin != last {
			last = e.Origin
			if last != s.Origin && j.elsewhere(s.Origin, j.streams.home(e)) {
				return false
			}
		}
		switch e.Kind {
		case vllm.LogAborted, vllm.LogFailed, vllm.LogCrashDump: // these leave no span, mostly
			return false
		case vllm.LogReceived:
			if received {
				return false
			}
			received = true
		}
		if e.Form == vllm.IDInternal {
			if internal != "" && internal != e.ID || vllm.ExternalFromChild(e.ID) != e.ID {
				return false // the engine knew it by two ids: there was another go at it, or there are siblings
			}
			internal = e.ID
		}
	}
	if far {
		if first := &j.in.Events[lines[0]]; opening(first.Kind) {
			j.far = append(j.far, first.UnixNano-s.Start.UnixNano())
		}
		return false
	}
	j.measure(s, lines)
	for _, i := range lines {
		j.give(row, &j.in.Events[i])
	}
	j.doubtReasons(lines, 1, row)
	return true
}

// attempt is one go at an id as the lines of one instance tell it.
type attempt struct {
	first           time.Time
	late            bool // its beginning was not logged: the first line is a later one
	origin          *evidence.Origin
	lane            int32  // of the splitter
	internal        string // the engine's id, once a line named it
	events          []int32
	closed, aborted bool
	closedAt        time.Time // the last line that closes
	lastAbort       time.Time
	died            bool  // its engine failed under it
	failed          bool  // a line says that it failed, in whatever way
	sequences       int   // how many the lines prove when it had several (n>1), else 0
	loose           bool  // further lines fit this attempt and another
	doubtful        bool  // one of these says that its request failed
	contested       bool  // it fits several calls, and none is decided on
	call            *call // the spans it belongs to; nil when none
}

// call is one span, or the sibling spans of one n>1 request: they share id, arrival and lines.
type call struct {
	start, end time.Time
	origin     *evidence.Origin
	rows       []int32
	matched    bool // its attempt is found
	contested  bool // it fits attempts that fit others as well
}

// fits is how far a line lies from where this attempt would have written it; ok is false when it cannot be its line.
func (a *attempt) fits(e *evidence.RequestEvent, t time.Time, slack time.Duration) (d time.Duration, ok bool) {
	if a.call == nil { // nobody knows when it ended; whoever tried again gave up the try before
		return t.Sub(a.first), !t.Before(a.first) && (!a.closed || a.followedBy(e, t))
	}
	if t.Before(a.call.start.Add(-BeforeStart-slack)) || t.After(a.call.end.Add(AfterEnd+slack)) {
		return 0, false
	}
	switch {
	case closes(e.Kind): // the last line is written when the span ends
		return t.Sub(a.call.end).Abs(), true
	case opening(e.Kind):
		return t.Sub(a.call.start).Abs(), true
	case t.Before(a.call.start):
		return a.call.start.Sub(t), true
	case t.After(a.call.end):
		return t.Sub(a.call.end), true
	default:
		return 0, true
	}
}

// couldBe reports whether the lines of an attempt may be of this call, time aside.
func (c *call) couldBe(a *attempt) bool {
	// What was refused, or died with its engine, leaves no span, but for sequences that were done before.
	if a.died && a.sequences == 0 && len(c.rows) == 1 {
		return false
	}
	// A client abort leaves no span, except of sequences that were done before it came: those of an n>1 request, and a single
	// one whose last token was made while the client was leaving.
	return !a.aborted || !c.end.After(a.lastAbort) || a.sequences > 0 && !c.end.After(a.lastAbort.Add(BeforeStart))
}

// calls groups the rows of an id by arrival: sibling sequences of one request start at the same instant of the API server.
func (j *joiner) calls(x *keyIndex, key *keyed) []call {
	var rows []int32
	for r := key.firstRow; r != none; r = x.nextRow[r] {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b int32) int {
		return cmp.Or(j.rows[a].Time.Compare(j.rows[b].Time), strings.Compare(j.rows[a].Span.SpanID, j.rows[b].Span.SpanID))
	})
	var out []call
	for _, r := range rows {
		s := j.rows[r].Span
		if n := len(out) - 1; n >= 0 && s.Start.Sub(out[n].start) < time.Millisecond && samePlace(out[n].origin, s.Origin) &&
			j.rows[out[n].rows[0]].Span.ParentSpanID == s.ParentSpanID {
			out[n].rows = append(out[n].rows, r)
			if end := s.End(); end.After(out[n].end) {
				out[n].end = end
			}
			continue
		}
		out = append(out, call{start: s.Start, end: s.End(), origin: s.Origin, rows: []int32{r}})
	}
	return out
}

// samePlace reports whether two origins of one store are the same.
func samePlace(a, b *evidence.Origin) bool { return a == b || a != nil && b != nil && *a == *b }

func (a *attempt) add(i int32, e *evidence.RequestEvent, t time.Time) {
	a.events = append(a.events, i)
	if e.Form == vllm.IDInternal {
		a.internal = cmp.Or(a.internal, vllm.ExternalFromChild(e.ID))
		if n, ok := vllm.ChildOrdinal(e.ID); ok {
			a.sequences = max(a.sequences, n+1)
		}
	}
	closes := closes(e.Kind)
	switch e.Kind {
	case vllm.LogFailed, vllm.LogCrashDump:
		a.died = true
	case vllm.LogAborted:
		a.aborted, a.lastAbort = true, t
		closes = e.Form == vllm.IDExternal // "Request <ext> aborted." is the second of the two lines
	}
	if closes {
		a.closed, a.closedAt = true, t
	}
	a.failed = a.failed || fails(e)
}

// fails reports whether a line says that its request failed.
func fails(e *evidence.RequestEvent) bool {
	switch e.Kind {
	case vllm.LogFailed, vllm.LogCrashDump, vllm.LogInternalError, vllm.LogException:
		return true
	case vllm.LogRequestError:
		return e.Error
	}
	return false
}

// closes reports whether a line of this kind ends its request.
func closes(k vllm.LogKind) bool {
	switch k {
	case vllm.LogGenerated, vllm.LogFailed, vllm.LogInternalError, vllm.LogFinished:
		return true
	}
	return false
}
