package telemetry

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// ParseExposition reads samples in the text format, as a scraper does: each line is a series with a fixed value. What
// comments say about types is left out, since no store keeps it.
func ParseExposition(text string) (*Exposition, error) {
	samples := make([]string, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			samples = append(samples, line)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(strings.Join(samples, "")))
	if err != nil {
		return nil, err
	}
	e := newExposition()
	for _, name := range slices.Sorted(maps.Keys(families)) {
		for _, m := range families[name].Metric {
			labels := make([]Label, len(m.Label))
			for i, l := range m.Label {
				labels[i] = Label{l.GetName(), l.GetValue()}
			}
			slices.SortFunc(labels, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
			value := m.GetUntyped().GetValue()
			e.gauge(name, "", labels, func() float64 { return value })
		}
	}
	return e, nil
}
