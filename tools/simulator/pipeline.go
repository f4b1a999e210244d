package simulator

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// Pipeline is what somebody else's agents, collectors and servers do to telemetry between vLLM and the stores. Each part may be
// nil. Several follow one another: the second gets what the first ships. A pipeline may remember what it has seen, so that each
// simulation needs its own. Nothing is called by two goroutines at once.
type Pipeline struct {
	// Line gets each physical line and ships none, one or several. A line that it does not ship at all is lost: the truth of the
	// request then says so by itself (LogLines, LogLinesLost, ErrorLines). It must not change l.Stream's labels, which other lines
	// share; package world has what makes other streams.
	Line func(l telemetry.LogLine, ship func(telemetry.LogLine))

	// Trace gets each trace when all its spans are known, so that it can decide by latency or error, and gives those that go on:
	// fewer, more, or changed ones. Spans that it leaves out are lost in the truth too (EngineSpan, CallerSpan, RootSpan). It may
	// change the spans that it gets, but not their ids.
	Trace func(spans []*telemetry.Span) []*telemetry.Span

	// Scrape gets each scrape of a target and ships none, one or several: other names, labels, values, histograms.
	Scrape func(s ship.Scrape, ship func(ship.Scrape))

	// Truth gets each request's truth last, before it is recorded.
	Truth func(r *truth.Record)
}

// through takes the parts of the pipelines that there are.
func (s *sink) through(pipelines []Pipeline) {
	for _, p := range pipelines {
		if p.Line != nil {
			s.lineHooks = append(s.lineHooks, p.Line)
		}
		if p.Truth != nil {
			s.truthHooks = append(s.truthHooks, p.Truth)
		}
		if p.Scrape != nil {
			s.scrapeHooks = append(s.scrapeHooks, p.Scrape)
		}
		if p.Trace != nil {
			if s.traces == nil {
				s.traces = &traces{ship: s.shipSpan, open: map[telemetry.TraceID][]*telemetry.Span{}, settled: map[string]map[string]bool{}}
			}
			s.traces.hooks = append(s.traces.hooks, p.Trace)
		}
	}
}

// changeLine hands a line from the n-th pipeline to the next, and counts it as lost where one ships nothing.
func (s *sink) changeLine(n int, l telemetry.LogLine) {
	if n == len(s.lineHooks) {
		s.shipLine(l)
		return
	}
	copies := 0
	s.lineHooks[n](l, func(changed telemetry.LogLine) {
		if copies++; copies > 1 {
			changed.About = nil // a copy is none of the request's lines: its loss is no loss
		}
		s.changeLine(n+1, changed)
	})
	if copies == 0 && l.About != nil {
		l.About.Emitted--
		l.About.Lost++
	}
}

// changeScrape hands a scrape from the n-th pipeline to the next, and the last's to Prometheus. It counts the samples.
func (s *sink) changeScrape(ctx context.Context, n int, scrape ship.Scrape) (samples int) {
	if n == len(s.scrapeHooks) {
		s.write(ctx, s.scrapers.Take(scrape))
		return len(scrape.Samples) + 1 // and up
	}
	s.scrapeHooks[n](scrape, func(changed ship.Scrape) { samples += s.changeScrape(ctx, n+1, changed) })
	return samples
}

// traces holds spans back until their trace is complete: when the truth about one of its requests is told, which is after the
// caller's last attempt. Traces without a request (a server's start) go after patience.
type traces struct {
	hooks   []func([]*telemetry.Span) []*telemetry.Span
	ship    func(*telemetry.Span)
	open    map[telemetry.TraceID][]*telemetry.Span
	order   []telemetry.TraceID        // of open, oldest first; may name settled ones
	settled map[string]map[string]bool // by trace: the spans that went on
	ended   []string                   // of settled, oldest first
}

const (
	tracePatience = 10 * time.Minute // longer than any operation of the traffic
	tracesKept    = 1000             // settled ones, for the further requests of an operation, which follow at once
)

func (t *traces) add(span *telemetry.Span) {
	id := span.TraceID
	if _, ok := t.open[id]; !ok {
		t.order = append(t.order, id)
	}
	t.open[id] = append(t.open[id], span)
	for len(t.order) > 0 {
		oldest := t.open[t.order[0]]
		if len(oldest) > 0 && span.End.Sub(oldest[0].End) < tracePatience {
			return
		}
		t.close(t.order[0])
		t.order = t.order[1:]
	}
}

func (t *traces) flush() {
	for _, id := range t.order {
		t.close(id)
	}
	t.order = nil
}

// close lets the hooks decide on a trace that is open.
func (t *traces) close(id telemetry.TraceID) {
	spans := t.open[id]
	if len(spans) == 0 {
		return
	}
	delete(t.open, id)
	for _, hook := range t.hooks {
		spans = hook(spans)
	}
	shipped := make(map[string]bool, len(spans))
	for _, span := range spans {
		shipped[hex.EncodeToString(span.SpanID[:])] = true
		t.ship(span)
	}
	key := hex.EncodeToString(id[:])
	t.settled[key] = shipped
	t.ended = append(t.ended, key)
	if len(t.ended) > tracesKept {
		delete(t.settled, t.ended[0])
		t.ended = t.ended[1:]
	}
}

// settle closes the request's traces and writes down which of its spans went on.
func (t *traces) settle(r *truth.Record) {
	above := r.TraceID // of the caller's spans
	if r.Caller != nil {
		above = r.Caller.TraceID
	}
	t.closeNamed(r.TraceID)
	t.closeNamed(above)
	lost := func(fate *string, trace, span string) {
		if *fate == truth.Emitted && !t.settled[trace][span] {
			*fate = truth.Lost
		}
	}
	lost(&r.Evidence.EngineSpan, r.TraceID, r.SpanID)
	lost(&r.Evidence.CallerSpan, above, r.ClientSpanID)
	lost(&r.Evidence.RootSpan, above, r.RootSpanID)
	for _, id := range r.RouterSpanIDs {
		lost(&r.Evidence.RouterSpans, above, id)
	}
}

func (t *traces) closeNamed(trace string) {
	var id telemetry.TraceID
	if n, err := hex.Decode(id[:], []byte(trace)); err == nil && n == len(id) {
		t.close(id)
	}
}
