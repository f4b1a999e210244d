package prometheus_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestAStoreThatRefusesPatternsForNamesIsAskedNameByName(t *testing.T) {
	store := &prometheustest.Store{
		Exact: true,
		Names: []string{"vllm:num_requests_running", "vllm:kv_cache_usage_perc", "vllm:request_success_total", "vllm:time_to_first_token_seconds_bucket"},
		Values: map[string][]string{
			"pod": {"b", "a"},
		},
		Answers: map[string]string{
			`vllm:num_requests_running{model_name!=""}[90m]`: `[{"metric":{"__name__":"vllm:num_requests_running",` + engineLabels + `},"values":[[1790000001,"9"]]}]`,
			`vllm:kv_cache_usage_perc{model_name!=""}[90m]`:  `[{"metric":{"__name__":"vllm:kv_cache_usage_perc",` + engineLabels + `},"values":[[1790000001,"0.5"]]}]`,
		},
	}
	client := store.Start(t)
	names, calls, err := client.Names(t.Context(), window)
	require.NoError(t, err)
	require.Greater(t, len(calls), 50, "the refused one, and one for each name")
	require.Len(t, names.Of(vllm.NumRequestsRunning), 1)
	require.Len(t, names.Of(vllm.TTFT), 1)
	require.Empty(t, names.Of(vllm.E2E))

	ninety := evidence.Window{From: noon, To: noon.Add(90 * time.Minute)}
	series, _, err := client.EngineState(t.Context(), []evidence.Window{ninety}, vllm.Scope{}, []string{vllm.NumRequestsRunning, vllm.KVCacheUsage})
	require.NoError(t, err)
	require.Len(t, series, 2, "each metric by itself, and in minutes alone")

	values, _, err := client.LabelValues(t.Context(), "pod", window, vllm.Scope{})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, values, "those of any metric, each once")

	asked := len(store.Asked())
	later := evidence.Window{From: noon.Add(time.Hour), To: noon.Add(2 * time.Hour)}
	_, calls, err = client.Names(t.Context(), later)
	require.NoError(t, err)
	for _, call := range store.Asked()[asked:] {
		require.NotContains(t, call.Form.Get("match[]"), "=~", "what was refused once is not tried again")
	}
	require.Len(t, calls, len(store.Asked())-asked)

	found, err := client.Metrics(t.Context(), window, 100)
	require.NoError(t, err)
	require.Equal(t, prometheus.Metric{Name: "vllm:kv_cache_usage_perc", Engines: true}, found[0])
}

func TestARefusalThatIsNotAboutPatternsIsTheError(t *testing.T) {
	store := &prometheustest.Store{Fail: refuseAll}
	_, _, err := store.Start(t).Names(t.Context(), window)
	require.EqualError(t, err, "Prometheus answered 400 Bad Request: the query time range exceeds the limit", "said once")
}

func TestPrefixesAreThoseOfEnginesAndNotOfRouters(t *testing.T) {
	for name, tc := range map[string]struct {
		store *prometheustest.Store
		want  []string
	}{
		"KServe's, beside a router's": {
			&prometheustest.Store{Names: []string{"kserve_vllm:num_requests_running", "kserve_vllm:generation_tokens_total", "router:num_requests_running"}},
			[]string{"kserve_vllm:"},
		},
		"two of one fleet":        {&prometheustest.Store{Names: []string{"vllm:num_requests_running", "vllm:generation_tokens_total", "ray_vllm_num_requests_running", "ray_vllm_generation_tokens_total"}}, []string{"ray_vllm_", "vllm:"}},
		"asked one by one":        {&prometheustest.Store{Exact: true, Names: []string{"ray_vllm_num_requests_running", "ray_vllm_generation_tokens_total"}}, []string{"ray_vllm_"}},
		"a store without engines": {&prometheustest.Store{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := tc.store.Start(t, func(_ *settings.Store, v *settings.VLLM) { v.MetricPrefix = "vllm:" })
			prefixes, _, err := client.Prefixes(t.Context(), window)
			require.NoError(t, err)
			require.Equal(t, tc.want, prefixes)
		})
	}
}

func refuseAll(w http.ResponseWriter, _ string) bool {
	return prometheustest.Refuse(w, http.StatusBadRequest, "the query time range exceeds the limit")
}
