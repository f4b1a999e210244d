package loki

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/grafana/loki/pkg/push"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// LineFilter narrows Lines and Volume. Empty fields match everything; all that are set must match.
type LineFilter struct {
	Levels    []vllm.LogLevel // any of them
	Process   string          // as vLLM names it, such as EngineCore_DP0
	Logger    string          // file of the log call, such as async_llm.py
	Engine    string          // data-parallel rank, such as 0
	RequestID string          // in any spelling
	Contains  string          // text, exactly
	Regex     string          // RE2
	// Where compares what a line says of itself (KeyProcess, KeyLogger, an engine) and labels, those of streams and those of
	// single lines.
	Where []vllm.Condition
	// Stream keeps to the streams that have all of these labels.
	Stream map[string]string
	// Own, with RequestID, tells lines of that request from those of another that carry the same id.
	Own func(at time.Time, e *vllm.LogEvent) bool
}

// Keys of conditions on what a line says of itself. Such a condition is on whole values: Is or IsNot.
const (
	KeyProcess = "process"
	KeyLogger  = "logger"
)

// Order of lines by time.
type Order bool

// The orders.
const (
	NewestFirst Order = false
	OldestFirst Order = true
)

// keeps settles what LogQL cannot tell: which request an id-like text names, and which word of a line is its level. It
// needs to read a line only where the query could have found too much.
func (f LineFilter) keeps(at time.Time, line string, ids vllm.RequestIDSet) bool {
	if f.RequestID != "" && !ids.In(line) {
		return false
	}
	if len(f.Levels) == 0 && f.Own == nil {
		return true
	}
	event := vllm.ParseLogLine(line)
	return (f.Own == nil || f.Own(at, &event)) && (len(f.Levels) == 0 || slices.Contains(f.Levels, event.Level))
}

// settled reports whether the query alone finds exactly what the filter means.
func (f LineFilter) settled() bool { return f.RequestID == "" && len(f.Levels) == 0 }

// Lines gives up to limit lines of the window, in order; the report is truncated when there are more.
func (c *Client) Lines(ctx context.Context, window evidence.Window, scope vllm.Scope, filter LineFilter, limit int, order Order) ([]evidence.LogLine, evidence.StoreReport) {
	report := evidence.StoreReport{Store: evidence.Loki, Configured: true}
	ids := vllm.NewRequestIDSet(filter.RequestID)
	if filter.RequestID != "" && ids.Len() == 0 {
		return nil, report
	}
	if ids.MayBeEngines() && !c.nameOfEngine(ctx, window, scope, filter.RequestID, &report) {
		ids = ids.WithoutEngines()
	}
	limit = min(limit, c.limits.LogLines)
	pieces := intervals(window)
	if order == NewestFirst {
		slices.Reverse(pieces)
	}
	var lines []evidence.LogLine
	parts := c.parts(ctx, scope)
	for _, part := range parts {
		search := lineSearch{
			client: c, decoder: newDecoder(placesOf(c.labels)), query: lineQuery(c.selector.within(part, c.labels).of(filter.Stream), filter),
			filter: filter, ids: ids, limit: limit, order: order, report: &report,
			bound: c.linesPerCall.Of(ctx),
		}
		for _, within := range pieces {
			if !search.read(ctx, within) {
				break
			}
		}
		lines = append(lines, search.lines...)
	}
	if c.again(ctx, report.Err, scope, len(parts)) {
		return c.Lines(ctx, window, scope, filter, limit, order)
	}
	if len(parts) > 1 {
		lines = merge(lines, limit, order)
	}
	report.Seen = len(lines)
	return lines, report
}

// merge puts the lines of several queries in order, and keeps as many as were asked for.
func merge(lines []evidence.LogLine, limit int, order Order) []evidence.LogLine {
	slices.SortStableFunc(lines, func(a, b evidence.LogLine) int {
		if order == NewestFirst {
			a, b = b, a
		}
		return a.Time.Compare(b.Time)
	})
	return lines[:min(limit, len(lines))]
}

// enoughToName is how many lines are read to learn in which places an id is written.
const enoughToName = 200

// nameOfEngine reports whether lines tell that an id is the engine's own name of a request: a client's id may look like one,
// and then the request that it would name is somebody else's.
func (c *Client) nameOfEngine(ctx context.Context, window evidence.Window, scope vllm.Scope, id string, report *evidence.StoreReport) bool {
	q := query{selector: c.selector.within(scope, c.labels)}
	text := vllm.SearchText(id)
	if text == "" {
		return false
	}
	q.contain(text)
	proven := false
	for _, within := range intervals(window) {
		page, held, call, err := c.callLines(ctx, newDecoder(placesOf(c.labels)), q, within, min(enoughToName, c.linesPerCall.Of(ctx).Value()), NewestFirst)
		report.Calls = append(report.Calls, call)
		if err != nil {
			return false // the search itself will say why
		}
		for _, e := range page {
			event := vllm.ParseLogLine(e.Line)
			for _, written := range append(event.MoreIDs, event.RequestID) {
				written = vllm.ExternalFromChild(written)
				external, _ := vllm.ExternalFromInternal(written)
				switch {
				case event.IDForm != vllm.IDInternal && written == id, event.IDForm == vllm.IDInternal && external == id:
					return false
				case event.IDForm == vllm.IDInternal && written == id:
					proven = true
				}
			}
		}
		memory.Of(ctx).Give(held)
	}
	return proven
}

// lineSearch reads page after page until there are enough lines. One more than enough is read, to know whether to say that
// there are more.
type lineSearch struct {
	client  *Client
	decoder *decoder
	query   query
	filter  LineFilter
	ids     vllm.RequestIDSet
	limit   int
	order   Order
	report  *evidence.StoreReport
	bound   *memo.Limit // of one call

	short shortened
	lines []evidence.LogLine
	seen  int // lines read, those that were dropped included
}

// read goes through one interval; it reports whether to go on with the next.
func (s *lineSearch) read(ctx context.Context, within interval) bool {
	for within.from < within.to {
		if s.seen >= s.client.limits.LogLines {
			s.truncate(fmt.Sprintf("Loki holds more log lines than the %d that one query reads: %d of those read match.", s.client.limits.LogLines, len(s.lines)))
			return false
		}
		size := s.client.pageLines(ctx, s.bound)
		if s.filter.settled() {
			size = min(size, s.limit-len(s.lines)+1)
		}
		size = max(size, 2) // a page of one line could never be settled
		found, err := s.client.askPage(ctx, s.decoder, s.query, within, s.short.cut(size), s.order)
		size = found.limit
		s.short.learn(found)
		if err != nil && lowerLimit(s.bound, err, size) {
			continue
		}
		s.report.Calls = append(s.report.Calls, found.calls...)
		if err != nil {
			s.report.Err = err
			return false
		}
		if found.long != 0 {
			s.truncate(s.client.longReason(found.long))
			within = within.behind(found.long, s.order)
			continue
		}
		rest, more := s.take(ctx, found, within, size)
		memory.Of(ctx).Give(found.held) // what is kept of the page is charged by itself
		if !more {
			return rest.from == rest.to
		}
		within = rest
	}
	return true
}

// take adds what came of an interval. It gives what is left of the interval, empty when all of it was read, and reports whether to read
// on there.
func (s *lineSearch) take(ctx context.Context, found portion, within interval, size int) (rest interval, more bool) {
	page := found.lines
	s.seen += len(page)
	// With enough it does not matter whether the last nanosecond is complete.
	if whole := len(page) < size; whole || s.filter.settled() && len(s.lines)+len(page) > s.limit {
		if s.add(ctx, page) {
			return interval{}, false
		}
		return within, false
	}
	settled, rest, tied := found.settle(within, s.order)
	if tied {
		s.truncate(tiedReason(1, size))
	}
	if !s.add(ctx, settled) {
		return within, false
	}
	return rest, true
}

// add takes lines that pass the filter; it reports whether there is room for more.
func (s *lineSearch) add(ctx context.Context, page []entry) bool {
	account := memory.Of(ctx)
	origins := originCache{places: s.decoder.places}
	metadata := metadataMaps{}
	for _, e := range page {
		if !s.filter.keeps(e.Timestamp, e.Line, s.ids) {
			continue
		}
		if len(s.lines) == s.limit {
			s.truncate(fmt.Sprintf("Loki holds more matching lines than the %d asked for.", s.limit))
			return false
		}
		if err := account.Take(ctx, int64(lineCost+2*len(e.Line)+max(0, labelCopies*e.labelBytes()-lineCost))); err != nil {
			s.report.Err = upstream.NotHeld(evidence.Loki, err)
			return false
		}
		s.lines = append(s.lines, evidence.LogLine{
			Time: e.Timestamp, Line: e.Line, Origin: origins.of(e), Labels: e.stream.labels, Metadata: metadata.of(e.StructuredMetadata),
		})
	}
	return true
}

// lineCost, in bytes, is what a line is charged beside its text.
const lineCost = 512

// labelCopies is how often the labels of a line lie in memory, all of them at each line: in the answer's frame, and as what is sent.
const labelCopies = 4

// labelBytes is how long a line's labels and metadata are, written out.
func (e *entry) labelBytes() (bytes int) {
	const quotes = 6
	bytes = e.stream.length
	for _, l := range e.StructuredMetadata {
		bytes += len(l.Name) + len(l.Value) + quotes
	}
	return bytes
}

// metadataMaps are the metadata of a page's lines as maps: lines that have the same share one.
type metadataMaps map[*push.LabelAdapter]map[string]string

func (m metadataMaps) of(labels push.LabelsAdapter) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	known, ok := m[&labels[0]]
	if !ok {
		known = labelMap(labels)
		m[&labels[0]] = known
	}
	return known
}

// labelMap is metadata as a map; nil when there is none. Of a name that comes twice the last value counts.
func labelMap(labels push.LabelsAdapter) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	out := make(map[string]string, len(labels))
	for _, l := range labels {
		out[l.Name] = l.Value
	}
	return out
}

func (s *lineSearch) truncate(reason string) {
	s.report.Truncated = true
	if s.report.Reason == "" {
		s.report.Reason = reason
	}
}
