package attainment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

func TestWhatIsOddAboutHistogramsIsFound(t *testing.T) {
	objectives := slo.Objectives{{Model: "*", TTFT: 2 * time.Second}}
	held := `count by (model_name,le) (last_over_time(vllm:time_to_first_token_seconds_bucket{model_name!=""}[1h]))`
	for name, tc := range map[string]struct {
		store *prometheustest.Store
		want  []string
	}{
		"vLLM's own bounds, none of which is the limit": {&prometheustest.Store{Names: today[:1], Values: map[string][]string{"le": ours()}}, nil},
		"bounds of somebody else": {
			&prometheustest.Store{
				Names: today[:1], Values: map[string][]string{"le": {"0.5", "3.0", "+Inf"}},
				Answers: map[string]string{held: rates(map[string]map[string]float64{"llama": {"0.5": 2, "3.0": 2, "+Inf": 2}})},
			},
			[]string{"Histograms have other bounds than vLLM's own: the limit of 2 s on TTFT of llama lies between 0.5 s and 3 s, and shares are counted at 3 s."},
		},
		"bounds of somebody else, one of which is the limit": {
			&prometheustest.Store{
				Names: today[:1], Values: map[string][]string{"le": {"0.5", "2.0", "+Inf"}},
				Answers: map[string]string{held: rates(map[string]map[string]float64{"llama": {"0.5": 2, "2.0": 2, "+Inf": 2}})},
			}, nil,
		},
		"replicas that differ": {
			&prometheustest.Store{
				Names: today[:1], Values: map[string][]string{"le": append(ours(), "2.0")},
				Answers: map[string]string{held: rates(map[string]map[string]float64{"llama": {"1.0": 2, "2.0": 1, "2.5": 2, "+Inf": 2}})},
			},
			[]string{"Histograms have other bounds than vLLM's own: the limit of 2 s on TTFT of llama lies between 1 s and 2.5 s, and shares are counted at 2.5 s; replicas of llama have buckets with different bounds."},
		},
		"native alone": {
			&prometheustest.Store{Names: []string{"vllm:time_to_first_token_seconds", "vllm:e2e_request_latency_seconds"}},
			[]string{"All 2 of vLLM's histograms are native ones: the data source reads them, but queries of others for series that end in _bucket find nothing."},
		},
		"both": {
			&prometheustest.Store{Names: []string{"vllm:time_to_first_token_seconds", "vllm:time_to_first_token_seconds_bucket", "vllm:e2e_request_latency_seconds_bucket"}, Values: map[string][]string{"le": ours()}},
			[]string{"1 of vLLM's histograms are there as native ones and 2 as classic ones, 1 of them as both: figures add them up, but queries of others see one type alone."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			findings, _, err := fetch.HistogramFindings(t.Context(), tc.store.Start(t), objectives, hour.Window())
			require.NoError(t, err)
			var found []string
			for _, f := range findings {
				require.NotEmpty(t, f.Fix)
				found = append(found, f.Found)
			}
			require.Equal(t, tc.want, found)
		})
	}
}
