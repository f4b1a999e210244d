package frames

import (
	"math"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// SLO shows how limits were kept, in the form that was asked for. Spec must have its defaults.
func SLO(r figures.Result, spec attainment.Spec, source Source) data.Frames {
	return shaped(r, spec.Form, func() *data.Frame {
		return figureTable("slo", r, source, func(c figures.Column) look { return sloLook(c, spec.Target) })
	})
}

// Share shows which part of the requests pass filters, over time or as numbers.
func Share(r figures.Result, form figures.Form) data.Frames { return shaped(r, form, nil) }

// sloLook is how a figure is drawn in a table. What is too little, the target says, and of burn rates those at which an alert
// rule would tell somebody.
func sloLook(c figures.Column, target float64) look {
	switch {
	case strings.HasSuffix(c.Name, "_attainment_low"), strings.HasSuffix(c.Name, "_limit"):
		return look{hidden: true}
	case strings.HasSuffix(c.Name, "attainment"):
		return look{minWidth: 110, cell: colouredText, share: true, steps: []data.Threshold{at(math.Inf(-1), "red"), at(target, "green")}}
	case strings.HasSuffix(c.Name, "burn_rate"):
		return look{minWidth: 110, cell: colouredText, steps: steps(at(1, "orange"), at(slo.SlowBurn, "red"))}
	case strings.HasSuffix(c.Name, "budget_left"):
		// Red begins at a number: -Inf is null in JSON, which Grafana takes for 0, with a green of its own below.
		return look{minWidth: 110, cell: colouredText, steps: []data.Threshold{at(-math.MaxFloat64, "red"), at(0, "orange"), at(0.25, "text")}}
	}
	return look{minWidth: 96}
}
