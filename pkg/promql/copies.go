package promql

import (
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// Copies says which series of a store are there more than once: the same engine, scraped by two jobs, or by redundant Prometheus
// servers whose data nobody deduplicates. Sums would count them twice.
type Copies struct {
	// Leave are conditions that leave copies out, where one of them is there for as long as the others.
	Leave []Matcher
	// Merge are labels that alone tell copies apart, where none of them is there all the time.
	Merge []string
	// Found is what was seen.
	Found servers.SeriesFound
}

// once makes copies in a vector one, where conditions alone cannot.
func (c Copies) once(expr string, native bool) string {
	if len(c.Merge) == 0 || expr == "" {
		return expr
	}
	op := "max" // of a copy that was there for a part of the time, the rate is lower
	if native {
		op = "avg" // which is there for native histograms, too
	}
	return op + " " + LabelList("without", c.Merge) + " (" + expr + ")"
}

// OncePerDevice makes the copies of a device's series one. A device has an id of its own, so that nothing has to be measured: what
// tells its copies apart is what scrape jobs and redundant Prometheus servers add.
func OncePerDevice(expr string) string {
	return "max " + LabelList("without", CopyLabels) + " (" + expr + ")"
}

// CopyLabels are what scrape jobs and redundant Prometheus servers usually add to a series of a target, which tells its copies apart.
var CopyLabels = []string{"job", "service", "endpoint", "prometheus", "prometheus_replica", "replica", "__replica__"}

// CopyLabels are those, and besides what was measured: the labels in which copies of engines' series differ in this store, without
// any that tells replicas apart.
func (c Copies) CopyLabels() []string {
	out := slices.Clone(CopyLabels)
	if c.Found.Replicas > 0 && c.Found.Copied == 0 {
		out = slices.DeleteFunc(out, func(l string) bool { return slices.Contains(c.Found.Labels, l) })
	}
	for _, m := range c.Leave {
		out = append(out, m.Label)
	}
	out = append(out, c.Merge...)
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(l string) bool {
		twice := seen[l]
		seen[l] = true
		return twice
	})
}
