package join

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// callers gives each client span without an engine span to the row it describes: one known only from lines, or an engine
// span that lost its trace context or a span on the way up. A caller that describes no row becomes one: the request never reached an engine, or
// left nothing else.
func (j *joiner) callers() {
	j.in.Callers = outermost(sortedCallers(j.in.Callers))
	if len(j.in.Callers) == 0 {
		return
	}
	done := make([]bool, len(j.in.Callers))
	for _, g := range j.callerGroups() {
		j.settleCallers(g.callers, g.rows, done)
	}
	j.settleNameless(done)
	ours := j.servedNames()
	for i := range j.in.Callers {
		if !done[i] && ours.calls(&j.in.Callers[i]) {
			j.callerOnly(i)
		}
	}
}

// sortedCallers sorts calls by what they say, so that the result does not hang on the order in which a store gave them. The given
// calls are not changed.
func sortedCallers(callers []evidence.CallerSpan) []evidence.CallerSpan {
	out := slices.Clone(callers)
	slices.SortStableFunc(out, func(a, b evidence.CallerSpan) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.TraceID, b.TraceID), strings.Compare(a.SpanID, b.SpanID))
	})
	return out
}

// outermost drops calls that are the inner side of another: when a span between the two was lost, a router's call and the
// application's around it look like two. They share trace and id, and one lies within the other's time; the retries of one
// application lie after each other. What only the inner one knows stays. The given calls are not changed.
func outermost(callers []evidence.CallerSpan) []evidence.CallerSpan {
	type key struct{ trace, id string }
	groups := map[key][]int{}
	for i := range callers {
		if c := &callers[i]; c.RequestID != "" {
			client, _ := vllm.ClientFromResponse(c.RequestID) // a router knows the client's id, an application the response's
			k := key{c.TraceID, cmp.Or(client, c.RequestID)}
			groups[k] = append(groups[k], i)
		}
	}
	inner := map[int]int{}         // to the call around it
	for _, group := range groups { // each group by itself: the order of the map does not matter
		if len(group) == 1 {
			continue
		}
		slices.SortStableFunc(group, func(a, b int) int {
			return cmp.Or(callers[a].Start.Compare(callers[b].Start), callers[b].End().Compare(callers[a].End()))
		})
		outer := group[0] // what ends last of those that began before
		for _, i := range group[1:] {
			if within(&callers[i], &callers[outer]) {
				inner[i] = outer
			} else if callers[i].End().After(callers[outer].End()) {
				outer = i
			}
		}
	}
	if len(inner) == 0 {
		return callers
	}
	out, place := make([]evidence.CallerSpan, 0, len(callers)-len(inner)), make([]int, len(callers))
	for i := range callers {
		if _, drop := inner[i]; !drop {
			place[i] = len(out)
			out = append(out, callers[i])
		}
	}
	for i := range callers { // in the order of the calls, so that the result does not hang on map order
		if o, dropped := inner[i]; dropped {
			fill(&out[place[o]], &callers[i])
		}
	}
	return out
}

// within reports whether a lies inside b and is shorter.
func within(a, b *evidence.CallerSpan) bool {
	return !a.Start.Before(b.Start) && a.Duration < b.Duration && !a.End().After(b.End())
}

// overlap reports whether two calls went on at the same time.
func overlap(a, b *evidence.CallerSpan) bool {
	return a.Start.Before(b.End()) && b.Start.Before(a.End())
}

// fill takes over what only the inner call knows.
func fill(outer, inner *evidence.CallerSpan) {
	outer.Model = cmp.Or(outer.Model, inner.Model)
	outer.HTTPStatus = cmp.Or(outer.HTTPStatus, inner.HTTPStatus)
	outer.FinishReason = cmp.Or(outer.FinishReason, inner.FinishReason)
	outer.Error = cmp.Or(outer.Error, inner.Error)
	outer.VLLM = outer.VLLM || inner.VLLM
}

// brokenChain reports whether a span between the engine's and the application's was lost: the topmost span that is left
// names a parent which the trace does not hold.
func brokenChain(r *Request) bool { return r.Root != nil && r.Root.ParentSpanID != "" }

// spellings lists the forms of an id under which a caller may know a request, each once.
func spellings(external string) []string {
	out := []string{external}
	if r := vllm.ResponseID(external); r != external {
		out = append(out, r)
	}
	if c, ok := vllm.ClientRequestID(external); ok {
		out = append(out, c)
	}
	return out
}

// settleCallers matches the callers of one id with the rows of that id by time. Sibling rows (several prompts of one
// call) all belong to the caller that spans them.
func (j *joiner) settleCallers(callers []int, rows []int32, done []bool) {
	groups := j.groupByArrival(rows)
	nowhere := func(int32) *evidence.Origin { return nil } // a client does not know where its request was worked on
	found := pair(pairing{
		left:  side{len(callers), func(c int32) int64 { return j.began(callers[c]).UnixNano() }, nowhere},
		right: side{len(groups), func(g int32) int64 { return j.rows[groups[g][0]].Time.UnixNano() }, nowhere},
		apart: func(_, _ *evidence.Origin) bool { return false },
		reach: func(c int32) (from, to int64) {
			began := j.began(callers[c])
			return began.Add(-BeforeStart).UnixNano(), began.Add(evidence.Seconds(j.in.Callers[callers[c]].Duration) + AfterEnd).UnixNano()
		},
		fit: func(c, g int32) bool {
			r := &j.rows[groups[g][0]]
			if callerStatus(&j.in.Callers[callers[c]]) == StatusRejected && j.accepted(groups[g][0]) {
				return false // what was refused is another try
			}
			known := cmp.Or(r.Call, r.Caller) // of a broken chain: what was lost lies around it, not before it as a retry does
			return known == nil || overlap(known, &j.in.Callers[callers[c]])
		},
	})
	for c, i := range callers {
		if g := found.matched[c]; g != none {
			j.giveCall(i, groups[g], done)
			continue
		}
		if !found.leftRivals[c] {
			continue // nothing carries its id: judged like a call without one
		}
		done[i] = true
		j.rows[j.callerOnly(i)].Ambiguous = true
	}
	for g, contested := range found.rightRivals {
		if contested {
			j.mark(groups[g], false)
		}
	}
}

// began is when a call began by the clock of the engines, as far as the difference of its service's clock is known.
func (j *joiner) began(caller int) time.Time {
	c := &j.in.Callers[caller]
	return c.Start.Add(j.callerClocks()[c.Service])
}

// settleNameless gives calls to requests that lines alone know and nobody called, where no id tells which belong together: the call
// carries none, or the client's own where the engine's is made up (/v1/responses, a gateway that sends none on). Time is all there is to go by, so only
// where it is decisive. A call that was refused before any engine is none of these.
func (j *joiner) settleNameless(done []bool) {
	var calls []int
	for i := range j.in.Callers {
		c := &j.in.Callers[i]
		if _, response := vllm.ClientFromResponse(c.RequestID); !done[i] && !response && callerStatus(c) != StatusRejected {
			calls = append(calls, i)
		}
	}
	if len(calls) == 0 {
		return
	}
	var rows []int32
	for i := range j.rows {
		if r := &j.rows[i]; r.Span == nil && r.Call == nil && j.events[i].opened && !j.events[i].refused {
			rows = append(rows, ordinal(i))
		}
	}
	nowhere := func(int32) *evidence.Origin { return nil }
	found := pair(pairing{
		left:  side{len(calls), func(c int32) int64 { return j.began(calls[c]).UnixNano() }, nowhere},
		right: side{len(rows), func(r int32) int64 { return j.rows[rows[r]].Time.UnixNano() }, nowhere},
		apart: func(_, _ *evidence.Origin) bool { return false },
		reach: func(c int32) (from, to int64) {
			at := j.began(calls[c])
			return at.Add(-evidence.ClockNoise).UnixNano(), at.Add(BeforeStart).UnixNano()
		},
		fit: func(c, r int32) bool { // its last line comes when the client leaves, or the engine dies
			if j.in.Callers[calls[c]].RequestID != "" && !vllm.WithoutClient(j.rows[rows[r]].RequestID) {
				return false // that id would be in the lines
			}
			end := j.began(calls[c]).Add(evidence.Seconds(j.in.Callers[calls[c]].Duration))
			return j.rows[rows[r]].lastLog.Sub(end).Abs() <= AfterEnd
		},
	})
	for c, i := range calls {
		if r := found.matched[c]; r != none {
			j.giveCall(i, rows[r:r+1], done)
		}
	}
}

// giveCall gives a call to the rows of one arrival.
func (j *joiner) giveCall(i int, rows []int32, done []bool) {
	done[i] = true
	for _, row := range rows {
		r := &j.rows[row]
		call := &j.in.Callers[i]
		r.Call = call
		if r.Span == nil || call.Covers(r.Span) {
			r.Caller = call
		}
		r.Signals |= SignalTrace
		if r.Span == nil && !j.events[row].opened { // no line tells when it came in; the call's start is nearest
			r.Time = call.Start
		}
		if r.TraceID == "" {
			r.TraceID = call.TraceID
		}
	}
}

// accepted reports whether evidence says that the engine took a row's request.
func (j *joiner) accepted(row int32) bool {
	f := &j.events[row]
	return j.rows[row].Span != nil || f.aborted || f.generated || f.failedInside
}

// groupByArrival groups rows that began together, in the order of time. It reorders the given rows.
func (j *joiner) groupByArrival(rows []int32) [][]int32 {
	slices.SortStableFunc(rows, func(a, b int32) int {
		return cmp.Or(j.rows[a].Time.Compare(j.rows[b].Time), strings.Compare(j.rows[a].Key(), j.rows[b].Key()))
	})
	var out [][]int32
	for _, r := range rows {
		if last := len(out) - 1; last >= 0 && j.together(&j.rows[out[last][0]], &j.rows[r]) {
			out[last] = append(out[last], r)
			continue
		}
		out = append(out, []int32{r})
	}
	return out
}

// together reports whether a row began with an earlier one. Of parts of one HTTP request, one may be known by its span and another
// by its first line, which is written when it is tokenised.
func (j *joiner) together(first, r *Request) bool {
	apart := r.Time.Sub(first.Time)
	if apart < 5*time.Millisecond {
		return true
	}
	return apart < batchArrival && r.RequestID != first.RequestID && (r.Span == nil) != (first.Span == nil) && vllm.SharedResponseID(r.RequestID) == vllm.SharedResponseID(first.RequestID)
}

// callerOnly makes a row of a client span alone.
func (j *joiner) callerOnly(i int) int32 {
	c := &j.in.Callers[i]
	row := j.addRow()
	r := &j.rows[row]
	r.Caller, r.Call, r.Time, r.TraceID, r.Signals = c, c, c.Start, c.TraceID, SignalTrace
	client, isResponse := vllm.ClientFromResponse(c.RequestID)
	if r.ClientRequestID = cmp.Or(c.SentID, client); isResponse {
		r.RequestID = c.RequestID
	}
	return row
}
