package join

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// A beam search is one request to whoever sent it, and one request per beam and step to the engine: eight tokens with two
// beams are fifteen engine spans, each with an id of its own (`cmpl-B-<16 hex>-beam-<k>`). The join makes one row of them.

// search is a beam search that one row stands for.
type search struct {
	spans, steps int
}

// idleStep is how long a beam search may pause between two steps: the API server ranks some hundred candidates in between.
const idleStep = 5 * time.Second

// beamSearches puts one span into the place of those of a beam search, and files its lines under the search's own id. The
// input is not changed. It returns the searches by the span that stands for them.
func beamSearches(in *Input) map[*evidence.RequestSpan]search {
	in.Events = withoutBeams(in.Events)
	type group struct{ id, parent string }
	groups := map[group][]int32{}
	var order []group
	for i := range in.Spans {
		s := &in.Spans[i]
		id, ok := beamOf(s.RequestID)
		if !ok {
			continue
		}
		g := group{id, s.ParentSpanID}
		if groups[g] == nil {
			order = append(order, g)
		}
		groups[g] = append(groups[g], ordinal(i))
	}
	if len(groups) == 0 {
		return nil
	}
	spans := make([]evidence.RequestSpan, 0, len(in.Spans))
	for i := range in.Spans {
		if _, beam := beamOf(in.Spans[i].RequestID); !beam {
			spans = append(spans, in.Spans[i])
		}
	}
	var found []search
	for _, g := range order {
		for _, beams := range oneSearchEach(in.Spans, groups[g]) {
			span, what := searchSpan(in.Spans, beams, g.id)
			spans, found = append(spans, span), append(found, what)
		}
	}
	in.Spans = spans
	out := make(map[*evidence.RequestSpan]search, len(found))
	for i := range found {
		out[&spans[len(spans)-len(found)+i]] = found[i]
	}
	return out
}

func beamOf(id string) (search string, ok bool) {
	if !strings.Contains(id, "-beam-") {
		return "", false
	}
	return vllm.BeamResponseID(id)
}

// oneSearchEach cuts the beams of one id and one parent into searches: a client may use an id again. The first step of a
// search has one beam, the further ones several.
func oneSearchEach(spans []evidence.RequestSpan, beams []int32) [][]int32 {
	slices.SortFunc(beams, func(a, b int32) int {
		return cmp.Or(spans[a].Start.Compare(spans[b].Start), strings.Compare(spans[a].SpanID, spans[b].SpanID))
	})
	size := map[string]int{} // of a step
	for _, i := range beams {
		size[stepOf(spans[i].RequestID)]++
	}
	var out [][]int32
	var end time.Time
	step, grown := "", false
	for _, i := range beams {
		s := &spans[i]
		this := stepOf(s.RequestID)
		first := this != step && size[this] == 1 && grown
		if n := len(out); n == 0 || s.Start.Sub(end) > idleStep || first || s.Origin != spans[out[n-1][0]].Origin {
			out, grown, end = append(out, nil), false, time.Time{}
		}
		step, grown = this, grown || size[this] > 1
		out[len(out)-1] = append(out[len(out)-1], i)
		if e := s.End(); e.After(end) {
			end = e
		}
	}
	return out
}

func stepOf(id string) string {
	_, step, _ := vllm.CutBeam(id)
	return step
}

// searchSpan is a span for a whole search: it waits and prefills as its first step does, and decodes from then on.
func searchSpan(spans []evidence.RequestSpan, beams []int32, id string) (evidence.RequestSpan, search) {
	out := spans[beams[0]]
	end, steps := out.End(), map[string]bool{}
	e2e := evidence.NaN
	out.CompletionTokens = 0
	for _, i := range beams {
		s := &spans[i]
		steps[stepOf(s.RequestID)] = true
		if e := s.End(); e.After(end) {
			end = e
		}
		if until := s.Start.Sub(out.Start).Seconds() + s.E2E; !(until <= e2e) {
			e2e = until
		}
		if s.CompletionTokens > 0 {
			out.CompletionTokens += s.CompletionTokens
		}
		out.Error = cmp.Or(out.Error, s.Error)
	}
	out.RequestID, out.MaxTokens = id, evidence.Unknown // each step says 1
	out.Duration = end.Sub(out.Start).Seconds()
	if out.E2E = e2e; e2e != e2e {
		out.E2E = out.Duration
	}
	out.Decode = out.E2E - out.TTFT // NaN when the first token's time is
	out.Note = fmt.Sprintf("a beam search: %d requests of the engine in %d steps; completion_tokens are those of all beams", len(beams), len(steps))
	return out, search{spans: len(beams), steps: len(steps)}
}

// withoutBeams gives the lines of beams, and the one that begins a search, the search's own id.
func withoutBeams(events []evidence.RequestEvent) []evidence.RequestEvent {
	owned := false
	for i := range events {
		id, beam := beamOf(events[i].External)
		switch {
		case beam:
		case events[i].Beams:
			id = vllm.BeamSearchID(events[i].External)
		default:
			continue
		}
		if !owned {
			events, owned = slices.Clone(events), true
		}
		e := &events[i]
		e.External, e.ID, e.Form, e.Beams = id, id, vllm.IDExternal, true
	}
	return events
}
