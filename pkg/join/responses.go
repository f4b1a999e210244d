package join

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ofResponse reports whether a line carries the id of an HTTP response. vLLM logs outputs and internal errors so; for chat the
// response's id is the request's.
func ofResponse(e *evidence.RequestEvent) bool {
	return e.Form == vllm.IDResponse || e.Kind == vllm.LogGenerated || e.Kind == vllm.LogDelta
}

// hangResponses files lines that carry the id of an HTTP response under every external id of that response.
func (j *joiner) hangResponses(x *keyIndex, response []int32) {
	wanted := make(map[string][]int32)
	var unsettled []int32
	for _, i := range response {
		e := &j.in.Events[i]
		if k, known := x.byID[e.External]; known && !vllm.Numbers(e.External) {
			x.hang(k, i, e) // the request's own id
			continue
		}
		wanted[e.External] = nil
		unsettled = append(unsettled, i)
	}
	if len(unsettled) == 0 {
		return
	}
	parts := make(map[string]int) // how many requests to the engine each response is made of, as far as their numbers tell
	x.collect(wanted, parts, func(id string) (string, bool) {
		r := vllm.ResponseID(id)
		return r, r != id
	})
	missing := map[string][]int32{}
	for id, ks := range wanted {
		if k, known := x.byID[id]; known && len(ks) == 0 {
			wanted[id] = []int32{k}
		} else if len(ks) == 0 {
			missing[id] = nil
		}
	}
	if len(missing) > 0 { // perhaps the response is of a batch, whose conversations are numbered
		x.collect(missing, parts, func(id string) (string, bool) {
			r, _, ok := vllm.SeveralOf(id)
			return r, ok
		})
		for id, ks := range missing {
			if j.oneArrival(x, ks) {
				wanted[id] = ks
			} else {
				delete(parts, id) // other clients' ids, which only look like it
			}
		}
	}
	for _, i := range unsettled {
		e := &j.in.Events[i]
		ks := wanted[e.External]
		if len(ks) == 0 {
			ks = []int32{x.key(e.External)}
			wanted[e.External] = ks
		}
		for _, k := range ks {
			x.hang(k, i, e)
		}
		if n := parts[e.External]; n > 1 {
			if j.parts == nil {
				j.parts = map[int32]int{}
			}
			j.parts[i] = n
		}
	}
}

// collect finds the keys of the responses that are wanted, in an order that does not hang on the map's, and how many parts each has:
// one more than the highest number behind its id.
func (x *keyIndex) collect(wanted map[string][]int32, parts map[string]int, responseOf func(id string) (string, bool)) {
	for id, k := range x.byID {
		if r, ok := responseOf(id); ok {
			if ks, found := wanted[r]; found {
				wanted[r] = append(ks, k)
				parts[r] = max(parts[r], len(ks)+1, partNumber(id, r)+1)
			}
		}
	}
	for _, ks := range wanted {
		slices.Sort(ks)
	}
}

// partNumber is the number behind a response's id in the id of one of its parts, such as 3 in cmpl-B-3; 0 where there is none.
func partNumber(id, response string) int {
	if len(id) < len(response)+2 {
		return 0
	}
	n, err := strconv.Atoi(id[len(response)+1:])
	if err != nil || n < 0 || n > maxParts {
		return 0
	}
	return n
}

// maxParts bounds what an id's number is believed. A client may end its own ids in any number.
const maxParts = 10_000

// batchArrival is how far apart the conversations of one batch may begin: the API server hands them over one after another,
// each when it is tokenised.
const batchArrival = 250 * time.Millisecond

// oneArrival reports whether keys look like the parts of one HTTP request: numbered from 0 without a gap, and begun at about
// the same time in one place. A conversation that was aborted is known from lines alone; two must have spans.
func (j *joiner) oneArrival(x *keyIndex, keys []int32) bool {
	numbers := map[int]bool{}
	var first *Request
	rows := 0
	for _, k := range keys {
		row := x.keys[k].firstRow
		if row == none {
			continue
		}
		r := &j.rows[row]
		if first == nil {
			first = r
		}
		if r.Origin != first.Origin || r.Time.Sub(first.Time).Abs() > batchArrival {
			return false
		}
		_, n, _ := vllm.SeveralOf(r.RequestID)
		numbers[n] = true
		rows++
	}
	if rows < 2 {
		return false
	}
	for _, k := range keys {
		if x.keys[k].firstRow != none {
			continue
		}
		for n := x.keys[k].firstNode; n != none; n = x.nodes[n].next {
			if e := &j.in.Events[x.nodes[n].event]; e.Time().Sub(first.Time).Abs() <= batchArrival {
				_, number, _ := vllm.SeveralOf(e.External)
				numbers[number] = true
			}
		}
	}
	return gapless(numbers, len(numbers))
}

func gapless(numbers map[int]bool, n int) bool {
	for i := range n {
		if !numbers[i] {
			return false
		}
	}
	return true
}

// findBatches finds the rows whose ids an endpoint numbered, where evidence proves that: a call that covers all of them, the id of
// the HTTP response or of the client, or the very moment at which the API server took all of them in. Elsewhere the number is
// what the client sent. It gives the response of each such row. A conversation that only lines know, because it was aborted while
// the others were done, is one of a batch that its siblings prove, and gets their caller.
func (j *joiner) findBatches() map[int32]string {
	type family struct{ response, parent string }
	families := map[family][]int32{}
	out, known := map[int32]string{}, map[int32]bool{}
	unspanned := map[string][]int32{} // rows that only lines know, by their response
	for i := range j.rows {
		r := &j.rows[i]
		response, _, ok := vllm.SeveralOf(r.RequestID)
		if !ok {
			continue
		}
		if r.Span != nil { // up to now nobody has seen two requests begin at the same microsecond, but for those of one call
			at := r.Time.Format(time.RFC3339Nano)
			if vllm.Audio(r.RequestID) { // long audio is always cut into pieces, which are handed over one after another
				at = r.Time.Round(4 * batchArrival).Format(time.RFC3339Nano)
			}
			f := family{response, "at " + at}
			families[f] = append(families[f], ordinal(i))
		}
		if r.Call == nil && r.Caller == nil {
			switch {
			case r.Span == nil:
				unspanned[response] = append(unspanned[response], ordinal(i))
			case r.Span.ParentSpanID != "" && r.Root == nil: // one traceparent, of a caller that exports elsewhere
				f := family{response, r.Span.TraceID + r.Span.ParentSpanID}
				families[f] = append(families[f], ordinal(i))
			}
			continue
		}
		sent, _ := vllm.ClientFromResponse(response)
		whole, _ := vllm.ClientFromResponse(r.RequestID)
		switch id := cmp.Or(r.Call, r.Caller).RequestID; {
		case id == "":
		case id == response, id == sent:
			out[ordinal(i)] = response
			continue
		case id == r.RequestID, id == whole: // it was the only one
			known[ordinal(i)] = true
			continue
		}
		if r.Span != nil && r.Span.ParentSpanID != "" && coversOneCall(r) {
			f := family{response, r.Span.TraceID + r.Span.ParentSpanID}
			families[f] = append(families[f], ordinal(i))
		}
	}
	for f, rows := range families {
		if j.numberedFromZero(rows, unspanned[f.response]) {
			for _, row := range rows {
				if !known[row] {
					out[row] = f.response
				}
			}
		}
	}
	j.adopt(out, unspanned)
	j.adoptItems()
	return out
}

// numberedFromZero reports whether several rows that began together are numbered from 0 without a gap, give or take those that only
// lines know.
func (j *joiner) numberedFromZero(rows, unspanned []int32) bool {
	numbers := map[int]bool{}
	first := &j.rows[rows[0]]
	for _, row := range rows {
		r := &j.rows[row]
		if r.Time.Sub(first.Time).Abs() > batchArrival { // used again
			return false
		}
		_, n, _ := vllm.SeveralOf(r.RequestID)
		numbers[n] = true
	}
	if len(numbers) < 2 {
		return false
	}
	for _, row := range unspanned {
		if r := &j.rows[row]; j.arrivedWith(r, first) {
			_, n, _ := vllm.SeveralOf(r.RequestID)
			numbers[n] = true
		}
	}
	return gapless(numbers, len(numbers))
}

// arrivedWith reports whether a row that only lines know began with another, and at a place that may be the same.
func (j *joiner) arrivedWith(r, other *Request) bool {
	return r.Time.Sub(other.Time).Abs() <= batchArrival && !j.elsewhere(other.Origin, r.Origin)
}

// adopt adds the conversations that only lines know to the batches that their siblings prove, with the caller of these.
func (j *joiner) adopt(proven map[int32]string, unspanned map[string][]int32) {
	if len(unspanned) == 0 {
		return
	}
	siblings := map[string][]int32{}
	for row, response := range proven {
		if j.rows[row].Span != nil && len(unspanned[response]) > 0 {
			siblings[response] = append(siblings[response], row)
		}
	}
	for response, family := range siblings {
		slices.Sort(family) // not in the order of the map
		j.handOver(family, unspanned[response], func(row int32) { proven[row] = response })
	}
}

// adoptItems gives those items of a call that only lines know, because they were cut short while others were done, the caller of
// these. The endpoint numbers each of its requests, so that the ids say which are of one response.
func (j *joiner) adoptItems() {
	missing := map[string][]int32{}
	for i := range j.rows {
		if r := &j.rows[i]; r.Span == nil && r.Call == nil && r.Caller == nil && vllm.Numbers(r.RequestID) {
			response := vllm.ResponseID(r.RequestID)
			missing[response] = append(missing[response], ordinal(i))
		}
	}
	if len(missing) == 0 {
		return
	}
	siblings := map[string][]int32{}
	for i := range j.rows {
		r := &j.rows[i]
		if r.Span == nil || r.Span.ParentSpanID == "" || r.Call == nil && r.Caller == nil || !coversOneCall(r) {
			continue
		}
		if response := vllm.ResponseID(r.RequestID); missing[response] != nil {
			siblings[response] = append(siblings[response], ordinal(i))
		}
	}
	for response, family := range siblings {
		j.handOver(family, missing[response], func(int32) {})
	}
}

// handOver gives rows that only lines know the caller of the sibling that they arrived with, and names each to given. A row whose id
// a sibling has, or another such row as well, is of another try.
func (j *joiner) handOver(family, unspanned []int32, given func(row int32)) {
	for _, row := range unspanned {
		r := &j.rows[row]
		with := slices.IndexFunc(family, func(s int32) bool { return j.arrivedWith(r, &j.rows[s]) })
		if with < 0 {
			continue
		}
		sibling := &j.rows[family[with]]
		twice := func(other int32) bool {
			o := &j.rows[other]
			return other != row && o.RequestID == r.RequestID && j.arrivedWith(r, o)
		}
		if slices.ContainsFunc(family, twice) || slices.ContainsFunc(unspanned, twice) {
			continue
		}
		r.Caller, r.Call, r.Root = sibling.Caller, sibling.Call, sibling.Root
		r.TraceID = cmp.Or(r.TraceID, sibling.TraceID) // one call, or one traceparent
		r.Signals |= SignalTrace
		given(row)
	}
}

// coversOneCall reports whether the caller of a row stands for one HTTP request: a call to a model, or a client's.
func coversOneCall(r *Request) bool {
	c := cmp.Or(r.Call, r.Caller)
	return c.Inference || c.SpanID == r.Span.ParentSpanID && (c.Kind == evidence.KindClient || strings.Contains(c.Operation, "/chat/completions"))
}
