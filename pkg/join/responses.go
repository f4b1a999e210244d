package join

import (
	"cmp"
	"slices"
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
	x.collect(wanted, func(id string) (string, bool) {
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
		x.collect(missing, func(id string) (string, bool) {
			r, _, ok := vllm.SeveralOf(id)
			return r, ok
		})
		for id, ks := range missing {
			if j.oneArrival(x, ks) {
				wanted[id] = ks
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
	}
}

// collect finds the keys of the responses that are wanted, in an order that does not hang on the map's.
func (x *keyIndex) collect(wanted map[string][]int32, responseOf func(id string) (string, bool)) {
	for id, k := range x.byID {
		if r, ok := responseOf(id); ok {
			if ks, found := wanted[r]; found {
				wanted[r] = append(ks, k)
			}
		}
	}
	for _, ks := range wanted {
		slices.Sort(ks)
	}
}

// batchArrival is how far apart the conversations of one batch may begin: the API server hands them over one after another,
// each when it is tokenised.
const batchArrival = 250 * time.Millisecond

// oneArrival reports whether keys look like the parts of one HTTP request: numbered from 0 without a gap, and begun at about
// the same time in one place.
func (j *joiner) oneArrival(x *keyIndex, keys []int32) bool {
	if len(keys) < 2 {
		return false
	}
	numbers := map[int]bool{}
	var first *Request
	for _, k := range keys {
		row := x.keys[k].firstRow
		if row == none {
			return false
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
	}
	return gapless(numbers, len(keys))
}

func gapless(numbers map[int]bool, n int) bool {
	for i := range n {
		if !numbers[i] {
			return false
		}
	}
	return true
}

// batches finds the rows whose ids an endpoint numbered, where evidence proves that: a call that covers all of them, the id of
// the HTTP response or of the client, or the very moment at which the API server took all of them in. Elsewhere the number is
// what the client sent. It gives the response of each such row.
func (j *joiner) batches() map[int32]string {
	type family struct{ response, parent string }
	families := map[family][]int32{}
	out, known := map[int32]string{}, map[int32]bool{}
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
			if r.Span != nil && r.Span.ParentSpanID != "" && r.Root == nil { // one traceparent, of a caller that exports elsewhere
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
		numbers := map[int]bool{}
		first := j.rows[rows[0]].Time
		for _, row := range rows {
			_, n, _ := vllm.SeveralOf(j.rows[row].RequestID)
			if numbers[n] = true; j.rows[row].Time.Sub(first).Abs() > batchArrival { // used again
				clear(numbers)
				break
			}
		}
		if len(numbers) > 1 && gapless(numbers, len(numbers)) {
			for _, row := range rows {
				if !known[row] {
					out[row] = f.response
				}
			}
		}
	}
	return out
}

// coversOneCall reports whether the caller of a row stands for one HTTP request: a call to a model, or a client's.
func coversOneCall(r *Request) bool {
	c := cmp.Or(r.Call, r.Caller)
	return c.Inference || c.SpanID == r.Span.ParentSpanID && (c.Kind == evidence.KindClient || strings.Contains(c.Operation, "/chat/completions"))
}
