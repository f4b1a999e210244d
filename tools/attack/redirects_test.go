//go:build unix

package attack

import (
	"net/http"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

func TestAttackRedirects(t *testing.T) {
	try(t, "redirects", attack{
		name:  "a store sends the plugin to another host",
		tried: "Prometheus and Loki answer every call with 301, 302, 303, 307 or 308 to a second server, for every query kind, alert rules, Save & test and lists",
		holds: "the second server is never asked",
		run:   redirected,
	})
}

func redirected(t *testing.T) {
	stores, elsewhere := newStores(t), newHTTPStore(t, func(*call) string { return "{}" })
	settings := stores.settings()
	settings.Secure = map[string]string{"prometheusBearerToken": "hunter2", "lokiBearerToken": "hunter2"}
	for _, name := range []string{"prometheus", "loki"} {
		settings.JSON[name].(map[string]any)["auth"] = "bearer"
	}
	host := start(t, settings)
	refused := 0
	for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		to := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.url+r.URL.Path, code) }
		stores.prometheus.instead(to)
		stores.loki.instead(to)
		for _, example := range examples() {
			answer, err := host.QueryData(t.Context(), asked(t, "A", example))
			require.NoError(t, err)
			if answer.Responses["A"].Error != nil {
				require.NotContains(t, answer.Responses["A"].Error.Error(), "hunter2")
				refused++
			}
		}
		for _, alert := range []map[string]any{{"queryType": "promql", "promql": map[string]any{"expr": "up"}}, {"queryType": "models", "models": map[string]any{"metrics": []any{"running"}}}} {
			answer, err := host.QueryAlert(t.Context(), asked(t, "A", alert))
			require.NoError(t, err)
			require.ErrorContains(t, answer.Responses["A"].Error, "redirects to "+elsewhere.url)
			refused++
		}
		health, err := host.CheckHealth(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, backend.HealthStatusOk, health.Status)
		for _, path := range lists("llama") {
			_, _, _ = host.CallResource(t.Context(), path)
		}
	}
	require.Empty(t, elsewhere.calls(), "the second server is asked")
	figure(t, "%d redirects, %d answers are errors, none followed", len(stores.prometheus.calls())+len(stores.loki.calls()), refused)
}
