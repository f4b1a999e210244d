package loki

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// maxEngineLines is how many lines one query reads for events of engines. A death writes some ten that are looked for, a
// start one: this is a fleet of hundreds that fell over again and again.
const maxEngineLines = 20_000

// EngineLines gives the lines of a window that tell of these events, in order of time. Loki looks for their words; only
// lines that have them are read.
func (c *Client) EngineLines(ctx context.Context, window evidence.Window, scope vllm.Scope, events []vllm.EngineEvent) ([]evidence.EngineLine, evidence.StoreReport) {
	if len(events) == 0 {
		return nil, evidence.StoreReport{Store: evidence.Loki, Configured: true}
	}
	wanted := map[vllm.EngineEvent]bool{}
	for _, e := range events {
		wanted[e] = true
	}
	reader := newReader(ctx, c, func(page []entry) []evidence.EngineLine { return engineLines(page, placesOf(c.labels), wanted) })
	reader.budget = min(reader.budget, maxEngineLines)
	var queries []query
	scopes := c.parts(ctx, scope)
	for _, part := range scopes {
		queries = append(queries, engineQuery(c.selector.within(part, c.labels), events))
	}
	lines, report := reader.all(ctx, queries, intervals(window))
	if c.again(ctx, report.Err, scope, len(scopes)) {
		return c.EngineLines(ctx, window, scope, events)
	}
	if len(queries) > 1 {
		slices.SortStableFunc(lines, func(a, b evidence.EngineLine) int { return a.Time.Compare(b.Time) })
	}
	return lines, report
}

// clientLines hold what clients send and models answer: they are many, and their words are not the engine's.
const clientLines = `Received request |Generated response `

// engineQuery finds lines with the words of events. Like requestLines they are plain text all, so that Loki searches for
// substrings.
func engineQuery(s selector, events []vllm.EngineEvent) query {
	texts := vllm.EngineEventTexts(events...)
	for i, text := range texts {
		texts[i] = regexp.QuoteMeta(text)
	}
	q := query{selector: s}
	q.match(strings.Join(texts, "|"))
	q.drop(clientLines)
	return q
}

// engineLines reads a page's lines, and keeps nothing of those that tell nothing.
func engineLines(page []entry, p places, wanted map[vllm.EngineEvent]bool) []evidence.EngineLine {
	var lines []evidence.EngineLine
	origins := originCache{places: p}
	for _, e := range page {
		parsed := vllm.ParseLogLine(e.Line)
		for _, line := range evidence.NewEngineLines(e.Timestamp, origins.of(e), &parsed) {
			if wanted[line.Event] {
				lines = append(lines, line)
			}
		}
	}
	return lines
}
