package fetch

import (
	"context"
	"fmt"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Some storages lose spans in a search that they give when asked for by id. Cassandra's index of a service's operation has one
// row for each microsecond: of the spans that begin in one, it finds one.
const (
	// lossProbes is how many requests that lines know and no span explains are looked for by id, to see whether the search lost them.
	lossProbes = 16
	// maxRecovered bounds how many are looked for by id: each costs a call for each engine service.
	maxRecovered = 1000
	// fewMissing spans are no loss: a request that ends with the window is on either side of it.
	fewMissing = 5
)

// checkSpansMissing is a finding of spans that a search left out.
const checkSpansMissing = "spans_missing"

// recover looks for engine spans that the search left out: by the ids of requests that lines say to be finished, or, where no
// line names a request, by any name of a span, which storages index apart. expected is the engines' own count.
func (g *gather) recover(ctx context.Context, expected int) {
	if g.Traces == nil || g.traces.Err != nil || g.traces.Truncated || len(g.in.Spans) == 0 {
		return
	}
	loses, known := g.loses.Peek(ctx, struct{}{})
	if known && !loses {
		return
	}
	missing := g.unexplained()
	found, lost := 0, len(missing)
	switch {
	case lost > 0:
		ids := missing
		if !known { // a few, from all over the window
			ids = spread(missing, lossProbes)
		}
		if found = g.findMissing(ctx, ids); found > 0 && len(ids) < len(missing) {
			rest := slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(ids, id) })
			found += g.findMissing(ctx, rest[:min(len(rest), maxRecovered)])
		}
	case !hasIDs(g.in.Events) && expected-expected/50-fewMissing > len(g.in.Spans):
		lost = expected - len(g.in.Spans)
		found = g.findByAnyName(ctx, expected)
	default:
		return
	}
	g.loses.Put(ctx, struct{}{}, found > 0)
	if found > 0 {
		g.traces.Findings = evidence.MergeFindings(g.traces.Findings, []evidence.Finding{spansMissing(found, lost)})
	}
}

func spansMissing(found, lost int) evidence.Finding {
	f := evidence.Finding{
		Check: checkSpansMissing, Value: float64(max(lost-found, 0)),
		Found: fmt.Sprintf("Jaeger's search left out %d requests that it has; they were found another way", found),
		Fix:   "Know that Cassandra finds one span of a service and operation per microsecond; Elasticsearch, OpenSearch, ClickHouse and Badger find all.",
	}
	if lost > found {
		f.Found += fmt.Sprintf(", %d others were not", lost-found)
	}
	f.Found += "."
	return f
}

// unexplained lists the ids of requests that lines say to be finished and that no span explains, in the order of time.
func (g *gather) unexplained() []string {
	have := make(map[string]bool, len(g.in.Spans))
	for i := range g.in.Spans {
		id := vllm.ExternalFromChild(g.in.Spans[i].RequestID)
		have[id], have[vllm.ResponseID(id)] = true, true // outputs are logged under the response's id
	}
	type missed struct {
		id string
		at int64
	}
	var out []missed
	// Lines that are dated otherwise than spans may be of requests of before the window, or of after it.
	inside := evidence.Window{From: g.ask.Window.From.Add(g.late), To: g.ask.Window.To.Add(g.early)}
	for i := range g.in.Events {
		e := &g.in.Events[i]
		if (e.Kind == vllm.LogGenerated || e.Kind == vllm.LogFinished) && e.Form == vllm.IDExternal && !have[e.External] &&
			inside.Contains(e.Time()) && vllm.ComparableRequestID(e.External) {
			have[e.External] = true
			out = append(out, missed{e.External, e.UnixNano})
		}
	}
	slices.SortFunc(out, func(a, b missed) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return slices.Compare([]byte(a.id), []byte(b.id))
	})
	ids := make([]string, len(out))
	for i := range out {
		ids[i] = out[i].id
	}
	return ids
}

// hasIDs reports whether lines name requests that ended.
func hasIDs(events []evidence.RequestEvent) bool {
	return slices.ContainsFunc(events, func(e evidence.RequestEvent) bool { return e.Kind == vllm.LogGenerated || e.Kind == vllm.LogFinished })
}

// spread picks n of a list, evenly.
func spread(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, list[i*len(list)/n])
	}
	return out
}

// findMissing looks for spans by id and adds those that were not there.
func (g *gather) findMissing(ctx context.Context, ids []string) int {
	traces, report := g.Traces.FindByRequestID(ctx, g.search(0).Window, ids)
	report.Truncated, report.Reason = false, "" // what these searches did not see is among what was missing before
	return g.addSpans(traces, report)
}

// findByAnyName repeats the search without the name of the span.
func (g *gather) findByAnyName(ctx context.Context, expected int) int {
	search := g.search(expected)
	search.AnyName = true
	var traces []jaeger.Trace
	report := g.Traces.RequestSpans(ctx, search, func(t jaeger.Trace) error {
		traces = append(traces, t)
		return nil
	})
	return g.addSpans(traces, report)
}

// addSpans adds the requests of traces that are not there yet, and drops the calls that they answer.
func (g *gather) addSpans(traces []jaeger.Trace, report evidence.StoreReport) (added int) {
	type key struct{ trace, span string }
	have := make(map[key]bool, len(g.in.Spans))
	for i := range g.in.Spans {
		have[key{g.in.Spans[i].TraceID, g.in.Spans[i].SpanID}] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range traces {
		for i := range t.Requests {
			if k := (key{t.TraceID, t.Requests[i].SpanID}); !have[k] {
				have[k] = true
				g.in.Spans = append(g.in.Spans, t.Requests[i])
				added++
			}
		}
	}
	g.merge(&g.traces, report)
	return added
}
