package health

import (
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Question is what the data source can be asked for, and the stores of which it needs one to answer at all.
type Question struct {
	Kind string
	Any  []evidence.Store
}

// Questions lists them.
var Questions = []Question{
	{"requests", []evidence.Store{evidence.Jaeger, evidence.Loki}},
	{"request", []evidence.Store{evidence.Jaeger, evidence.Loki}},
	{"coverage", []evidence.Store{evidence.Jaeger, evidence.Loki}},
	{"models", []evidence.Store{evidence.Prometheus}},
	{"slo of single limits", []evidence.Store{evidence.Prometheus}},
	{"slo of requests", []evidence.Store{evidence.Jaeger}},
	{"logs", []evidence.Store{evidence.Loki}},
	{"trace", []evidence.Store{evidence.Jaeger}},
	{"annotations", []evidence.Store{evidence.Prometheus, evidence.Loki}},
	{"promql", []evidence.Store{evidence.Prometheus}},
}

// kinds says which kinds of query work with the stores that are configured, and which need another; empty when all work.
func kinds(configured []evidence.Store) string {
	has := func(s evidence.Store) bool { return slices.Contains(configured, s) }
	var work, groups []string
	idle := map[string][]string{} // by the stores that they need
	for _, a := range Questions {
		if slices.ContainsFunc(a.Any, has) {
			work = append(work, a.Kind)
			continue
		}
		var stores []string
		for _, s := range a.Any {
			stores = append(stores, s.Title())
		}
		need := strings.Join(stores, " or ")
		if idle[need] == nil {
			groups = append(groups, need)
		}
		idle[need] = append(idle[need], a.Kind)
	}
	if len(idle) == 0 {
		return ""
	}
	var needs []string
	for _, need := range groups {
		needs = append(needs, inWords(idle[need])+" need "+need)
	}
	return "Queries that work: " + inWords(work) + ". Queries that do not: " + strings.Join(needs, "; ") + "."
}
