package world

import (
	"cmp"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// streams gives the stream that relabel makes of another one, the same for the same.
func streams(relabel func(from *telemetry.LogStream) *telemetry.LogStream) func(*telemetry.LogStream) *telemetry.LogStream {
	made := map[*telemetry.LogStream]*telemetry.LogStream{}
	return func(from *telemetry.LogStream) *telemetry.LogStream {
		if made[from] == nil {
			made[from] = relabel(from)
		}
		return made[from]
	}
}

// relabelled is a stream with some labels set to other values, added, or with "" taken away.
func relabelled(from *telemetry.LogStream, change map[string]string) *telemetry.LogStream {
	to := &telemetry.LogStream{Tenant: from.Tenant, OTLP: from.OTLP}
	for _, l := range from.Labels {
		if _, changed := change[l.Name]; !changed {
			to.Labels = append(to.Labels, l)
		}
	}
	for name, value := range change {
		if value != "" {
			to.Labels = append(to.Labels, telemetry.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(to.Labels, func(a, b telemetry.Label) int { return cmp.Compare(a.Name, b.Name) })
	return to
}

// label is the value of a stream's label, "" without it.
func label(s *telemetry.LogStream, name string) string {
	for _, l := range s.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}
