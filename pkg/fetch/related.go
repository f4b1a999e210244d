package fetch

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// keepRelated keeps the spans that share an id with a chosen one, in whichever spelling, and has the join drop all rows but the
// chosen ones at its end. It returns the ids to look for: those of one request only, and those that a client may have used for
// several.
func (g *gather) keepRelated(chosen []evidence.RequestSpan) (once, again []string) {
	once = []string{}
	related := make(map[string]bool, len(chosen))
	g.in.Chosen = make(map[string]bool, len(chosen))
	for i := range chosen {
		related[vllm.FamilyOf(chosen[i].RequestID)] = true
		g.in.Chosen[join.SpanKey(&chosen[i])] = true
	}
	seen := map[string]bool{}
	kept := make([]evidence.RequestSpan, 0, 2*len(chosen))
	for i := range g.in.Spans {
		s := &g.in.Spans[i]
		family := vllm.FamilyOf(s.RequestID)
		if !related[family] {
			continue
		}
		kept = append(kept, *s)
		if !seen[family] && family != "" {
			seen[family] = true
			if vllm.Unrepeatable(family) {
				once = append(once, vllm.SharedResponseID(s.RequestID))
			} else {
				again = append(again, family)
			}
		}
	}
	g.in.Spans = kept
	return once, again
}

// aroundRelated is the time around chosen spans, and around all that share an id with one and went on at about the same time:
// whose line is whose is settled among them.
func aroundRelated(spans []evidence.RequestSpan, chosen map[string]bool) []evidence.Window {
	type family struct {
		windows []evidence.Window
		chosen  []time.Time
	}
	families := map[string]*family{}
	for i := range spans {
		s := &spans[i]
		name := vllm.FamilyOf(s.RequestID)
		if families[name] == nil {
			families[name] = &family{}
		}
		f := families[name]
		f.windows = append(f.windows, aroundOne(s))
		if chosen[join.SpanKey(s)] {
			f.chosen = append(f.chosen, s.Start)
		}
	}
	var windows []evidence.Window
	for _, f := range families {
		for _, w := range evidence.MergeWindows(f.windows, 0) {
			if slices.ContainsFunc(f.chosen, w.Contains) {
				windows = append(windows, w)
			}
		}
	}
	return fewWindows(windows)
}
