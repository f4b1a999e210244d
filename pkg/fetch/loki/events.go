package loki

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// MaxNarrowedIDs is up to how many ids Loki is asked to look for. Beyond it, reading all requests' lines costs less than
	// searching every line for each id.
	MaxNarrowedIDs = 256
	// maxStemBytes bounds the ids of one query, so that its URL stays within the 8 KiB that proxies take.
	maxStemBytes = 2048
)

// RequestFilter narrows RequestEvents.
type RequestFilter struct {
	// IDs, in any spelling, narrow the search: every line about one of these requests is in the answer, and others may be.
	// Empty means all. Up to MaxNarrowedIDs are looked for by Loki itself; with more, or with one that a line's wrapper may
	// have escaped from end to end, all requests' lines are read.
	IDs []string
	// Newest, when it is not 0, is how many lines are read at most, without IDs: the newest ones. The report is truncated when there
	// may be more.
	Newest int
}

// RequestEvents gives what the windows' lines tell of requests, in the order of the windows and of time within each. Windows
// should not overlap (evidence.MergeWindows): a line in two of them comes twice. The report says what was not seen; events
// that came before a failure are kept beside its error.
//
// Lines that vLLM writes for every streamed token are left out, but for each stream's last.
func (c *Client) RequestEvents(ctx context.Context, windows []evidence.Window, scope vllm.Scope, filter RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport) {
	parts := newPartReader()
	reader := newReader(ctx, c, func(page []entry) []evidence.RequestEvent { return requestEvents(page, placesOf(c.labels), parts) })
	batches := batchTexts(filter.IDs)
	scope, err := c.inOwnWords(ctx, windows, scope)
	if err != nil {
		return nil, evidence.StoreReport{Store: evidence.Loki, Configured: true, Err: err}
	}
	if filter.Newest > 0 {
		return c.newestEvents(ctx, windows, scope, filter.Newest)
	}
	var queries []query
	scopes := c.parts(ctx, scope)
	for _, part := range scopes {
		for _, stems := range batches {
			queries = append(queries, requestQuery(c.selector.within(part, c.labels), stems))
		}
	}
	events, report := reader.all(ctx, queries, intervals(windows...))
	if c.again(ctx, report.Err, scope, len(scopes)) {
		return c.RequestEvents(ctx, windows, scope, filter)
	}
	events = parts.settle(events)
	report.Lines = parts.lines
	if len(queries) > 1 { // a line may name ids of two batches
		events = sortedOnce(events)
	}
	return events, report
}

// batchTexts gives what to look for so that every line about these requests is found, in parts that fit into one query each.
// One empty part means: all requests.
func batchTexts(ids []string) [][]string {
	if len(ids) == 0 || len(ids) > MaxNarrowedIDs {
		return [][]string{nil}
	}
	stems, ok := vllm.NewRequestIDSet(ids...).SentenceTexts()
	if !ok || len(stems) == 0 || len(stems) > MaxNarrowedIDs {
		return [][]string{nil}
	}
	var batches [][]string
	begin, size := 0, 0
	for i, stem := range stems {
		if size+len(stem) > maxStemBytes && i > begin {
			batches = append(batches, stems[begin:i])
			begin, size = i, 0
		}
		size += len(stem) + 1
	}
	return append(batches, stems[begin:])
}

// requestEvents reads a page's lines. Nothing of a line stays in memory but its ids and what it tells: lines hold prompts.
func requestEvents(page []entry, p places, parts *partReader) []evidence.RequestEvent {
	events := make([]evidence.RequestEvent, 0, len(page))
	origins := originCache{places: p}
	dropped := false
	through := parts.page()
	defer parts.done(through)
	for _, e := range page {
		parsed := vllm.ParseLogLine(e.Line)
		if through.part(e, &parsed) {
			through.finish(e, &parsed, events)
			continue
		}
		if further, drop := through.goesOn(e.stream, &parsed); further {
			through.lines.Parts++
			for _, i := range drop {
				events[i].External = ""
				dropped = true
			}
			continue
		}
		through.opens(e.stream, &parsed, -1)
		if parsed.External == "" || parsed.Kind == vllm.LogDelta && parsed.FinishReason == "" {
			continue
		}
		at, origin := e.Timestamp, origins.of(e)
		more := parsed.MoreIDs
		var told map[string]bool // a line that names several sequences of a request is one line of that request
		if len(more) > 0 {
			told = make(map[string]bool, 1+len(more))
		}
		for {
			if !told[parsed.External] {
				detach(&parsed)
				if event, ok := evidence.NewRequestEvent(at, origin, &parsed); ok {
					event.Stream = e.stream.id
					events = append(events, event)
					if parsed.Cut {
						through.open[e.stream] = len(events) - 1
					}
					through.opens(e.stream, &parsed, len(events)-1)
				}
			}
			if len(more) == 0 {
				break
			}
			told[parsed.External] = true
			parsed.RequestID, more = more[0], more[1:]
			parsed.External, _ = vllm.ExternalFromInternal(parsed.RequestID)
		}
	}
	if dropped {
		events = slices.DeleteFunc(events, func(e evidence.RequestEvent) bool { return e.External == "" })
	}
	return events
}

// detach copies what an event keeps out of the line. External is nearly always a part of RequestID: one copy serves both.
func detach(e *vllm.LogEvent) {
	at := strings.Index(e.RequestID, e.External)
	e.RequestID = strings.Clone(e.RequestID)
	if at >= 0 {
		e.External = e.RequestID[at : at+len(e.External)]
	} else {
		e.External = strings.Clone(e.External)
	}
	e.LoRA = strings.Clone(e.LoRA)
	e.Error = strings.Clone(e.Error)
	e.FinishReason = internReason(e.FinishReason)
}

// internReason gives the constant for vLLM's own finish reasons.
func internReason(reason string) string {
	switch reason {
	case "stop":
		return "stop"
	case "length":
		return "length"
	case "abort":
		return "abort"
	case "error":
		return "error"
	case "tool_calls":
		return "tool_calls"
	}
	return strings.Clone(reason)
}

// sortedOnce puts the events of several queries over the same windows in order of time and removes doubles.
func sortedOnce(events []evidence.RequestEvent) []evidence.RequestEvent {
	slices.SortStableFunc(events, func(a, b evidence.RequestEvent) int {
		switch {
		case a.UnixNano != b.UnixNano:
			return int(min(1, max(-1, a.UnixNano-b.UnixNano)))
		case a.ID != b.ID:
			return strings.Compare(a.ID, b.ID)
		case a.Kind != b.Kind:
			return int(a.Kind) - int(b.Kind)
		default:
			return cmp.Or(cmp.Compare(a.Content, b.Content), cmp.Compare(a.Stream, b.Stream))
		}
	})
	return slices.CompactFunc(events, func(a, b evidence.RequestEvent) bool {
		return a.UnixNano == b.UnixNano && a.ID == b.ID && a.Kind == b.Kind && a.Content == b.Content && a.Stream == b.Stream && *a.Origin == *b.Origin
	})
}
