package fetch_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// countQuery counts what gpuQuery looks at, each device once.
var countQuery = "sum_over_time((count by (model_name) (group by (model_name,UUID,uuid,gpu,Hostname) (" +
	strings.ReplaceAll(strings.TrimPrefix(gpuInSlot, "avg by (model_name) ("), "max without (job,service,endpoint,prometheus,prometheus_replica,replica,__replica__) (avg_over_time(DCGM_FI_DEV_GPU_UTIL[75s])) * 0.01", "max without (job,service,endpoint,prometheus,prometheus_replica,replica,__replica__) (avg_over_time(DCGM_FI_DEV_FB_USED[75s])) * 1048576") +
	"))[10m:15s]) / 40"

// half of the range is known, in the tests here.
var halfKnown = `[{"metric":{},"value":[1790000000,"0.5"]}]`

const (
	promptRate = `sum by (model_name) (rate(vllm:prompt_tokens_total{model_name!=""}[10m]))`
	outputRate = `sum by (model_name) (rate(vllm:generation_tokens_total{model_name!=""}[10m]))`
)

var costs = []string{"gpus", "cost_per_hour", "cost_per_million_tokens", "cost_per_million_generated_tokens"}

func TestCostIsThatOfTheGPUsOverTheTokens(t *testing.T) {
	store := &prometheustest.Store{Names: today, Answers: map[string]string{
		knownShare: halfKnown,
		countQuery: vector("model_name=busy 2", "model_name=idle 0.5", "model_name=silent 0.5"),
		promptRate: vector("model_name=busy 1500", "model_name=idle 0", "model_name=elsewhere 10"),
		outputRate: vector("model_name=busy 500", "model_name=idle 0", "model_name=elsewhere 10"),
	}}
	result, _, err := fetch.Figures(t.Context(), store.Start(t), figures.Spec{Metrics: costs}, window, 0, vllm.Scope{},
		figures.Price{GPUHour: 3.6, Currency: "€"})
	require.NoError(t, err)
	require.Equal(t, "€", result.Currency)
	require.Empty(t, result.Notices)
	unknown := math.NaN()
	for model, want := range map[string][]float64{
		//             GPUs, an hour, a million tokens, a million generated ones
		"busy":      {4, 14.4, 1, 4}, // over the range: 7.2 an hour for 7.2 Mtok, of which 1.8 are generated
		"idle":      {1, 3.6, unknown, unknown},
		"silent":    {1, 3.6, unknown, unknown},           // no counter of tokens
		"elsewhere": {unknown, unknown, unknown, unknown}, // no known GPU: not free, but not known
	} {
		for i, name := range costs {
			got := value(t, result, model, name)
			if math.IsNaN(want[i]) {
				require.True(t, math.IsNaN(got), "%s of %s is not known, and not %v", name, model, got)
			} else {
				require.InDelta(t, want[i], got, 1e-9, "%s of %s", name, model)
			}
		}
	}
}

func TestEnergyIsThePowerOfTheGPUsOverTheGeneratedTokens(t *testing.T) {
	power := "sum_over_time((" + strings.NewReplacer("avg by (model_name) (", "sum by (model_name) (", "DCGM_FI_DEV_GPU_UTIL[75s])) * 0.01", "DCGM_FI_DEV_POWER_USAGE[75s]))").Replace(gpuInSlot) + ")[10m:15s]) / 40"
	store := &prometheustest.Store{Names: append(slices.Clone(today), "DCGM_FI_DEV_POWER_USAGE"), Answers: map[string]string{
		power:      vector("model_name=busy 600", "model_name=idle 90"),
		outputRate: vector("model_name=busy 1000", "model_name=idle 0", "model_name=elsewhere 10"),
	}}
	const name = "energy_per_generated_token"
	result, _, err := fetch.Figures(t.Context(), store.Start(t), figures.Spec{Metrics: []string{name}}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.InDelta(t, 0.6, value(t, result, "busy", name), 1e-9, "joule")
	require.True(t, math.IsNaN(value(t, result, "idle", name)), "no token bears it")
	require.True(t, math.IsNaN(value(t, result, "elsewhere", name)), "no known GPU")
}

func TestWithoutPriceThereAreGPUsAndNoCost(t *testing.T) {
	store := &prometheustest.Store{Names: today, Answers: map[string]string{countQuery: vector("model_name=busy 2"), knownShare: halfKnown}}
	client := store.Start(t)
	result, _, err := fetch.Figures(t.Context(), client, figures.Spec{Metrics: costs[:2]}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.InDelta(t, 4, value(t, result, "busy", "gpus"), 0)
	require.True(t, math.IsNaN(value(t, result, "busy", "cost_per_hour")))
	require.Equal(t, []string{"cost_per_hour: the data source has no price of a GPU hour"}, result.Notices)

	result, _, err = fetch.Figures(t.Context(), client, figures.Spec{}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.Empty(t, result.Notices, "who asks for everything is shown what there is")
}
