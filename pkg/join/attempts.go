package join

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// attempts gives log lines to rows, and makes rows of lines that no span explains.
//
// Nearly every id has one span and lines around it: those are handed over at once. The rest (retries that reuse an id,
// aborts, lost spans, the same id on a prefill and a decode server) is sorted out in attempts: an attempt is one go at an
// id, opened by its Received line.
func (j *joiner) attempts() {
	if len(j.in.Events) == 0 {
		return
	}
	x := j.index()
	for k := range x.keys {
		if key := &x.keys[k]; key.firstNode != none {
			if !j.simple(x, key) {
				j.sortOut(x, key)
			}
		}
	}
}

// simple handles an id with one span, at most one Received line and one id of the engine's own, that of a single sequence,
// no abort, and all lines near the span on the span's instance. It reports whether it was that simple; when not, nothing was changed.
func (j *joiner) simple(x *keyIndex, key *keyed) bool {
	if key.rows != 1 || key.received > 1 || key.aborted {
		return false
	}
	row := key.firstRow
	s := j.rows[row].Span
	from, to := s.Start.Add(-BeforeStart).UnixNano(), s.End().Add(AfterEnd).UnixNano()
	internal := ""
	for n := key.firstNode; n != none; n = x.nodes[n].next {
		e := &j.in.Events[x.nodes[n].event]
		if e.UnixNano < from || e.UnixNano > to {
			return false
		}
		if j.elsewhere(s.Origin, e.Origin) {
			return false
		}
		if e.Form == vllm.IDInternal {
			if internal != "" && internal != e.ID || vllm.ExternalFromChild(e.ID) != e.ID {
				return false // the engine knew it by two ids: there was another go at it, or there are siblings
			}
			internal = e.ID
		}
	}
	for n := key.firstNode; n != none; n = x.nodes[n].next {
		j.give(row, &j.in.Events[x.nodes[n].event])
	}
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
	lastAbort       time.Time
	died            bool  // its engine failed under it
	sequences       int   // how many the lines prove when it had several (n>1), else 0
	loose           bool  // further lines fit this attempt and another
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

// sortOut settles one id that is not simple.
func (j *joiner) sortOut(x *keyIndex, key *keyed) {
	calls := j.calls(x, key)
	attempts, loose := j.split(x, key)
	j.pairCalls(calls, attempts, false)
	j.pairCalls(calls, attempts, true)
	j.settleLoose(attempts, loose)
	for c := range calls {
		if !calls[c].matched && calls[c].contested {
			j.mark(calls[c].rows)
		}
	}
	for a := range attempts {
		j.deliver(&attempts[a])
	}
}

// pairCalls gives attempts to the calls that have none yet: by their beginnings, or those of which only late lines are there
// by the calls' ends, when such lines are written.
func (j *joiner) pairCalls(calls []call, attempts []attempt, late bool) {
	var cs []*call
	var as []*attempt
	for c := range calls {
		if !calls[c].matched {
			cs = append(cs, &calls[c])
		}
	}
	for a := range attempts {
		if attempts[a].late == late {
			as = append(as, &attempts[a])
		}
	}
	out := pair(pairing{
		left: side{len(cs), func(c int32) int64 {
			if late {
				return cs[c].end.UnixNano()
			}
			return cs[c].start.UnixNano()
		}, func(c int32) *evidence.Origin { return cs[c].origin }},
		right: side{
			len(as), func(a int32) int64 { return as[a].first.UnixNano() }, func(a int32) *evidence.Origin { return as[a].origin },
		},
		apart: j.elsewhere,
		reach: func(c int32) (from, to int64) {
			return cs[c].start.Add(-BeforeStart).UnixNano(), cs[c].end.Add(AfterEnd).UnixNano()
		},
		fit: func(c, a int32) bool { return cs[c].couldBe(as[a]) },
	})
	for c, a := range out.matched {
		if a != none {
			as[a].call, cs[c].matched = cs[c], true
		}
		cs[c].contested = cs[c].contested || out.leftRivals[c]
	}
	for a := range as {
		as[a].contested = out.rightRivals[a]
	}
}

// fits is how far a line lies from where this attempt would have written it; ok is false when it cannot be its line.
func (a *attempt) fits(e *evidence.RequestEvent) (d time.Duration, ok bool) {
	if _, no := sameInstance(a.origin, e.Origin); no {
		return 0, false
	}
	t := e.Time()
	if a.call == nil {
		if opening(e.Kind) {
			return t.Sub(a.first), !a.closed && !t.Before(a.first)
		}
		return 0, !a.closed && !t.Before(a.first)
	}
	if t.Before(a.call.start.Add(-BeforeStart)) || t.After(a.call.end.Add(AfterEnd)) {
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
	slices.SortFunc(rows, func(a, b int32) int { return j.rows[a].Time.Compare(j.rows[b].Time) })
	var out []call
	for _, r := range rows {
		s := j.rows[r].Span
		if n := len(out) - 1; n >= 0 && s.Start.Sub(out[n].start) < time.Millisecond && out[n].origin == s.Origin &&
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

func (a *attempt) add(i int32, e *evidence.RequestEvent) {
	a.events = append(a.events, i)
	if e.Form == vllm.IDInternal {
		a.internal = cmp.Or(a.internal, vllm.ExternalFromChild(e.ID))
		if n, ok := vllm.ChildOrdinal(e.ID); ok {
			a.sequences = max(a.sequences, n+1)
		}
	}
	switch e.Kind {
	case vllm.LogFailed, vllm.LogCrashDump:
		a.died, a.closed = true, a.closed || closes(e.Kind)
	case vllm.LogAborted:
		a.aborted, a.lastAbort = true, e.Time()
		a.closed = a.closed || e.Form == vllm.IDExternal // "Request <ext> aborted." is the second of the two lines
	default:
		a.closed = a.closed || closes(e.Kind)
	}
}

// closes reports whether a line of this kind ends its request.
func closes(k vllm.LogKind) bool {
	switch k {
	case vllm.LogGenerated, vllm.LogFailed, vllm.LogInternalError, vllm.LogFinished:
		return true
	}
	return false
}
