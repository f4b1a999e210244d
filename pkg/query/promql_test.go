package query_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

func promqlOf(t *testing.T, json string, fromAlert bool) (*query.PromQLSpec, error) {
	t.Helper()
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	q, err := query.Parse(query.Sent{
		RefID: "A", JSON: []byte(json), Interval: 15 * time.Second, TimeRange: evidence.Window{From: noon.Add(-time.Hour), To: noon},
	}, fromAlert, 1000)
	if err == nil {
		require.Equal(t, query.PromQL, q.Kind)
	}
	return q.PromQL, err
}

// The targets are those of dashboards that vLLM and production-stack publish, and of Grafana's own editor.
func TestATargetOfThePrometheusDataSourceRunsAsPromQL(t *testing.T) {
	for _, test := range []struct {
		name, json string
		want       query.PromQLSpec
	}{
		{"with the editor's own fields",
			`{"datasource":{"type":"prometheus","uid":"x"},"editorMode":"code","expr":"up","legendFormat":"__auto","range":true,"refId":"A"}`,
			query.PromQLSpec{Expr: "up", Legend: query.LegendAuto}},
		{"a heatmap",
			`{"disableTextWrap":false,"exemplar":false,"expr":"sum by(le) (increase(x_bucket[$__rate_interval]))","format":"heatmap","fullMetaSearch":false,"instant":false,"legendFormat":"{{le}}","range":true}`,
			query.PromQLSpec{Expr: "sum by(le) (increase(x_bucket[$__rate_interval]))", Legend: "{{le}}", Format: query.FormatHeatmap}},
		{"an instant table", `{"expr":"up","format":"table","instant":true}`,
			query.PromQLSpec{Expr: "up", Format: query.FormatTable, Instant: true}},
		{"both range and instant", `{"expr":"up","format":"time_series","instant":true,"range":true}`, query.PromQLSpec{Expr: "up"}},
		{"with a minimum step", `{"expr":"up","interval":"1d","intervalFactor":1}`, query.PromQLSpec{Expr: "up", MinStep: "1d"}},
		{"with a query type of an old Grafana", `{"expr":"up","queryType":"randomWalk"}`, query.PromQLSpec{Expr: "up"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, fromAlert := range []bool{false, true} {
				got, err := promqlOf(t, test.json, fromAlert)
				require.NoError(t, err)
				require.Equal(t, test.want, *got)
			}
		})
	}
}

func TestATargetOfLokiIsNotPromQL(t *testing.T) {
	_, err := promqlOf(t, `{"expr":"{app=\"vllm\"}","queryType":"range"}`, false)
	require.ErrorContains(t, err, "queryType")
}

func TestOurOwnQueryIsNeverReadAsATarget(t *testing.T) {
	got, err := promqlOf(t, `{"queryType":"promql","expr":"other","promql":{"expr":"up"}}`, false)
	require.NoError(t, err)
	require.Equal(t, "up", got.Expr)
}

func TestMinimumStep(t *testing.T) {
	day := 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"": 0, "$__interval": 0, "${__interval}": 0, "$__auto": 0, "15s": 15 * time.Second, "1m30s": 90 * time.Second, "1d": day, "1w": 7 * day,
		"1d12h": 36 * time.Hour, "500ms": 500 * time.Millisecond, ">1m": time.Minute, " 2h ": 2 * time.Hour,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := promqlOf(t, `{"queryType":"promql","promql":{"expr":"up","minStep":"`+text+`"}}`, false)
			require.NoError(t, err)
			require.Equal(t, want, got.Minimum())
			require.False(t, got.RateStep())
		})
	}
	rate, err := promqlOf(t, `{"queryType":"promql","promql":{"expr":"up","minStep":"$__rate_interval"}}`, false)
	require.NoError(t, err)
	require.True(t, rate.RateStep())
	for _, text := range []string{"0s", "-1m", "abc", "$step", "99999d"} {
		_, err := promqlOf(t, `{"queryType":"promql","promql":{"expr":"up","minStep":"`+text+`"}}`, false)
		require.ErrorContains(t, err, "promql.minStep", text)
	}
}
