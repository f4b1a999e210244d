package fetch

import (
	"context"
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// near is where the lines may be of the rows that were chosen by time, and of the requests without a span among them: some come when
// a request ends, which may be long after the last one that was chosen began. What lies beyond is out of the answer whatever the
// other stores say.
func (g *gather) near(chosen []evidence.RequestSpan) evidence.Window {
	if len(chosen) == 0 {
		return widen(g.ask.Window)
	}
	near := beyond(widen(g.covered(chosen)))
	for i := range chosen {
		if end := chosen[i].End().Add(join.AfterEnd + edge); end.After(near.To) {
			near.To = end
		}
	}
	whole := widen(g.ask.Window)
	if near.To.After(whole.To) {
		near.To = whole.To
	}
	if near.From.Before(whole.From) {
		near.From = whole.From
	}
	return near
}

// covered is the part of the window that chosen rows cover: from its end that comes first in the order to the last of them.
func (g *gather) covered(chosen []evidence.RequestSpan) evidence.Window {
	first, last := chosen[0].Start, chosen[0].Start
	for i := range chosen {
		if t := chosen[i].Start; t.Before(first) {
			first = t
		} else if t.After(last) {
			last = t
		}
	}
	covered := g.in.Looked
	if g.ask.Order.Desc {
		covered.From = first
	} else {
		covered.To = last.Add(time.Nanosecond)
	}
	return covered
}

// look narrows the question to the part of the window that the chosen rows cover.
func (g *gather) look(chosen []evidence.RequestSpan) { g.in.Looked = g.covered(chosen) }

// repeatable lists the ids of spans near a part of the window that a client may have used again; few is false, and there is no list,
// when they are more than can be looked for in the whole window.
func (g *gather) repeatable(near evidence.Window) (again []string, few bool) {
	listed := map[string]bool{}
	for i := range g.in.Spans {
		if s := &g.in.Spans[i]; near.Contains(s.Start) || near.Contains(s.End()) {
			if id := vllm.FamilyOf(s.RequestID); !listed[id] && !vllm.Unrepeatable(id) {
				listed[id] = true
				again = append(again, id)
			}
		}
	}
	if len(again) > loki.MaxNarrowedIDs {
		return nil, false
	}
	return again, true
}

// keepNear keeps the spans around a cut, and those that share an id with one of them, or with a line, that a client may have
// used again.
func (g *gather) keepNear(near evidence.Window, again []string) {
	related := map[string]bool{}
	for _, id := range again {
		related[id] = true
	}
	for i := range g.in.Events {
		if id := vllm.FamilyOf(g.in.Events[i].External); !vllm.Unrepeatable(id) {
			related[id] = true
		}
	}
	g.in.Spans = slices.DeleteFunc(g.in.Spans, func(s evidence.RequestSpan) bool {
		return (s.End().Before(near.From) || !s.Start.Before(near.To)) && !related[vllm.FamilyOf(s.RequestID)]
	})
}

// longestTail is how long after a window the last lines of its requests are looked for.
const longestTail = 10 * time.Minute

// askEnds asks for the last lines of requests that began within the window and ended after it.
func (g *gather) askEnds(ctx context.Context) {
	whole := widen(g.ask.Window)
	last := whole.To
	var ids []string
	for i := range g.in.Spans {
		s := &g.in.Spans[i]
		if end := s.End().Add(join.AfterEnd); end.After(whole.To) && g.ask.Window.Contains(s.Start) {
			ids = append(ids, vllm.ExternalFromChild(s.RequestID))
			if end.After(last) {
				last = end
			}
		}
	}
	if farthest := whole.To.Add(longestTail); last.After(farthest) {
		last = farthest
	}
	if len(ids) > 0 && len(g.lineAsks) > 0 {
		g.askLogs(ctx, []evidence.Window{{From: whole.To, To: last}}, ids)
	}
}

// askTorn asks for the other lines of requests without a span whose lines lie on both sides of a cut. asked are the ids that are
// looked for everywhere already.
func (g *gather) askTorn(ctx context.Context, near evidence.Window, asked []string) {
	whole := widen(g.ask.Window)
	rest := evidence.Window{From: near.To, To: whole.To}
	if g.ask.Order.Desc {
		rest = evidence.Window{From: whole.From, To: near.From}
	}
	if !rest.From.Before(rest.To) {
		g.linesWhole = true
		return
	}
	ids := g.torn(g.ask.Order.Desc)
	again := g.againByLines(slices.Concat(asked, ids)...)
	if len(ids)+len(again) <= loki.MaxNarrowedIDs {
		ids = append(ids, again...)
	} else if len(g.in.Spans) <= g.readable() {
		ids, g.linesWhole = nil, true
		g.askLogs(ctx, []evidence.Window{rest}, nil)
	}
	if len(ids) > 0 {
		g.searched = slices.Concat(g.searched, ids)
		g.askLogs(ctx, []evidence.Window{rest}, ids)
	}
}

// againByLines are the ids on lines that a client may have used again, but for some.
func (g *gather) againByLines(but ...string) (ids []string) {
	known := map[string]bool{}
	for _, id := range but {
		known[id] = true
	}
	for i := range g.in.Events {
		if id := vllm.FamilyOf(g.in.Events[i].External); !known[id] && !vllm.Unrepeatable(id) {
			known[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// torn are the ids without a span of which no line tells the beginning (or else the end), in streams where others have one.
func (g *gather) torn(beginnings bool) (ids []string) {
	settled, streams := map[string]bool{}, map[evidence.Origin]bool{}
	for i := range g.in.Spans {
		settled[vllm.FamilyOf(g.in.Spans[i].RequestID)] = true
	}
	for i := range g.in.Events {
		e := &g.in.Events[i]
		if tells := e.Kind == vllm.LogReceived || e.Kind == vllm.LogAdded; tells == beginnings {
			settled[vllm.FamilyOf(e.External)] = true
			if e.Origin != nil {
				streams[*e.Origin] = true
			}
		}
	}
	for i := range g.in.Events {
		e := &g.in.Events[i]
		if id := vllm.FamilyOf(e.External); !settled[id] && e.Origin != nil && streams[*e.Origin] {
			settled[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}
