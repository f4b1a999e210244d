package events

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
)

// serversOf files the servers that the metrics tell of. Those that changed may be gone by the end of the window.
func serversOf(targets []evidence.Target, changes evidence.EngineChanges) *servers.Table {
	origins := make([]*evidence.Origin, 0, len(targets))
	for i := range targets {
		origins = append(origins, &targets[i].Origin)
	}
	for _, series := range [][]evidence.Series{changes.Starts, changes.Resets, changes.Returns, changes.Sleep, changes.Preempting} {
		for _, s := range series {
			origins = append(origins, s.Origin)
		}
	}
	return servers.NewTable(origins)
}

// placed gives those lines that are vLLM's, each with its server's own names, so that lines of one server and its metrics meet. A
// line in general words, such as "out of memory", is vLLM's when it names one of its processes or comes from a known server.
func placed(lines []evidence.EngineLine, known *servers.Table) []evidence.EngineLine {
	out := make([]evidence.EngineLine, 0, len(lines))
	for _, l := range lines {
		var origin evidence.Origin
		if l.Origin != nil {
			origin = *l.Origin
		}
		if found := known.Find(l.Origin); general(l) && !l.Own && found.At == servers.None && len(found.Shared) == 0 {
			continue
		}
		known.Complete(&origin)
		l.Origin = &origin
		out = append(out, l)
	}
	return out
}
