package events

import (
	"cmp"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// places finds servers by the names that log streams have for them.
type places struct {
	byName map[string]*evidence.Origin // nil where several servers share a name
}

// newPlaces files the engines' servers under pod and address, with the namespace first, since a pod's name is unique only there.
func newPlaces(targets []evidence.Target) places {
	p := places{byName: map[string]*evidence.Origin{}}
	for i := range targets {
		server := targets[i].Origin
		server.Engine = ""
		for _, name := range []string{server.Namespace + "\x00" + server.Pod, server.Pod, server.Namespace + "\x00" + server.Instance, server.Instance} {
			known, taken := p.byName[name]
			switch {
			case !taken:
				p.byName[name] = &server
			case known != nil && *known != server:
				p.byName[name] = nil
			}
		}
	}
	delete(p.byName, "")
	return p
}

// find gives the server of a place, nil when it is not known or not certain.
func (p places) find(o evidence.Origin) *evidence.Origin {
	for _, name := range []string{o.Pod, o.Instance} {
		if name == "" {
			continue
		}
		if o.Namespace != "" {
			if server := p.byName[o.Namespace+"\x00"+name]; server != nil {
				return server
			}
		}
		if server := p.byName[name]; server != nil && (o.Namespace == "" || server.Namespace == "" || o.Namespace == server.Namespace) {
			return server
		}
	}
	return nil
}

// complete fills in what the metrics know of a place.
func (p places) complete(o *evidence.Origin) {
	if server := p.find(*o); server != nil {
		o.Model = cmp.Or(o.Model, server.Model)
		o.Environment = cmp.Or(o.Environment, server.Environment)
		o.Namespace = cmp.Or(o.Namespace, server.Namespace)
		o.Pod = cmp.Or(o.Pod, server.Pod)
		o.Instance = cmp.Or(o.Instance, server.Instance)
	}
}

// lines are those of vLLM, each with its server's own names, so that lines of one server and its metrics meet. A line in general
// words, such as "out of memory", is vLLM's when it names one of its processes or comes from a known server.
func (p places) lines(lines []evidence.EngineLine) []evidence.EngineLine {
	out := make([]evidence.EngineLine, 0, len(lines))
	for _, l := range lines {
		var origin evidence.Origin
		if l.Origin != nil {
			origin = *l.Origin
		}
		if general(l) && !l.Own && p.find(origin) == nil {
			continue
		}
		p.complete(&origin)
		l.Origin = &origin
		out = append(out, l)
	}
	return out
}
