package join

import (
	"cmp"
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
				rowsOf[id] = append(rowsOf[id], int32(i))
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
// application lie after each other. What only the inner one knows stays.
func outermost(callers []evidence.CallerSpan) []evidence.CallerSpan {
	type key struct{ trace, id string }
	groups := map[key][]int{}
	for i := range callers {
		if c := &callers[i]; c.RequestID != "" {
			k := key{c.TraceID, c.RequestID}
			groups[k] = append(groups[k], i)
		}
	}
	inner := map[int]bool{}
	for _, group := range groups {
		for _, i := range group {
			for _, o := range group {
				if i != o && !inner[o] && within(&callers[i], &callers[o]) {
					fill(&callers[o], &callers[i])
					inner[i] = true
					break
				}
			}
		}
	}
	if len(inner) == 0 {
		return callers
	}
	out := make([]evidence.CallerSpan, 0, len(callers)-len(inner))
	for i := range callers {
		if !inner[i] {
			out = append(out, callers[i])
		}
	}
	return out
}

// within reports whether a lies inside b and is shorter.
func within(a, b *evidence.CallerSpan) bool {
	return !a.Start.Before(b.Start) && a.Duration < b.Duration && !a.End().After(b.End())
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
	matched, rival := pair(len(callers), len(groups), func(c, g int) (time.Duration, bool) {
		span := &j.in.Callers[callers[c]]
		t := j.rows[groups[g][0]].Time
		if t.Before(span.Start.Add(-BeforeStart)) || t.After(span.End().Add(AfterEnd)) {
			return 0, false
		}
		return t.Sub(span.Start).Abs(), true
	})
	for c, i := range callers {
		if g := matched[c]; g >= 0 {
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
		if len(rival[c]) == 0 {
			continue // nothing carries its id: judged like a call without one
		}
		done[i] = true
		j.rows[j.callerOnly(i)].Ambiguous = true
		for _, g := range rival[c] {
			j.mark(groups[g])
		}
	}
}

// groupByArrival groups rows that began together; rows come in ascending index, which within one id is ascending time
// often enough that neighbours suffice.
func (j *joiner) groupByArrival(rows []int32) [][]int32 {
	var out [][]int32
	for _, r := range rows {
		placed := false
		for g := range out {
			if j.rows[out[g][0]].Time.Sub(j.rows[r].Time).Abs() < 5*time.Millisecond {
				out[g] = append(out[g], r)
				placed = true
				break
			}
		}
		if !placed {
			out = append(out, []int32{r})
		}
	}
	return out
}

// callerOnly makes a row of a client span alone.
func (j *joiner) callerOnly(i int) int32 {
	c := &j.in.Callers[i]
	row := j.addRow()
	r := &j.rows[row]
	r.Caller, r.Time, r.TraceID, r.Signals = c, c.Start, c.TraceID, SignalTrace
	if _, isResponse := vllm.ClientRequestID(c.RequestID); isResponse {
		r.RequestID = c.RequestID
	} else {
		r.ClientRequestID = c.RequestID
	}
	return row
}
