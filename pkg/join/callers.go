package join

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// callers gives each client span without an engine span to the row it describes: one known only from lines, or an engine
// span that lost its trace context. A caller that describes no row becomes one: the request never reached an engine, or
// left nothing else.
func (j *joiner) callers() {
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
		if r.Caller != nil || r.RequestID == "" {
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
		id := j.in.Callers[i].RequestID
		if done[i] || id == "" {
			continue
		}
		j.settleCallers(byID[id], rowsOf[id], done)
	}
	for i := range j.in.Callers {
		if !done[i] {
			j.callerOnly(i)
		}
	}
}

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
		if t.Before(span.Start.Add(-BeforeStart)) || t.After(span.Start.Add(seconds(span.Duration)+AfterEnd)) {
			return 0, false
		}
		return t.Sub(span.Start).Abs(), true
	})
	for c, i := range callers {
		done[i] = true
		if g := matched[c]; g >= 0 {
			for _, row := range groups[g] {
				r := &j.rows[row]
				r.Caller = &j.in.Callers[i]
				r.Signals |= SignalTrace
				if r.TraceID == "" {
					r.TraceID = r.Caller.TraceID
				}
			}
			continue
		}
		row := j.callerOnly(i)
		if len(rival[c]) > 0 {
			j.rows[row].Ambiguous = true
			for _, g := range rival[c] {
				for _, other := range groups[g] {
					j.rows[other].Ambiguous = true
				}
			}
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
