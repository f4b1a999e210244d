package join

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// engineFindings says where names or labels do not tell which engine is meant.
func (j *joiner) engineFindings() []evidence.Finding {
	own := j.instances.found.Findings()
	if f, ok := j.sharedNames(); ok {
		return evidence.MergeFindings([]evidence.Finding{f}, own)
	}
	return own
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
	return evidence.Finding{
		Check: servers.CheckSharedNames, Value: float64(rows),
		Found: fmt.Sprintf("%d of %d requests name a server as several servers are named (%s): which one is not known, so they have no engine state.",
			rows, len(j.rows), strings.Join(sortedKeys(examples), ", ")),
		Fix: "Let spans, series and log streams name what tells the servers apart: the cluster (k8s.cluster.name, label cluster), the environment, or the pod.",
	}, rows > 0
}

// maxExamples is how many names a finding bears.
const maxExamples = 3

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
