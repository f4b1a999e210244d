package prometheus_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

func TestMetricsAreVLLMsFirstAndSayWhatTheyAre(t *testing.T) {
	store := &prometheustest.Store{
		Names: []string{"vllm:num_requests_running", "vllm:time_to_first_token_seconds_bucket"}, Others: []string{"up", "go_goroutines"},
		Help: map[string]string{"vllm:time_to_first_token_seconds": strings.Repeat("é", 400), "up": "ours"},
	}
	found, err := store.Start(t).Metrics(t.Context(), window, 100)
	require.NoError(t, err)
	require.Equal(t, []prometheus.Metric{
		{Name: "vllm:num_requests_running", Engines: true},
		{Name: "vllm:time_to_first_token_seconds_bucket", Type: "histogram", Help: strings.Repeat("é", 150), Engines: true},
		{Name: "go_goroutines"},
		{Name: "up", Type: "histogram", Help: "ours"},
	}, found)

	found, err = store.Start(t).Metrics(t.Context(), window, 3)
	require.NoError(t, err)
	require.Len(t, found, 3, "no more than asked for")
}

func TestMetricsFailWhenNothingIsKnown(t *testing.T) {
	store := &prometheustest.Store{Fail: func(w http.ResponseWriter, _ string) bool {
		return prometheustest.Refuse(w, 500, "no disk")
	}}
	_, err := store.Start(t).Metrics(t.Context(), window, 3)
	require.EqualError(t, err, "Prometheus answered 500 Internal Server Error: no disk", "said once")
}

// What is typed into a selector reaches Prometheus as a value in quotes, whatever it holds.
func TestLabelsOfASelector(t *testing.T) {
	for name, tc := range map[string]struct {
		metric   string
		matchers []promql.Matcher
		want     string
	}{
		"a metric":            {"up", nil, `up`},
		"vLLM's":              {"", []promql.Matcher{{Label: "pod", Op: "=~", Value: "a.*"}}, `{__name__=~"vllm:.+",pod=~"a.*"}`},
		"one that breaks out": {"up", []promql.Matcher{{Label: "pod", Op: "=", Value: `"} or {x="`}}, `up{pod="\"} or {x=\""}`},
	} {
		t.Run(name, func(t *testing.T) {
			store := &prometheustest.Store{Values: map[string][]string{"pod": {"b", "a"}}}
			values, _, err := store.Start(t).LabelValuesOf(t.Context(), "pod", tc.metric, window, tc.matchers)
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b"}, values)
			asked := store.Asked()[0]
			require.Equal(t, "/label/pod/values", asked.Path)
			require.Equal(t, []string{tc.want}, asked.Form["match[]"])
		})
	}
}
