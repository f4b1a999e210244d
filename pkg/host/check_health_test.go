package host

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/health"
)

func TestHealthWithoutAnyStoreIsAnError(t *testing.T) {
	result, err := newDatasource(t, `{}`, nil).CheckHealth(t.Context(), &backend.CheckHealthRequest{})
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusError, result.Status)
	require.Equal(t, "No store is configured.", result.Message)
	require.Contains(t, string(result.JSONDetails), `"message":"Set the URL of at least one: Prometheus, Loki or Jaeger."`)
}

func TestNoSecretIsInAHealthAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "denied: "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Key")+" at "+r.URL.String(), http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	d := newDatasource(t, `{
		"prometheus": {"url": "`+server.URL+`", "auth": "bearer", "headers": ["X-Key"]},
		"loki": {"url": "`+server.URL+`", "auth": "basic", "basicAuthUser": "user"}
	}`, map[string]string{
		"prometheusBearerToken": "hunter2", "prometheusHeaderValue1": "hunter3", "lokiBasicAuthPassword": "hunter4",
	})
	result, err := d.CheckHealth(t.Context(), &backend.CheckHealthRequest{})
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusError, result.Status)
	require.Contains(t, result.Message, "Prometheus answered 401 Unauthorized: denied: Bearer [redacted] [redacted]")
	for _, secret := range []string{"hunter2", "hunter3", "hunter4", "dXNlcjpodW50ZXI0"} {
		require.NotContains(t, result.Message, secret)
		require.NotContains(t, string(result.JSONDetails), secret)
	}
}

// What the table of kinds says is what the kinds do.
func TestQueriesThatDoNotWorkAreErrors(t *testing.T) {
	queries := map[string]string{
		"requests": `{"queryType":"requests"}`, "request": `{"queryType":"request","request":{"id":"chatcmpl-1"}}`, "coverage": `{"queryType":"coverage"}`,
		"models": `{"queryType":"models"}`, "logs": `{"queryType":"logs"}`, "trace": `{"queryType":"trace","trace":{"traceId":"` + requestTrace(1) + `"}}`,
		"annotations": `{"queryType":"annotations"}`, "promql": `{"queryType":"promql","promql":{"expr":"up"}}`,
		"slo of single limits": `{"queryType":"slo","slo":{"metrics":["worst_limit_burn_rate"]}}`,
		"slo of requests":      `{"queryType":"slo","slo":{"metrics":["attainment"]}}`,
	}
	none := newDatasource(t, `{}`, nil)
	for _, a := range health.Questions {
		t.Run(a.Kind, func(t *testing.T) {
			answer, _ := none.answer(t.Context(), backend.DataQuery{RefID: "A", JSON: []byte(queries[a.Kind]), TimeRange: telemetryRange}, false)
			require.ErrorContains(t, answer.Error, "configured")
			for _, s := range a.Any {
				require.ErrorContains(t, answer.Error, s.Title())
			}
		})
	}
}
