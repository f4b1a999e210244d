package join

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// blindFrom is how many requests there must have been for a store that has nothing of them to be blind and not merely early:
// fewer may all be on their way.
const blindFrom = 10

// StoreBlind is the check of a store that answers and has nothing where another knows requests.
const StoreBlind = "store_blind"

// blindness are the stores that answered, have nothing at all of the window, and should: the engines counted requests, or
// other stores have them. A wrong tenant, a selector that matches nothing, or an exporter that is down look like a quiet hour.
func (r Report) blindness(counted float64) (stores []evidence.Store) {
	for _, s := range r.Stores {
		if !s.Configured || s.Err != nil || !s.Nothing {
			continue
		}
		seen := max(counted, float64(r.Matched+r.TraceOnly))
		if s.Store != evidence.Loki {
			seen = max(seen, float64(r.LogOnly))
		}
		if seen >= blindFrom {
			stores = append(stores, s.Store)
		}
	}
	return stores
}

// countedIn is how many requests the engines in scope counted as finished in a window.
func (x *instances) countedIn(w evidence.Window, scope vllm.Scope) (sum float64) {
	for i := range x.list {
		if !x.list[i].within(scope) {
			continue
		}
		x.list[i].finishes(func(samples []evidence.Sample) {
			if first, last := max(lastAtOrBefore(samples, w.From), 0), lastAtOrBefore(samples, w.To); first < last {
				sum += increase(samples[first : last+1])
			}
		})
	}
	return sum
}

// lookFor are what a store may have its data behind.
var lookFor = map[evidence.Store]string{
	evidence.Prometheus: "Check Prometheus' tenant, the metric prefix, and the scrape job of the engines.",
	evidence.Loki:       "Check Loki's tenant and stream selector, and whether the log shipper runs.",
	evidence.Jaeger:     "Check Jaeger's tenant, whether vLLM exports traces, and whether the collector runs.",
}

// look finds the stores that are blind, and says so.
func (r *Report) look(known *instances, scope vllm.Scope) {
	r.Blind = r.blindness(known.countedIn(r.Looked, scope))
	r.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f evidence.Finding) bool {
		return f.Check == StoreBlind
	})
	if len(r.Blind) == 0 {
		return
	}
	var names, fixes []string
	for _, s := range r.Blind {
		names, fixes = append(names, titles[s]), append(fixes, lookFor[s])
	}
	have := " has nothing"
	if len(names) > 1 {
		have = " have nothing"
	}
	r.Findings = append(r.Findings, evidence.Finding{
		Check: StoreBlind, Value: float64(len(r.Blind)),
		Found: fmt.Sprintf("%s%s of a time in which there were at least %d requests.", strings.Join(names, " and "), have, blindFrom),
		Fix:   strings.Join(fixes, " "),
	})
}

var titles = map[evidence.Store]string{evidence.Prometheus: "Prometheus", evidence.Loki: "Loki", evidence.Jaeger: "Jaeger"}
