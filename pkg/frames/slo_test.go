package frames_test

import (
	"math"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
)

// sloResult is one model of which everything is 0.97, in the shape of a form.
func sloResult(form figures.Form) (figures.Result, attainment.Spec) {
	spec := attainment.Spec{Target: 0.95, Form: form}.WithDefaults()
	grid := attainment.Grid{Times: []time.Time{time.Unix(1790000000, 0).UTC()}, Step: time.Minute, Length: time.Minute}
	r := attainment.Result(spec, grid, attainment.Requests{}, attainment.Buckets{})
	row := make([][]float64, len(r.Columns))
	for i := range row {
		row[i] = []float64{0.97}
	}
	r.Groups, r.Values = [][]string{{"llama"}}, [][][]float64{row}
	return r, spec
}

func TestATableOfAnSLOSaysWhatIsTooLittle(t *testing.T) {
	r, spec := sloResult(figures.Table)
	fs := frames.SLO(r, spec, frames.Source{UID: "vllm", Name: "vLLM"})
	require.Len(t, fs, 1)
	require.Equal(t, "slo", fs[0].Name)
	units := map[string]string{}
	for _, field := range fs[0].Fields[1:] {
		require.NotEmpty(t, field.Config.Description, field.Name)
		units[field.Name] = field.Config.Unit
	}
	require.Subset(t, units, map[string]string{
		"attainment": "percentunit", "goodput": "reqps", "goodput_tokens": "suffix: tok/s", "burn_rate": "suffix:×",
		"ttft_bound": "s", "missed": "short", "error_budget_left": "percentunit",
	})
	colour := func(name string, value float64) (found string) {
		field, _ := fs[0].FieldByName(name)
		for _, step := range field.Config.Thresholds.Steps {
			if value >= float64(step.Value) {
				found = step.Color
			}
		}
		return found
	}
	require.Equal(t, []string{"red", "green"}, []string{colour("attainment", 0.9499), colour("attainment", 0.95)}, "the target decides")
	require.Equal(t, []string{"text", "orange", "red"}, []string{colour("burn_rate", 0.9), colour("burn_rate", 1), colour("worst_limit_burn_rate", 6)})
	require.Equal(t, []string{"red", "orange"}, []string{colour("error_budget_left", -0.01), colour("error_budget_left", 0.1)})
	left, _ := fs[0].FieldByName("error_budget_left")
	require.False(t, math.IsInf(float64(left.Config.Thresholds.Steps[0].Value), 0), "JSON has no infinity: what is overspent would be green")
}

func TestAnSLOInAnAlertRuleIsNumbersWithStableLabels(t *testing.T) {
	r, spec := sloResult(figures.Numeric)
	fs := frames.SLO(r, spec, frames.Source{})
	require.Len(t, fs, len(attainment.Names()), "without the columns that a table has besides")
	for _, frame := range fs {
		require.Equal(t, data.FrameTypeNumericMulti, frame.Meta.Type)
		require.Equal(t, data.Labels{"model": "llama"}, frame.Fields[0].Labels)
		require.Nil(t, frame.Fields[0].Config.Thresholds)
	}
}
