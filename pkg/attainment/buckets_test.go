package attainment_test

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var (
	today = []string{
		"vllm:time_to_first_token_seconds_bucket", "vllm:request_time_per_output_token_seconds_bucket",
		"vllm:inter_token_latency_seconds_bucket", "vllm:e2e_request_latency_seconds_bucket",
	}
	steps = promql.Range{From: noon, To: noon, Step: time.Hour}
)

// rates is an answer with one series per model and bound.
func rates(byModel map[string]map[string]float64) string {
	var series []string
	for model, buckets := range byModel {
		for le, rate := range buckets {
			series = append(series, fmt.Sprintf(`{"metric":{"model_name":%q,"le":%q},"value":[%d,"%v"]}`, model, le, noon.Unix(), rate))
		}
	}
	return "[" + strings.Join(series, ",") + "]"
}

// ours are the bounds of TTFT that vLLM has by itself, as its client writes them.
func ours() []string {
	m, _ := vllm.LookupMetric(vllm.TTFT)
	texts := []string{"+Inf"}
	for _, bound := range m.Buckets {
		text := strconv.FormatFloat(bound, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		texts = append(texts, text)
	}
	return texts
}

func TestALimitIsReadOffTheNextBound(t *testing.T) {
	const query = `sum by (model_name,le) (rate(vllm:time_to_first_token_seconds_bucket{model_name!="",le=~"0\\.5|1\\.0|2\\.5|\\+Inf"}[1h]))`
	store := &prometheustest.Store{
		Names: today, Values: map[string][]string{"le": ours()},
		Answers: map[string]string{query: rates(map[string]map[string]float64{
			"llama":  {"0.5": 5, "1.0": 8, "2.5": 9.9, "+Inf": 10},
			"qwen":   {"0.5": 19, "1.0": 19, "2.5": 20, "+Inf": 20},
			"nobody": {"+Inf": 1},
		})},
	}
	objectives := slo.Objectives{{Model: "llama", TTFT: 2 * time.Second}, {Model: "qwen", TTFT: 500 * time.Millisecond}}
	spec := attainment.Spec{Metrics: []string{"ttft_attainment", "ttft_burn_rate", "worst_limit_budget_left"}}.WithDefaults()
	store.Names = today[:1]
	buckets, calls, err := fetch.Buckets(t.Context(), store.Start(t), spec, objectives, vllm.Scope{}, steps, hour)
	require.NoError(t, err)
	require.Len(t, calls, 4, "names, bounds, how many replicas have them, rates")
	require.Equal(t, []string{`count by (__name__,model_name,le) (vllm:time_to_first_token_seconds_bucket{model_name!=""})`, query}, store.Queries())

	r := attainment.Result(spec, hour, attainment.Requests{}, buckets)
	require.Equal(t, [][]string{{"llama"}, {"qwen"}}, r.Groups)
	got := map[string]map[string]float64{}
	for g, group := range r.Groups {
		got[group[0]] = map[string]float64{}
		for c, column := range r.Columns {
			got[group[0]][column.Name] = r.Values[g][c][0]
		}
	}
	require.InDeltaMapValues(t, map[string]float64{
		"ttft_attainment": 0.99, "ttft_attainment_low": 0.8, "ttft_limit": 2, "ttft_bound": 2.5, "ttft_burn_rate": 1,
		"worst_limit_budget_left": 0,
	}, got["llama"], 1e-9)
	require.InDeltaMapValues(t, map[string]float64{
		"ttft_attainment": 0.95, "ttft_attainment_low": 0.95, "ttft_limit": 0.5, "ttft_bound": 0.5, "ttft_burn_rate": 5,
		"worst_limit_budget_left": -4,
	}, got["qwen"], 1e-9, "the limit is a bound itself")
	require.Equal(t, []string{
		"e2e_attainment: the store has no vllm:e2e_request_latency_seconds",
		"tpot_attainment: the store has no vllm:request_time_per_output_token_seconds (vLLM 0.11.0 and newer)",
		"ttft_attainment: a limit of 2 s is no bound of a bucket; what took up to 2.5 s counts as within it",
		"No SLO limits are set for nobody: see SLO limits in the data source's settings.",
	}, r.Notices)
}

func TestModelsOfOneInstanceAreAddedUpEachByItsOwnLimit(t *testing.T) {
	const query = `sum by (instance,model_name,le) (rate(vllm:time_to_first_token_seconds_bucket{model_name!="",le=~"0\\.5|1\\.0|\\+Inf"}[1h]))`
	answer := strings.ReplaceAll(rates(map[string]map[string]float64{
		"llama": {"1.0": 9, "0.5": 1, "+Inf": 10}, "qwen": {"1.0": 10, "0.5": 7, "+Inf": 10},
	}), `"model_name"`, `"instance":"a:8000","model_name"`)
	store := &prometheustest.Store{Names: today[:1], Values: map[string][]string{"le": ours()}, Answers: map[string]string{query: answer}}
	objectives := slo.Objectives{{Model: "llama", TTFT: time.Second}, {Model: "qwen", TTFT: 500 * time.Millisecond}}
	spec := attainment.Spec{Metrics: []string{"ttft_attainment"}, GroupBy: []string{figures.ByInstance}}.WithDefaults()
	buckets, _, err := fetch.Buckets(t.Context(), store.Start(t), spec, objectives, vllm.Scope{}, steps, hour)
	require.NoError(t, err)
	r := attainment.Result(spec, hour, attainment.Requests{}, buckets)
	require.Equal(t, [][]string{{"a:8000"}}, r.Groups)
	require.InDelta(t, 0.8, r.Values[0][0][0], 1e-9)
	require.True(t, math.IsNaN(r.Values[0][3][0]), "two bounds are none: %s", r.Columns[3].Name)
}

func TestALimitAboveTheLastBucketTellsNothing(t *testing.T) {
	store := &prometheustest.Store{
		Names: today[:1], Values: map[string][]string{"le": {"1.0", "+Inf"}},
		Answers: map[string]string{
			`count by (model_name,le) (last_over_time(vllm:time_to_first_token_seconds_bucket{model_name!=""}[1h]))`:        rates(map[string]map[string]float64{"llama": {"1.0": 2, "+Inf": 2}}),
			`sum by (model_name,le) (rate(vllm:time_to_first_token_seconds_bucket{model_name!="",le=~"1\\.0|\\+Inf"}[1h]))`: rates(map[string]map[string]float64{"llama": {"1.0": 9, "+Inf": 10}}),
		},
	}
	spec := attainment.Spec{Metrics: []string{"ttft_attainment"}}.WithDefaults()
	buckets, _, err := fetch.Buckets(t.Context(), store.Start(t), spec, slo.Objectives{{Model: "*", TTFT: time.Minute}}, vllm.Scope{}, steps, hour)
	require.NoError(t, err)
	r := attainment.Result(spec, hour, attainment.Requests{}, buckets)
	require.True(t, math.IsNaN(r.Values[0][0][0]))
	require.InDelta(t, 0.9, r.Values[0][1][0], 1e-9, "at least so much")
	require.Equal(t, []string{"ttft_attainment: a limit of 60 s on llama is above the last bucket: nothing can be told"}, r.Notices)
}

func TestAHistogramThatFailsLeavesTheOthers(t *testing.T) {
	store := &prometheustest.Store{
		Names: today, Values: map[string][]string{"le": {"1.0", "+Inf"}},
		Answers: map[string]string{
			`count by (model_name,le) (last_over_time(vllm:e2e_request_latency_seconds_bucket{model_name!=""}[1h]))`:        rates(map[string]map[string]float64{"llama": {"1.0": 2, "+Inf": 2}}),
			`sum by (model_name,le) (rate(vllm:e2e_request_latency_seconds_bucket{model_name!="",le=~"1\\.0|\\+Inf"}[1h]))`: rates(map[string]map[string]float64{"llama": {"1.0": 9, "+Inf": 10}}),
		},
		Fail: func(w http.ResponseWriter, query string) bool {
			return strings.Contains(query, "time_to_first") && prometheustest.Refuse(w, http.StatusUnprocessableEntity, "too many samples")
		},
	}
	spec := attainment.Spec{Metrics: []string{"ttft_attainment", "e2e_attainment"}}.WithDefaults()
	buckets, _, err := fetch.Buckets(t.Context(), store.Start(t), spec, slo.Objectives{{Model: "*", TTFT: time.Second, E2E: time.Second}}, vllm.Scope{}, steps, hour)
	require.ErrorContains(t, err, "too many samples")
	require.False(t, buckets.Empty())
}

// The replicas of llama differ: one has --custom-histogram-buckets, the other vLLM's own. A sum at 2 s would be of one alone.
func TestReplicasWithOtherBoundsAreReadAtThoseThatAllHave(t *testing.T) {
	store := &prometheustest.Store{
		Names: today[:1], Values: map[string][]string{"le": append(ours(), "2.0", "3.0")},
		Answers: map[string]string{
			`count by (model_name,le) (last_over_time(vllm:time_to_first_token_seconds_bucket{model_name!=""}[1h]))`: rates(map[string]map[string]float64{
				"llama": {"1.0": 2, "2.0": 1, "2.5": 1, "3.0": 1, "5.0": 2, "+Inf": 2}, "qwen": {"1.0": 3, "2.0": 3, "+Inf": 3},
			}),
			`sum by (model_name,le) (rate(vllm:time_to_first_token_seconds_bucket{model_name!="",le=~"1\\.0|2\\.0|5\\.0|\\+Inf"}[1h]))`: rates(map[string]map[string]float64{
				"llama": {"1.0": 5, "2.0": 3, "5.0": 9, "+Inf": 10}, "qwen": {"1.0": 1, "2.0": 4, "5.0": 0, "+Inf": 5},
			}),
		},
	}
	spec := attainment.Spec{Metrics: []string{"ttft_attainment"}}.WithDefaults()
	objectives := slo.Objectives{{Model: "*", TTFT: 2 * time.Second}}
	buckets, _, err := fetch.Buckets(t.Context(), store.Start(t), spec, objectives, vllm.Scope{}, steps, hour)
	require.NoError(t, err)
	r := attainment.Result(spec, hour, attainment.Requests{}, buckets)
	require.Equal(t, [][]string{{"llama"}, {"qwen"}}, r.Groups)
	require.InDeltaSlice(t, []float64{0.9, 0.5, 2, 5}, columnsOf(r, 0), 1e-9, "share, share below, limit, bound")
	require.InDeltaSlice(t, []float64{0.8, 0.8, 2, 2}, columnsOf(r, 1), 1e-9, "qwen has a bound at the limit itself")
	require.Equal(t, []string{
		"ttft_attainment: a limit of 2 s on llama is no bound of a bucket; what took up to 5 s counts as within it",
		"ttft_attainment: replicas of llama have buckets with different bounds (--custom-histogram-buckets); limits are read off those bounds that all of them have",
	}, r.Notices)
}

func columnsOf(r figures.Result, group int) (values []float64) {
	for _, column := range r.Values[group] {
		values = append(values, column[0])
	}
	return values
}

// Native histograms hold populated buckets alone. The figures are those of classic ones, also where a fleet has both.
func TestNativeHistogramsGiveTheSameShares(t *testing.T) {
	native := `label_replace(sum by (model_name) (rate(vllm:time_to_first_token_seconds{model_name!=""}[1h])), "le", "native", "", "")`
	histogram := func(count string, buckets string) string {
		return fmt.Sprintf(`{"metric":{"model_name":"llama","le":"native"},"histogram":[%d,{"count":%q,"sum":"9","buckets":[%s]}]}`, noon.Unix(), count, buckets)
	}
	custom := histogram("10", `[3,"-Inf","0.001","1"],[0,"1","2.5","7"],[0,"2.5","5","2"]`)
	classic := `sum by (model_name,le) (rate(vllm:time_to_first_token_seconds_bucket{model_name!="",le=~"1\\.0|2\\.5|\\+Inf"}[1h]))`
	for name, tc := range map[string]struct {
		names   []string
		answers map[string]string
		want    []float64 // share, share below, limit, bound
	}{
		"that came from classic ones": {
			[]string{"vllm:time_to_first_token_seconds"}, map[string]string{native: "[" + custom + "]"}, []float64{0.8, 0.1, 2, 2.5},
		},
		"that came from classic ones, without any near the limit": {
			[]string{"vllm:time_to_first_token_seconds"}, map[string]string{native: "[" + histogram("4", `[0,"0.5","0.75","3"],[0,"5","7.5","1"]`) + "]"}, []float64{0.75, 0.75, 2, 2.5},
		},
		"exponential ones": {
			[]string{"vllm:time_to_first_token_seconds"}, map[string]string{native: "[" + histogram("10", `[0,"1.5","1.9","5"],[0,"1.9","2.1","2"],[0,"4","4.2","3"]`) + "]"}, []float64{0.7, 0.5, 2, 2.1},
		},
		"beside classic ones": {
			[]string{"vllm:time_to_first_token_seconds", "vllm:time_to_first_token_seconds_bucket"}, map[string]string{
				classic + " or " + native: strings.TrimSuffix(rates(map[string]map[string]float64{"llama": {"1.0": 4, "2.5": 8, "+Inf": 10}}), "]") + "," + custom + "]",
			}, []float64{0.8, 0.25, 2, 2.5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &prometheustest.Store{Names: tc.names, Values: map[string][]string{"le": ours()}, Answers: tc.answers}
			spec := attainment.Spec{Metrics: []string{"ttft_attainment"}}.WithDefaults()
			buckets, _, err := fetch.Buckets(t.Context(), store.Start(t), spec, slo.Objectives{{Model: "*", TTFT: 2 * time.Second}}, vllm.Scope{}, steps, hour)
			require.NoError(t, err)
			r := attainment.Result(spec, hour, attainment.Requests{}, buckets)
			require.InDeltaSlice(t, tc.want, columnsOf(r, 0), 1e-9)
		})
	}
}
