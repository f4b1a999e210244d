package figures

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpecIsRefusedByTheFieldThatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		spec Spec
		want string
	}{
		"an unknown form":                   {Spec{Form: "pie"}, `form: "pie" is none of table, timeseries, numeric`},
		"an unknown dimension":              {Spec{GroupBy: []string{"request_id"}}, `groupBy: "request_id" is none of environment, cluster, namespace, model, pod, instance, engine`},
		"a quantile of 1":                   {Spec{Quantiles: []float64{1}}, `quantiles: 1 is not between 0 and 1, such as 0.95`},
		"a percentage":                      {Spec{Quantiles: []float64{95}}, `quantiles: 95 is not between 0 and 1, such as 0.95`},
		"no number":                         {Spec{Quantiles: []float64{math.NaN()}}, `quantiles: NaN is not between 0 and 1, such as 0.95`},
		"more quantiles than a table shows": {Spec{Quantiles: make([]float64, 21)}, `quantiles: 21 are more than 20`},
		"two numbers per group":             {Spec{Form: Numeric, Metrics: []string{"running", "waiting"}}, `metrics: an alert compares one figure, this query has 2`},
		"every number per group":            {Spec{Form: Numeric}, `metrics: an alert compares one figure, this query has 49`},
		"several quantiles of one figure":   {Spec{Form: Numeric, Metrics: []string{"ttft"}}, `quantiles: an alert on ttft compares one quantile, this query has 4`},
	} {
		t.Run(name, func(t *testing.T) { require.EqualError(t, tc.spec.Validate(), tc.want) })
	}
	require.ErrorContains(t, Spec{Metrics: []string{"ttft_p95"}}.Validate(), `metrics: no figure is named "ttft_p95"; there are request_rate, error_rate, `)
}

func TestSpecDefaults(t *testing.T) {
	spec := Spec{}.WithDefaults()
	require.NoError(t, spec.Validate())
	require.Equal(t, Table, spec.Form)
	require.Equal(t, []string{ByModel}, spec.GroupBy)
	require.Equal(t, []float64{0.5, 0.9, 0.95, 0.99}, spec.Quantiles)
	require.Equal(t, Names(), spec.Metrics)

	spec = Spec{GroupBy: []string{ByEngine, ByModel, ByEnvironment, ByModel}}.WithDefaults()
	require.Equal(t, []string{ByEnvironment, ByModel, ByEngine}, spec.GroupBy, "from coarse to fine, each once")
}

func TestSpecForAlert(t *testing.T) {
	spec, err := Spec{Metrics: []string{"ttft"}, Quantiles: []float64{0.95}}.ForAlert()
	require.NoError(t, err)
	require.Equal(t, Numeric, spec.Form, "a table becomes numbers")

	spec, err = Spec{Form: TimeSeries, Metrics: []string{"running"}}.ForAlert()
	require.NoError(t, err)
	require.Equal(t, TimeSeries, spec.Form, "series stay series")

	_, err = Spec{Form: TimeSeries}.ForAlert()
	require.ErrorContains(t, err, "metrics: an alert compares one figure")
}

func TestEveryFigureSaysWhatItIs(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range allFigures {
		require.False(t, seen[f.Name], f.Name)
		seen[f.Name] = true
		require.NotEmpty(t, f.Help, f.Name)
		require.NotEmpty(t, f.Unit, f.Name)
		sources := 0
		for _, is := range []bool{f.of != nil && len(f.needs) > 0, f.latency != "", f.meanOf != ""} {
			if is {
				sources++
			}
		}
		require.Equal(t, 1, sources, "%s has one way to be computed", f.Name)
	}
}
