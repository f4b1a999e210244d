package join

import (
	"cmp"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// callers gives each client span without an engine span to the row it describes: one known only from lines, or an engine
// span that lost its trace context or a span on the way up. A caller that describes no row becomes one: the request never reached an engine, or
// left nothing else.
func (j *joiner) callers() {
	j.in.Callers = outermost(j.in.Callers)
	if len(j.in.Callers) == 0 {
		return
	}
	byID := map[string][]int{} // id a caller knows → callers
	for i := range j.in.Callers {
		if id := j.in.Callers[i].RequestID; id != "" {
			byID[id] = append(byID[id], i)
		}
	}
	rowsOf := map[string][]int32{}
	for i := range j.rows {
		r := &j.rows[i]
		if r.RequestID == "" || (r.Caller != nil && !brokenChain(r)) {
			continue
		}
		for _, id := range spellings(r.RequestID) {
			if _, wanted := byID[id]; wanted && id != "" {
				rowsOf[id] = append(rowsOf[id], ordinal(i))
			}
		}
	}
	done := make([]bool, len(j.in.Callers))
	for i := range j.in.Callers { // in the order of the callers, so that the result does not hang on map order
		if id := j.in.Callers[i].RequestID; id != "" && byID[id] != nil {
			j.settleCallers(byID[id], rowsOf[id], done)
			byID[id] = nil
		}
	}
	ours := j.servedNames()
	for i := range j.in.Callers {
		if !done[i] && ours.calls(&j.in.Callers[i]) {
			j.callerOnly(i)
		}
	}
}

// served is the names under which clients can ask our engines for a model: served names and adapters.
type served map[string]bool

// servedNames collects them from metrics, resources and lines.
func (j *joiner) servedNames() served {
	names := served{}
	for i := range j.in.Targets {
		names[j.in.Targets[i].Origin.Model] = true
	}
	for i := range j.in.Series {
		if o := j.in.Series[i].Origin; o != nil {
			names[o.Model] = true
		}
	}
	for i := range j.rows {
		if o := j.rows[i].Origin; o != nil {
			names[o.Model] = true
		}
		names[j.events[i].lora] = true
	}
	delete(names, "")
	return names
}

// calls reports whether a call without an engine span was meant for our engines. Applications call other providers' models
// too; what those refuse is no request of ours. Where no name is known, nothing tells them apart and the call stays.
func (s served) calls(c *evidence.CallerSpan) bool {
	return c.VLLM || c.Model == "" || s[c.Model] || len(s) == 0
}

// outermost drops calls that are the inner side of another: when a span between the two was lost, a router's call and the
// application's around it look like two. They share trace and id, and one lies within the other's time; the retries of one
// application lie after each other. What only the inner one knows stays. The given calls are not changed.
func outermost(callers []evidence.CallerSpan) []evidence.CallerSpan {
	type key struct{ trace, id string }
	groups := map[key][]int{}
	for i := range callers {
		if c := &callers[i]; c.RequestID != "" {
			k := key{c.TraceID, c.RequestID}
			groups[k] = append(groups[k], i)
		}
	}
	inner := map[int]int{} // to the call around it
	for _, group := range groups {
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
		left:  side{len(callers), func(c int32) int64 { return j.in.Callers[callers[c]].Start.UnixNano() }, nowhere},
		right: side{len(groups), func(g int32) int64 { return j.rows[groups[g][0]].Time.UnixNano() }, nowhere},
		apart: func(_, _ *evidence.Origin) bool { return false },
		reach: func(c int32) (from, to int64) {
			span := &j.in.Callers[callers[c]]
			return span.Start.Add(-BeforeStart).UnixNano(), span.End().Add(AfterEnd).UnixNano()
		},
		fit: func(c, g int32) bool {
			known := j.rows[groups[g][0]].Caller // of a broken chain: what was lost lies around it, not before it as a retry does
			return known == nil || overlap(known, &j.in.Callers[callers[c]])
		},
	})
	for c, i := range callers {
		if g := found.matched[c]; g != none {
			done[i] = true
			for _, row := range groups[g] {
				r := &j.rows[row]
				r.Caller = &j.in.Callers[i]
				r.Signals |= SignalTrace
				if r.Span == nil && !j.events[row].opened { // no line tells when it came in; the call's start is nearest
					r.Time = r.Caller.Start
				}
				if r.TraceID == "" {
					r.TraceID = r.Caller.TraceID
				}
			}
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
			j.mark(groups[g])
		}
	}
}

// groupByArrival groups rows that began together, in the order of time. It reorders the given rows.
func (j *joiner) groupByArrival(rows []int32) [][]int32 {
	slices.SortStableFunc(rows, func(a, b int32) int { return j.rows[a].Time.Compare(j.rows[b].Time) })
	var out [][]int32
	for _, r := range rows {
		if last := len(out) - 1; last >= 0 && j.rows[r].Time.Sub(j.rows[out[last][0]].Time) < 5*time.Millisecond {
			out[last] = append(out[last], r)
			continue
		}
		out = append(out, []int32{r})
	}
	return out
}

// callerOnly makes a row of a client span alone.
func (j *joiner) callerOnly(i int) int32 {
	c := &j.in.Callers[i]
	row := j.addRow()
	r := &j.rows[row]
	r.Caller, r.Time, r.TraceID, r.Signals = c, c.Start, c.TraceID, SignalTrace
	client, isResponse := vllm.ClientFromResponse(c.RequestID)
	if r.ClientRequestID = client; isResponse {
		r.RequestID = c.RequestID
	}
	return row
}
