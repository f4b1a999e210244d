package join

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// The checks of servers and engines.
const (
	checkSharedNames = "shared_names"
	checkSeries      = "series_per_engine"
)

// engineFindings says where names or labels do not tell which engine is meant.
func (j *joiner) engineFindings() (out []evidence.Finding) {
	if f, ok := j.sharedNames(); ok {
		out = append(out, f)
	}
	if f, ok := j.instances.found.finding(); ok {
		out = append(out, f)
	}
	return out
}

// sharedNames counts the rows whose names mean several servers.
func (j *joiner) sharedNames() (evidence.Finding, bool) {
	rows, examples := 0, map[string]bool{}
	for i := range j.rows {
		r := &j.rows[i]
		if r.undecided && r.place == servers.None {
			rows++
			if len(examples) < maxExamples {
				examples[placeName(r.Origin)] = true
			}
		}
	}
	sharing := j.instances.found.sharing
	switch {
	case rows > 0:
		return evidence.Finding{
			Check: checkSharedNames, Value: float64(rows),
			Found: fmt.Sprintf("%d of %d requests name a server as several servers are named (%s): which one is not known, so they have no engine state",
				rows, len(j.rows), strings.Join(sortedKeys(examples), ", ")),
			Fix: "Let spans, series and log streams name what tells the servers apart: the cluster (k8s.cluster.name, label cluster), the environment, or the pod",
		}, true
	case sharing > 0:
		return evidence.Finding{
			Check: checkSharedNames, Value: float64(sharing),
			Found: fmt.Sprintf("%d %s have the metrics of several servers at the same time, whose addresses differ: which one a request was on is not known, so it has no engine state",
				sharing, counted(sharing, "pod's name", "pods' names")),
			Fix: "Give the series of each cluster and environment a label that says so (cluster, environment), and spans the resource attributes k8s.cluster.name and deployment.environment.name",
		}, true
	}
	return evidence.Finding{}, false
}

// finding says in which way engines have several series, the worst first.
func (f *seriesFound) finding() (evidence.Finding, bool) {
	labels := strings.Join(f.labels[:min(len(f.labels), maxExamples)], ", ")
	switch {
	case f.unclear > 0:
		return evidence.Finding{
			Check: checkSeries, Value: float64(f.unclear),
			Found: fmt.Sprintf("%d %s (%s, for one) up to %d series of one metric at the same time, which differ in %s and do not tell the same: their state is not known",
				f.unclear, counted(f.unclear, "engine has", "engines have"), f.example, f.most, orNothing(labels)),
			Fix: "Let a label of the series say which engine they are of, such as pod, engine or replica, or drop those that are not the engine's own",
		}, true
	case f.replicas > 0:
		return evidence.Finding{
			Check: checkSeries, Value: float64(f.replicas),
			Found: fmt.Sprintf("%d replicas share an address (%s, for one) and are told apart by %s alone: a span that does not name its replica has no engine state",
				f.replicas, f.example, orNothing(labels)),
			Fix: "Give each replica a scrape address or a pod label of its own, or set service.instance.id of its spans to the replica's id",
		}, true
	case f.copied > 0:
		return evidence.Finding{
			Check: checkSeries, Value: float64(f.copied),
			Found: fmt.Sprintf("%d %s (%s, for one) up to %d copies of its series, which differ in %s: rows and figures take one of them",
				f.copied, counted(f.copied, "engine has", "engines have"), f.example, f.most, orNothing(labels)),
			Fix: "Scrape each server by one job, and let a store that keeps the data of redundant Prometheus servers drop the copies (Thanos' --query.replica-label, Mimir's HA tracker)",
		}, true
	}
	return evidence.Finding{}, false
}

// maxExamples is how many names a finding bears.
const maxExamples = 3

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

// placeName is a server in a sentence.
func placeName(o *evidence.Origin) string {
	if o == nil {
		return ""
	}
	name := o.Pod
	if name == "" {
		name = o.Instance
	}
	if o.Namespace != "" {
		name = o.Namespace + "/" + name
	}
	return name
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
