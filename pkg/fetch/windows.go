package fetch

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// maxWindows is how many windows one store is asked for: each is a call, and a hundred calls cost more than a wider one.
const maxWindows = 32

// around is the time around spans, merged into few windows.
func around(spans []evidence.RequestSpan) []evidence.Window {
	windows := make([]evidence.Window, 0, len(spans))
	for i := range spans {
		windows = append(windows, aroundOne(&spans[i]))
	}
	return fewWindows(windows)
}

// clip cuts windows off at the ends of another.
func clip(windows []evidence.Window, to evidence.Window) []evidence.Window {
	out := windows[:0]
	for _, w := range windows {
		if w.From.Before(to.From) {
			w.From = to.From
		}
		if w.To.After(to.To) {
			w.To = to.To
		}
		if w.From.Before(w.To) {
			out = append(out, w)
		}
	}
	return out
}

func aroundOne(s *evidence.RequestSpan) evidence.Window {
	return beyond(evidence.Window{From: s.Start.Add(-join.BeforeStart), To: s.End().Add(join.AfterEnd)})
}

// edge is how much more than a row's own time is looked at, so that what lies at its edge is not torn: lines of a try that
// began just before, and the ids that tell whose they are.
const edge = 10 * time.Second

func beyond(w evidence.Window) evidence.Window {
	return evidence.Window{From: w.From.Add(-edge), To: w.To.Add(edge)}
}

// fewWindows merges near windows until there are not too many.
func fewWindows(windows []evidence.Window) []evidence.Window {
	merged := evidence.MergeWindows(windows, 5*time.Second)
	for gap := 10 * time.Second; len(merged) > maxWindows; gap *= 2 {
		merged = evidence.MergeWindows(merged, gap)
	}
	return merged
}

// before widens a window so that the last sample before its first request is in it.
func (g *gather) before(w evidence.Window) evidence.Window {
	return evidence.Window{From: w.From.Add(-g.in.StaleAfter), To: w.To}
}

// scrapes widens a window so that the last scrape before its first request is in it, and the first one after its last, which
// tells what was counted meanwhile.
func (g *gather) scrapes(w evidence.Window) evidence.Window {
	return evidence.Window{From: w.From.Add(-g.in.StaleAfter), To: w.To.Add(g.in.StaleAfter)}
}

func (g *gather) scrapesOfAll(windows []evidence.Window) []evidence.Window {
	out := make([]evidence.Window, len(windows))
	for i, w := range windows {
		out[i] = g.scrapes(w)
	}
	return evidence.MergeWindows(out, g.in.StaleAfter)
}

// widen adds the slack between a span and its lines to both ends.
func widen(w evidence.Window) evidence.Window {
	return evidence.Window{From: w.From.Add(-join.BeforeStart), To: w.To.Add(join.AfterEnd)}
}
