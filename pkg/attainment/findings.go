package attainment

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Checks of the histograms.
const (
	checkTypes  = "histogram_types"
	checkBounds = "histogram_bounds"
)

// LimitFindings says which limits fall between bounds that are not vLLM's own.
func LimitFindings(between []string) (findings []evidence.Finding) {
	if len(between) == 0 {
		return nil
	}
	return []evidence.Finding{{
		Check: checkBounds, Value: float64(len(between)), Found: "Histograms have other bounds than vLLM's own: " + strings.Join(between, "; ") + ".",
		Fix: "Give --custom-histogram-buckets a bound at each limit, the same for all replicas of a model, or set the limits to bounds that are there.",
	}}
}

// TypeFinding counts the histograms by type.
func TypeFinding(names promql.Names) (f evidence.Finding, ok bool) {
	classic, native, both := 0, 0, 0
	for _, m := range vllm.Metrics() {
		if m.Type != vllm.Histogram {
			continue
		}
		isClassic, isNative := names.HistogramTypes(m.Name)
		switch {
		case isClassic && isNative:
			both++
		case isNative:
			native++
		case isClassic:
			classic++
		}
	}
	f = evidence.Finding{Check: checkTypes, Value: float64(native + both)}
	f.Fix = "Set always_scrape_classic_histograms: true in the scrape job where rules or dashboards of others ask for series that end in _bucket."
	switch {
	case native+both == 0:
		return f, false
	case both > 0 || classic > 0:
		f.Found = fmt.Sprintf("%d of vLLM's histograms are there as native ones and %d as classic ones, %d of them as both: figures add them up, but queries of others see one type alone.", native+both, classic+both, both)
	default:
		f.Found = fmt.Sprintf("All %d of vLLM's histograms are native ones: the data source reads them, but queries of others for series that end in _bucket find nothing.", native)
	}
	return f, true
}

// Between says which limits are no bounds, where the bounds are not vLLM's own: those are known, and said by kind slo.
func (r Rules) Between(h Histogram) (texts []string) {
	for _, model := range slices.Sorted(maps.Keys(r.byModel)) {
		index := r.objectives.Index(model)
		if index < 0 {
			continue
		}
		limit := r.objectives[index].Of(h.limit)
		found, ok := r.byModel[model][limit]
		switch {
		case !ok || limit == 0 || found.bound == found.limit:
		case math.IsNaN(found.bound):
			texts = append(texts, fmt.Sprintf("the limit of %s on %s of %s is above the last one, so that nothing can be told", inSeconds(limit), h.title(), model))
		default:
			below := "0 s"
			if !math.IsNaN(found.below) {
				below = fmt.Sprintf("%g s", found.below)
			}
			texts = append(texts, fmt.Sprintf("the limit of %s on %s of %s lies between %s and %g s, and shares are counted at %g s", inSeconds(limit), h.title(), model, below, found.bound, found.bound))
		}
	}
	return texts
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }

// ReplicasDiffer shortens what kind slo says at length.
func ReplicasDiffer(h Histogram, notices []string) (texts []string) {
	for _, notice := range notices {
		if text, ok := strings.CutPrefix(notice, h.Name+"_attainment: "); ok {
			text, _, _ = strings.Cut(text, " (")
			texts = append(texts, text)
		}
	}
	return texts
}
