package health

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/servers"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// instanceNaming compares the instances that the stores name. The join needs one word, pod or instance, on which two stores
// agree; without, engine state and logs cannot be put beside a span.
func (d diagnosis) instanceNaming() (contentCheck, bool) {
	sides := d.sides()
	if len(sides) < 2 {
		return contentCheck{}, false
	}
	check := contentCheck{Check: "instance_naming", OK: true, Found: "Instances have the same names in " + titles(sides)}
	var found, fixes []string
	for _, s := range sides {
		if len(s.names) == 0 {
			found = append(found, s.store.Title()+" names neither pod nor instance")
			fixes = append(fixes, s.fix(d.settings))
		}
	}
	for i, a := range sides {
		for _, b := range sides[i+1:] {
			if len(a.names) > 0 && len(b.names) > 0 && !overlap(a.names, b.names) {
				found = append(found, fmt.Sprintf("%s says %s where %s says %s",
					a.store.Title(), a.names[0], b.store.Title(), b.names[0]))
				fixes = append(fixes, a.fix(d.settings), b.fix(d.settings))
			}
		}
	}
	if len(found) > 0 {
		slices.Sort(fixes)
		check.OK = false
		check.Found = "Instances do not match: " + strings.Join(found, "; ")
		check.Fix = strings.Join(slices.Compact(fixes), "; ") + "."
	}
	return check, true
}

// side is how one store names the instances it has signals of.
type side struct {
	store evidence.Store
	names []string
	fix   func(settings.Settings) string
}

// sides are the stores that can be compared: those with content.
func (d diagnosis) sides() []side {
	var sides []side
	if d.metrics.readable() && len(d.targets) > 0 {
		s := side{store: evidence.Prometheus, fix: func(s settings.Settings) string {
			return "give the scrape job a " + placeLabel(s.Prometheus.Labels) + " label with the pod's name"
		}}
		for _, t := range d.targets {
			s.add(t.Origin)
		}
		sides = append(sides, s)
	}
	if d.logs.readable() && len(d.sample.Origins) > 0 {
		s := side{store: evidence.Loki, fix: func(s settings.Settings) string {
			return "let the log shipper set a " + placeLabel(s.Loki.Labels) + " label with the pod's name"
		}}
		for _, o := range d.sample.Origins {
			s.add(o)
		}
		sides = append(sides, s)
	}
	if d.traces.readable() && len(d.spans) > 0 {
		s := side{store: evidence.Jaeger, fix: func(s settings.Settings) string {
			var pairs []string
			for _, name := range []string{s.Jaeger.Labels.Instance, s.Jaeger.Labels.Pod} {
				if name != "" {
					pairs = append(pairs, name+"=$(POD_NAME)")
				}
			}
			return "set OTEL_RESOURCE_ATTRIBUTES=" + strings.Join(pairs, ",") + " in the environment of vLLM"
		}}
		for _, span := range d.spans {
			if span.Origin != nil {
				s.add(*span.Origin)
			}
		}
		sides = append(sides, s)
	}
	return sides
}

// add notes the words by which the join would know the place.
func (s *side) add(o evidence.Origin) {
	for _, name := range servers.Aliases(&o) {
		if !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

func placeLabel(l vllm.LabelNames) string {
	if l.Pod != "" {
		return l.Pod
	}
	return l.Instance
}

func titles(sides []side) string {
	names := make([]string, len(sides))
	for i, s := range sides {
		names[i] = s.store.Title()
	}
	return inWords(names)
}
