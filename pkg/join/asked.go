package join

import (
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ownLines are the lines that were given to a row.
type ownLines struct{ events []*evidence.RequestEvent }

func (r *Request) remember(e *evidence.RequestEvent) {
	if r.lines == nil {
		r.lines = &ownLines{}
	}
	r.lines.events = append(r.lines.events, e)
}

// Of gives the rows that an id means which was asked for: a request's by any of its spellings, what the client sent, or a
// trace's id. Of two readings of one text the first that any row has is followed, so that an id never brings up somebody
// else's request. The join needs Input.WithLines.
func (j Joined) Of(id string) []Request {
	ids := []string{id}
	if sent := vllm.HeaderText(id); sent != id {
		ids = append(ids, sent)
	}
	for _, means := range []func(*Request, string) bool{(*Request).carries, j.inBatch(ids), (*Request).readsAs} {
		var out []Request
		for i := range j.Rows {
			r := &j.Rows[i]
			if slices.ContainsFunc(ids, func(id string) bool { return means(r, id) }) {
				out = append(out, *r)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// carries reports whether an id is one of a row's own, as it is.
func (r *Request) carries(id string) bool {
	switch {
	case id == r.RequestID, id == r.ClientRequestID, sameTrace(id, r.TraceID), r.named(id), r.isAbove(id):
		return true
	case r.RequestID == "": // a call that vLLM gave no id
		client, ours := vllm.ClientRequestID(id)
		return ours && client == r.ClientRequestID
	}
	if id == r.engineBase("") { // what a router sent to vLLM
		return true
	}
	if whole := vllm.ExternalFromChild(id); whole != id && whole == r.RequestID {
		return true
	}
	if response := vllm.ResponseID(r.RequestID); id == response {
		return true
	}
	for _, call := range []*evidence.CallerSpan{r.Call, r.Caller} {
		for ; call != nil; call = call.Outer {
			if call.RequestID == id {
				return true
			}
		}
	}
	return false
}

// isAbove reports whether spans above the engine's have this id of the request.
func (r *Request) isAbove(id string) bool {
	sent, gateway := r.idsAbove()
	return id == sent || id == gateway
}

// named reports whether a line gives the row this id.
func (r *Request) named(id string) bool {
	return r.lines != nil && slices.ContainsFunc(r.lines.events, func(e *evidence.RequestEvent) bool {
		return e.ID == id || vllm.ExternalFromChild(e.ID) == id
	})
}

// sameTrace compares trace ids, which some write without the zeros in front.
func sameTrace(a, b string) bool {
	return b != "" && strings.EqualFold(strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0"))
}

// inBatch finds the conversations of a batch by the id of its response, or by what the client sent, where no call proves that
// they are one: numbered from 0 without a gap, and begun together.
func (j Joined) inBatch(ids []string) func(*Request, string) bool {
	families := map[string][]*Request{}
	for i := range j.Rows {
		r := &j.Rows[i]
		response, _, ok := vllm.SeveralOf(r.RequestID)
		client, _ := vllm.ClientFromResponse(response)
		if ok && (slices.Contains(ids, response) || slices.Contains(ids, client)) {
			families[response] = append(families[response], r)
		}
	}
	for response, rows := range families {
		numbers := map[int]bool{}
		for _, r := range rows {
			_, n, _ := vllm.SeveralOf(r.RequestID)
			numbers[n] = true
			if r.Time.Sub(rows[0].Time).Abs() > batchArrival {
				delete(families, response)
			}
		}
		if len(numbers) < 2 || !gapless(numbers, len(numbers)) {
			delete(families, response)
		}
	}
	return func(r *Request, _ string) bool {
		response, _, ok := vllm.SeveralOf(r.RequestID)
		return ok && families[response] != nil
	}
}

// readsAs reports whether an id may be the engine's own name of a row whose lines, if there are any, do not name it otherwise.
func (r *Request) readsAs(id string) bool {
	external, ok := vllm.InternalReading(id)
	if !ok || external != r.RequestID {
		return false
	}
	return r.lines == nil || !slices.ContainsFunc(r.lines.events, func(e *evidence.RequestEvent) bool { return e.Form == vllm.IDInternal })
}

// Own tells lines of a row from lines of other rows of the join that carry the same id. The join needs Input.WithLines.
func (j Joined) Own(r *Request) func(at time.Time, e *vllm.LogEvent) bool {
	type written struct {
		at int64
		id string
	}
	others := map[written]bool{}
	for i := range j.Rows {
		if other := &j.Rows[i]; other.lines != nil && other.lines != r.lines {
			for _, e := range other.lines.events {
				others[written{e.UnixNano, e.ID}] = true
			}
		}
	}
	if r.lines != nil {
		for _, e := range r.lines.events {
			delete(others, written{e.UnixNano, e.ID})
		}
	}
	return func(at time.Time, e *vllm.LogEvent) bool {
		return e.RequestID == "" || !others[written{at.UnixNano(), e.RequestID}]
	}
}
