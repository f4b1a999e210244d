package attainment

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Checks of the histograms.
const (
	checkTypes  = "histogram_types"
	checkBounds = "histogram_bounds"
)

// Findings says of vLLM's histograms in a window as which types the store has them, where that is not the classic one alone,
// and which limits fall between bounds that are not vLLM's own.
func Findings(ctx context.Context, client *prometheus.Client, objectives slo.Objectives, w evidence.Window) ([]evidence.Finding, []evidence.Call, error) {
	names, calls, err := client.Names(ctx, w)
	if err != nil {
		return nil, calls, err
	}
	var findings []evidence.Finding
	if f, ok := typesFound(names); ok {
		findings = append(findings, f)
	}
	matchers := promql.ScopeMatchers(client.Labels(), vllm.Scope{})
	var found []string
	for _, h := range histograms {
		if !h.perRequest || !slices.ContainsFunc(objectives, func(o slo.Objective) bool { return o.Of(h.limit) > 0 }) {
			continue
		}
		rules, notices, asked, err := h.measure(ctx, client, names, w, matchers, objectives)
		calls = append(calls, asked...)
		if err != nil {
			return findings, calls, err
		}
		for _, text := range append(rules.between(h), replicasDiffer(h, notices)...) {
			if !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	if len(found) > 0 {
		findings = append(findings, evidence.Finding{
			Check: checkBounds, Value: float64(len(found)), Found: "Histograms have other bounds than vLLM's own: " + strings.Join(found, "; ") + ".",
			Fix: "Give --custom-histogram-buckets a bound at each limit, the same for all replicas of a model, or set the limits to bounds that are there.",
		})
	}
	return findings, calls, nil
}

// typesFound counts the histograms by type.
func typesFound(names promql.Names) (f evidence.Finding, ok bool) {
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

// between says which limits are no bounds, where the bounds are not vLLM's own: those are known, and said by kind slo.
func (r ruler) between(h histogram) (texts []string) {
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

// replicasDiffer shortens what kind slo says at length.
func replicasDiffer(h histogram, notices []string) (texts []string) {
	for _, notice := range notices {
		if text, ok := strings.CutPrefix(notice, h.Name+"_attainment: "); ok {
			text, _, _ = strings.Cut(text, " (")
			texts = append(texts, text)
		}
	}
	return texts
}
