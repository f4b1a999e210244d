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

// simple handles an id with one span, at most one Received line and one id of the engine's own, no abort, and all lines near
// the span on the span's instance. It reports whether it was that simple; when not, nothing was changed.
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
			whole := vllm.ExternalFromChild(e.ID)
			if internal != "" && internal != whole {
				return false // the engine knew it by two ids: there was another go at it
			}
			internal = whole
		}
	}
	for n := key.firstNode; n != none; n = x.nodes[n].next {
		j.give(row, &j.in.Events[x.nodes[n].event])
	}
	return true
}

// give adds one line to one row.
func (j *joiner) give(row int32, e *evidence.RequestEvent) {
	r, f := &j.rows[row], &j.events[row]
	if r.LogLines == evidence.Unknown {
		r.LogLines, r.WarningLines, r.ErrorLines = 0, 0, 0
	}
	r.LogLines++
	if e.Warning {
		r.WarningLines++
	}
	if e.Error {
		r.ErrorLines++
	}
	r.Signals |= SignalLogs
	if t := e.Time(); t.After(r.lastLog) {
		r.lastLog = t
	}
	f.learn(e)
	if e.Kind == vllm.LogReceived && r.Span != nil {
		r.logSkew = float64(e.UnixNano-r.Span.Start.UnixNano()) / 1e9
	}
}

// learn keeps what the outcome of a request will need of one line.
func (f *eventFacts) learn(e *evidence.RequestEvent) {
	f.opened = f.opened || opening(e.Kind)
	switch e.Kind {
	case vllm.LogAborted:
		f.aborted = true
	case vllm.LogFailed, vllm.LogCrashDump:
		f.failed = true
		f.refused = f.refused || e.Detail != nil && vllm.IsRefusal(e.Detail.Error)
	case vllm.LogInternalError, vllm.LogException:
		f.failed, f.failedInside = true, true
	case vllm.LogRequestError:
		f.failed, f.failedInside = f.failed || e.Error, f.failedInside || e.Error
	case vllm.LogGenerated, vllm.LogFinished:
		f.generated = true
	}
	d := e.Detail
	if d == nil {
		return
	}
	if e.Kind == vllm.LogReceived {
		f.detail = d
	}
	// The literal "streaming_complete" is not a reason, it only says that the stream is over; the last delta has the reason.
	if d.FinishReason != "" && d.FinishReason != "None" && d.FinishReason != "streaming_complete" {
		f.finish = d.FinishReason
	}
	if d.Error != "" {
		f.err = d.Error
	}
	if d.LoRA != "" && d.LoRA != "None" {
		f.lora = d.LoRA
	}
}

// attempt is one go at an id as the lines of one instance tell it.
type attempt struct {
	first, received time.Time // received is zero when the line is missing
	origin          *evidence.Origin
	internal        string // the engine's id, once a line named it
	events          []int32
	closed, aborted bool
	lastAbort       time.Time
	children        bool  // it had several sequences
	loose           bool  // further lines fit this attempt and another
	contested       bool  // it fits several calls
	call            *call // the spans it belongs to; nil when none
}

// call is one span, or the sibling spans of one n>1 request: they share id, arrival and lines.
type call struct {
	start, end time.Time
	origin     *evidence.Origin
	rows       []int32
}

// sortOut settles one id that is not simple.
func (j *joiner) sortOut(x *keyIndex, key *keyed) {
	calls := j.calls(x, key)
	attempts, loose := j.split(x, key)
	matched, rival := pair(len(calls), len(attempts), func(c, a int) (time.Duration, bool) {
		if j.elsewhere(calls[c].origin, attempts[a].origin) {
			return 0, false
		}
		return calls[c].distance(&attempts[a])
	})
	for c, a := range matched {
		if a >= 0 {
			attempts[a].call = &calls[c]
		}
	}
	j.settleLoose(attempts, loose)
	for c := range calls {
		if matched[c] >= 0 || len(rival[c]) == 0 {
			continue
		}
		j.mark(calls[c].rows)
		for _, a := range rival[c] { // fits this call and another: its lines go to neither, and it is no row of its own
			if attempts[a].call == nil && !attempts[a].contested {
				attempts[a].contested = true
				j.linesUnmatched += len(attempts[a].events)
			}
		}
	}
	for a := range attempts {
		j.deliver(&attempts[a])
	}
}

// deliver gives an attempt's lines to the rows of its call, or makes a row of them.
func (j *joiner) deliver(a *attempt) {
	switch {
	case a.contested:
	case a.call == nil:
		j.logOnly(a)
	default:
		for _, row := range a.call.rows {
			for _, e := range a.events {
				j.give(row, &j.in.Events[e])
			}
		}
		if a.loose {
			j.mark(a.call.rows)
		}
	}
}

func (j *joiner) mark(rows []int32) {
	for _, row := range rows {
		j.rows[row].Ambiguous = true
	}
}

// settleLoose places lines that fitted several attempts while only lines were known: the spans now tell when each ended.
// Where time still does not decide, every attempt that the line fits is marked and none gets it.
func (j *joiner) settleLoose(attempts []attempt, loose []int32) {
	for _, i := range loose {
		e := &j.in.Events[i]
		at, _ := nearest(len(attempts), func(a int) (time.Duration, bool) { return attempts[a].fits(e) })
		if at >= 0 {
			attempts[at].add(i, e)
			continue
		}
		j.linesUnmatched++
		for a := range attempts {
			if _, ok := attempts[a].fits(e); ok {
				attempts[a].loose = true
			}
		}
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

// distance is how far an attempt's opening lies from a call's start on the same instance; ok is false when they cannot be
// the same.
func (c *call) distance(a *attempt) (d time.Duration, ok bool) {
	// A client abort leaves no span, except of sequences that were done before it came: those of an n>1 request, and a single
	// one whose last token was made while the client was leaving.
	if a.aborted && c.end.After(a.lastAbort) && (!a.children || c.end.After(a.lastAbort.Add(BeforeStart))) {
		return 0, false
	}
	if a.first.Before(c.start.Add(-BeforeStart)) || a.first.After(c.end.Add(AfterEnd)) {
		return 0, false
	}
	if a.received.IsZero() { // only late lines were seen: the end is the better anchor
		return a.first.Sub(c.start).Abs(), true
	}
	return a.received.Sub(c.start).Abs(), true
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

// split cuts the lines of one id into attempts, instance by instance, in the order of time. loose are the lines that fit
// several attempts as long as nobody knows when these ended.
func (j *joiner) split(x *keyIndex, key *keyed) (out []attempt, loose []int32) {
	var events []int32
	for n := key.firstNode; n != none; n = x.nodes[n].next {
		events = append(events, x.nodes[n].event)
	}
	slices.SortFunc(events, func(a, b int32) int {
		ea, eb := &j.in.Events[a], &j.in.Events[b]
		if ea.UnixNano != eb.UnixNano {
			return cmp.Compare(ea.UnixNano, eb.UnixNano)
		}
		return int(a - b)
	})
	for _, i := range events {
		e := &j.in.Events[i]
		a := attemptFor(out, e)
		if a == undecided {
			loose = append(loose, i)
			continue
		}
		if a == opens {
			out = append(out, attempt{first: e.Time(), origin: e.Origin})
			a = len(out) - 1
		}
		out[a].add(i, e)
	}
	return out, loose
}

// What attemptFor answers besides an index.
const (
	opens     = -1 // the line opens a new attempt
	undecided = -2 // it fits several open attempts
)

// attemptFor finds the attempt that a line belongs to.
func attemptFor(attempts []attempt, e *evidence.RequestEvent) int {
	oldest, last, count := -1, -1, 0
	for i := range attempts {
		a := &attempts[i]
		if _, no := sameInstance(a.origin, e.Origin); no {
			continue
		}
		internal := e.Form == vllm.IDInternal
		if internal && a.internal != "" {
			if a.internal == vllm.ExternalFromChild(e.ID) {
				return i // the random suffix names the attempt; children of one request share it
			}
			continue
		}
		if e.Kind == vllm.LogAborted && a.aborted && !a.closed {
			return i // "Request <ext> aborted." follows "Aborted request(s) <int>." directly
		}
		last = i
		if a.closed {
			continue
		}
		count++
		if oldest < 0 {
			oldest = i
		}
	}
	switch {
	case e.Kind == vllm.LogReceived:
		return opens
	case count == 0 && e.Form == vllm.IDInternal:
		return opens // no attempt waits for an engine's id: the Received line was lost
	case count > 1 && e.Kind == vllm.LogAdded:
		return addedTo(attempts, e)
	case count > 1:
		return undecided
	case count == 1:
		return oldest
	case last >= 0:
		return last // n>1 writes several Generated lines after the first closed the attempt
	default:
		return opens
	}
}

// addedTo finds the attempt that an Added line belongs to among those that wait for one: it follows its Received line within
// milliseconds, so the latest is meant unless another came at about the same time.
func addedTo(attempts []attempt, e *evidence.RequestEvent) int {
	at, ok := nearest(len(attempts), func(i int) (time.Duration, bool) {
		a := &attempts[i]
		_, no := sameInstance(a.origin, e.Origin)
		return e.Time().Sub(a.first), !no && !a.closed && a.internal == "" && !e.Time().Before(a.first)
	})
	if !ok {
		return undecided
	}
	return at
}

func (a *attempt) add(i int32, e *evidence.RequestEvent) {
	a.events = append(a.events, i)
	if whole := vllm.ExternalFromChild(e.ID); e.Form == vllm.IDInternal {
		a.internal = cmp.Or(a.internal, whole)
		a.children = a.children || whole != e.ID
	}
	switch e.Kind {
	case vllm.LogReceived:
		a.received = e.Time()
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

// logOnly makes a row of an attempt that no span explains.
func (j *joiner) logOnly(a *attempt) {
	row := j.addRow()
	for _, e := range a.events {
		j.give(row, &j.in.Events[e])
	}
	r := &j.rows[row]
	r.Time, r.Origin, r.Ambiguous = a.first, a.origin, a.loose
	r.RequestID = j.in.Events[a.events[0]].External
}

// pair matches n things on the left with m on the right by distance in time, and only where time decides: a pair is
// taken when each is the other's nearest by a decisive margin. matched[l] is the right partner or -1; rival[l] lists the
// partners that l could have had when it got none because time does not decide.
func pair(n, m int, distance func(l, r int) (time.Duration, bool)) (matched []int, rival [][]int) {
	matched, rival = make([]int, n), make([][]int, n)
	usedRight := make([]bool, m)
	for l := range matched {
		matched[l] = -1
	}
	for again := true; again; {
		again = false
		for l := range n {
			if matched[l] >= 0 {
				continue
			}
			r, ok := nearest(m, func(r int) (time.Duration, bool) {
				d, ok := distance(l, r)
				return d, ok && !usedRight[r]
			})
			if !ok {
				continue
			}
			back, _ := nearest(n, func(l int) (time.Duration, bool) {
				d, ok := distance(l, r)
				return d, ok && matched[l] < 0
			})
			if back == l {
				matched[l], usedRight[r], again = r, true, true
			}
		}
	}
	for l := range n {
		if matched[l] >= 0 {
			continue
		}
		for r := range m {
			if _, ok := distance(l, r); ok && !usedRight[r] {
				rival[l] = append(rival[l], r)
			}
		}
	}
	return matched, rival
}

// nearest picks the one of n things with the smallest distance; ok is false, and at -1, when there is none or the next is
// not farther by a decisive margin.
func nearest(n int, distance func(i int) (time.Duration, bool)) (at int, ok bool) {
	const far = time.Duration(1 << 62)
	best, second, at := far, far, -1
	for i := range n {
		d, ok := distance(i)
		if !ok {
			continue
		}
		if d < best {
			best, second, at = d, best, i
		} else if d < second {
			second = d
		}
	}
	if at < 0 || (second < far && second-best < decisive) {
		return -1, false
	}
	return at, true
}
