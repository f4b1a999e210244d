package servers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// CheckSeries is the check of engines that have several series of one metric at the same time.
const CheckSeries = "series_per_engine"

// SeriesFound counts the engines that have more than one series of a metric at the same time.
type SeriesFound struct {
	Copied   int // engines with copies of their series
	Replicas int // replicas that share an address
	Unclear  int // engines whose series contradict each other
	Sharing  int // servers of one name that run at the same time

	Most    int // series of one metric at the same time
	Labels  []string
	Example string // an address
}

// Note counts the engines that Settle made of one; address is theirs.
func (f *SeriesFound) Note(address string, engines []Engine) {
	if len(engines) > 1 {
		f.Replicas += len(engines)
	}
	for _, e := range engines {
		switch {
		case len(e.Unclear) > 0 && e.Sharing:
			f.Sharing++
		case len(e.Unclear) > 0:
			f.Unclear++
		case len(e.Dropped) > 0:
			f.Copied++
		case len(engines) == 1:
			continue
		}
		f.Most = max(f.Most, e.Most)
		if f.Example == "" {
			f.Example = address
		}
		for _, l := range e.Labels {
			if !slices.Contains(f.Labels, l) {
				f.Labels = append(f.Labels, l)
			}
		}
	}
	slices.Sort(f.Labels)
}

// CheckSharedNames is the check of names that several servers have.
const CheckSharedNames = "shared_names"

// Findings says all that was seen.
func (f *SeriesFound) Findings() (out []evidence.Finding) {
	if f.Sharing > 0 {
		out = append(out, evidence.Finding{
			Check: CheckSharedNames, Value: float64(f.Sharing),
			Found: fmt.Sprintf("%d %s the metrics of several servers at the same time, whose addresses differ: which one a request was on is not known, so it has no engine state.",
				f.Sharing, counted(f.Sharing, "pod's name has", "pods' names have")),
			Fix: "Give the series of each cluster and environment a label that says so (cluster, environment), and spans the resource attributes k8s.cluster.name and deployment.environment.name.",
		})
	}
	if finding, ok := f.Finding(); ok {
		out = append(out, finding)
	}
	return out
}

// Finding says in which way engines have several series, the worst first.
func (f *SeriesFound) Finding() (evidence.Finding, bool) {
	labels := strings.Join(f.Labels[:min(len(f.Labels), maxLabels)], ", ")
	switch {
	case f.Unclear > 0:
		return evidence.Finding{
			Check: CheckSeries, Value: float64(f.Unclear),
			Found: fmt.Sprintf("%d %s (%s, for one) up to %d series of one metric at the same time, which differ in %s and do not tell the same: their state is not known.",
				f.Unclear, counted(f.Unclear, "engine has", "engines have"), f.Example, f.Most, orNothing(labels)),
			Fix: "Let a label of the series say which engine they are of, such as pod, engine or replica, or drop those that are not the engine's own.",
		}, true
	case f.Replicas > 0:
		return evidence.Finding{
			Check: CheckSeries, Value: float64(f.Replicas),
			Found: fmt.Sprintf("%d replicas share an address (%s, for one) and are told apart by %s alone: a span that does not name its replica has no engine state.",
				f.Replicas, f.Example, orNothing(labels)),
			Fix: "Give each replica a scrape address or a pod label of its own, or set service.instance.id of its spans to the replica's id.",
		}, true
	case f.Copied > 0:
		return evidence.Finding{
			Check: CheckSeries, Value: float64(f.Copied),
			Found: fmt.Sprintf("%d %s (%s, for one) up to %d copies of its series, which differ in %s: rows and figures count it once.",
				f.Copied, counted(f.Copied, "engine has", "engines have"), f.Example, f.Most, orNothing(labels)),
			Fix: "Scrape each server by one job, and let a store that keeps the data of redundant Prometheus servers drop the copies (Thanos' --query.replica-label, Mimir's HA tracker).",
		}, true
	}
	return evidence.Finding{}, false
}

// maxLabels is how many labels a finding names.
const maxLabels = 3

func orNothing(labels string) string {
	if labels == "" {
		return "their address"
	}
	return labels
}

func counted(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
