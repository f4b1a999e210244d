package prometheus_test

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	engineLabels = `"engine":"0","instance":"10.0.0.1:8000","model_name":"m"`
	stateNames   = `{__name__=~"vllm:num_requests_running|vllm:kv_cache_usage_perc|vllm:gpu_cache_usage_perc",model_name!=""}`
)

func TestEngineStateReadsAllMetricsInOneCall(t *testing.T) {
	store := &prometheustest.Store{
		Names: []string{"vllm:num_requests_running", "vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
		Answers: map[string]string{stateNames + "[10m]": `[
			{"metric":{"__name__":"vllm:num_requests_running",` + engineLabels + `},"values":[[1789999999.5,"9"],[1790000000.5,"3"],[1790000015.5,"4"]]},
			{"metric":{"__name__":"vllm:kv_cache_usage_perc",` + engineLabels + `},"values":[[1790000000.5,"0.5"]]},
			{"metric":{"__name__":"vllm:gpu_cache_usage_perc",` + engineLabels + `},"values":[[1790000000.5,"0.5"]]},
			{"metric":{"__name__":"vllm:gpu_cache_usage_perc","instance":"10.0.0.2:8000","model_name":"old"},"values":[[1790000001,"0.25"]]}]`},
	}
	series, calls, err := store.Start(t).EngineState(t.Context(), []evidence.Window{window}, vllm.Scope{},
		[]string{vllm.NumRequestsRunning, vllm.KVCacheUsage, vllm.GPUUtilization})
	require.NoError(t, err)
	require.Len(t, calls, 2, "one for the names, one for the samples")
	require.Equal(t, []string{stateNames + "[10m]"}, store.Queries())
	require.Equal(t, "1790000599.999", store.Asked()[1].Form.Get("time"), "a window does not hold its end")

	origin := &evidence.Origin{Instance: "10.0.0.1:8000", Model: "m", Engine: "0"}
	require.Equal(t, []evidence.Series{
		{Metric: vllm.NumRequestsRunning, Origin: origin, Samples: []evidence.Sample{
			{UnixMilli: 1790000000500, Value: 3}, {UnixMilli: 1790000015500, Value: 4},
		}},
		{Metric: vllm.KVCacheUsage, Origin: origin, Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: 0.5}}},
		{
			Metric: vllm.KVCacheUsage, Origin: &evidence.Origin{Instance: "10.0.0.2:8000", Model: "old"},
			Samples: []evidence.Sample{{UnixMilli: 1790000001000, Value: 0.25}},
		},
	}, series, "an engine that exposes two names counts once, by the newer; an old engine by what it has")
	require.Same(t, series[0].Origin, series[1].Origin)
}

func TestEngineStateOfGPUs(t *testing.T) {
	const (
		renamed = `{__name__=~"DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_FB_USED",exported_pod!="",exported_pod="vllm-0"}`
		plain   = `{__name__=~"DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_FB_USED",exported_pod="",pod=~"vllm-0|"}`
	)
	store := &prometheustest.Store{
		Names: []string{"DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "nvidia_smi_utilization_gpu_ratio"},
		Answers: map[string]string{renamed + "[10m]": `[
			{"metric":{"__name__":"DCGM_FI_DEV_GPU_UTIL","instance":"n1:9400","gpu":"0","pod":"dcgm-x","namespace":"monitoring",
			 "exported_pod":"vllm-0","exported_namespace":"llm"},"values":[[1790000000,"97"]]}]`,
			plain + "[10m]": `[
			{"metric":{"__name__":"DCGM_FI_DEV_GPU_UTIL","instance":"n1:9400","gpu":"1","pod":"other"},"values":[[1790000000,"1"]]},
			{"metric":{"__name__":"DCGM_FI_DEV_FB_USED","instance":"n1:9400","gpu":"0","pod":"vllm-0","namespace":"llm"},"values":[[1790000000,"2048"]]}]`},
	}
	series, _, err := store.Start(t).EngineState(t.Context(), []evidence.Window{window},
		vllm.Scope{Models: []string{"m"}, Pods: []string{"vllm-0"}}, []string{vllm.GPUUtilization, vllm.GPUMemoryUsed})
	require.NoError(t, err)
	require.Equal(t, []string{renamed + "[10m]", plain + "[10m]"}, store.Queries(), "of two exporters, one is asked")
	require.Len(t, series, 2, "a GPU of another pod is out of scope, also where a store answers with it")
	require.Equal(t, evidence.Origin{Instance: "n1:9400", Pod: "vllm-0", Namespace: "llm"}, *series[0].Origin, "the user's pod, not the exporter's")
	require.InDelta(t, float64(2048<<20), series[0].Samples[0].Value, 0, "MiB become bytes")
	require.InDelta(t, 0.97, series[1].Samples[0].Value, 1e-12, "percent become a ratio")
	require.Same(t, series[0].Origin, series[1].Origin)
}

func TestEngineStateJoinsNearWindowsAndKeepsFarOnesApart(t *testing.T) {
	store := &prometheustest.Store{Names: []string{"vllm:num_requests_running"}}
	at := func(minutes int) evidence.Window {
		return evidence.Window{From: noon.Add(time.Duration(minutes) * time.Minute), To: noon.Add(time.Duration(minutes+1) * time.Minute)}
	}
	_, _, err := store.Start(t).EngineState(t.Context(), []evidence.Window{at(60), at(0), at(3), at(1)}, vllm.Scope{Models: []string{"m"}},
		[]string{vllm.NumRequestsRunning})
	require.NoError(t, err)
	require.Equal(t, []string{
		`vllm:num_requests_running{model_name="m"}[1m]`, `vllm:num_requests_running{model_name="m"}[4m]`,
	}, store.Queries())
}

// TestEngineStateHoldsABoundedNumberOfSamples asks for as many samples as an installation has, and adds up what the store is asked for.
func TestEngineStateHoldsABoundedNumberOfSamples(t *testing.T) {
	const (
		engines = `{__name__=~"vllm:num_requests_running|vllm:request_success_total",model_name!=""}`
		gpus    = `DCGM_FI_DEV_GPU_UTIL`
		day     = 24 * time.Hour
	)
	ago := func(from, to time.Duration) evidence.Window {
		return evidence.Window{From: noon.Add(-from), To: noon.Add(-to)}
	}
	var rows []evidence.Window // 30 chosen rows, one a day
	for i := range time.Duration(30) {
		rows = append(rows, ago(i*day+10*time.Minute, i*day))
	}
	for _, test := range []struct {
		name      string
		windows   []evidence.Window
		series    [2]int // of the engines, of GPUs
		samples   float64
		from      time.Duration // before noon, of the oldest sample asked for
		leftOut   string
		mostCalls int // for samples
	}{
		{"an hour is not counted", []evidence.Window{ago(time.Hour, 0)}, [2]int{40, 4}, 240 * 44, time.Hour, "", 2},
		{"a day of four engines is read whole", []evidence.Window{ago(day, 0)}, [2]int{40, 4}, 5760 * 44, day, "", 2},
		{"two weeks of four engines are read whole, in pieces", []evidence.Window{ago(14*day, 0)}, [2]int{40, 4}, 14 * 5760 * 44, 14 * day, "", 5},
		{
			"of thirty days the newest part is read", []evidence.Window{ago(30*day, 0)}, [2]int{40, 4}, 4_000_000, 1363636 * time.Second,
			"44 series of 172800 scrapes", 5,
		},
		{"chosen rows of thirty days are read whole", rows, [2]int{40, 4}, 30 * 40 * 44, 29*day + 10*time.Minute, "", 60},
		{
			"chosen rows of a very large fleet are the newest", rows, [2]int{8000, 2000}, 4_000_000, 9*day + 10*time.Minute,
			"10000 series of 1200 scrapes", 20,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			counted := func(n int) string { return fmt.Sprintf(`[{"metric":{},"values":[[1790000000,"%d"]]}]`, n) }
			store := &prometheustest.Store{
				Names: []string{"vllm:num_requests_running", "vllm:request_success_total", gpus},
				Answers: map[string]string{
					"count(" + engines + ")": counted(test.series[0]), "count(" + gpus + ")": counted(test.series[1]),
				},
			}
			_, calls, err := store.Start(t).EngineState(t.Context(), test.windows, vllm.Scope{},
				[]string{vllm.NumRequestsRunning, vllm.RequestSuccess, vllm.GPUUtilization})
			require.NoError(t, err)
			samples, pieces, newest := 0.0, 0, map[string]time.Time{}
			oldest := map[string]time.Time{}
			for _, asked := range store.Asked() {
				selector, long, found := strings.Cut(strings.TrimSuffix(asked.Form.Get("query"), "]"), "[")
				if asked.Path != "/query" || !found {
					continue
				}
				length, err := model.ParseDuration(long)
				require.NoError(t, err)
				seconds, err := strconv.ParseFloat(asked.Form.Get("time"), 64)
				require.NoError(t, err)
				to := time.UnixMilli(int64(math.Round(seconds*1000)) + 1)
				n := test.series[0]
				if selector == gpus {
					n = test.series[1]
				}
				of := time.Duration(length).Seconds() / prometheustest.ScrapeInterval.Seconds() * float64(n)
				require.LessOrEqual(t, of, 1_000_000.0, "one answer")
				samples, pieces = samples+of, pieces+1
				if from := to.Add(-time.Duration(length)); oldest[selector].IsZero() || from.Before(oldest[selector]) {
					oldest[selector] = from
				}
				if to.After(newest[selector]) {
					newest[selector] = to
				}
			}
			require.InDelta(t, test.samples, samples, 100)
			require.LessOrEqual(t, samples, float64(prometheus.MaxStateSamples))
			require.LessOrEqual(t, pieces, test.mostCalls)
			for _, selector := range []string{engines, gpus} {
				require.WithinDuration(t, noon, newest[selector], 0, "the newest is always read")
				require.WithinDuration(t, noon.Add(-test.from), oldest[selector], time.Second, "all metrics begin at the same time")
			}
			notice := evidence.StoreReport{Calls: calls}.Partial()
			if test.leftOut == "" {
				require.Empty(t, notice)
				return
			}
			require.Equal(t, "the engines' state was not read before "+noon.Add(-test.from).UTC().Format(time.RFC3339)+", since "+test.leftOut+
				" are more than the 4000000 samples that one query may hold: take a shorter range, or name a model, a pod or an instance", notice)
		})
	}
}

func TestEngineStateCountsSeriesAtNineMoments(t *testing.T) {
	const selector = `vllm:num_requests_running{model_name!=""}`
	store := &prometheustest.Store{
		Names:   []string{"vllm:num_requests_running"},
		Answers: map[string]string{"count(" + selector + ")": `[{"metric":{},"values":[[1790000000,"100"],[1790010800,"400"],[1790021600,"0"]]}]`},
	}
	day := evidence.Window{From: noon, To: noon.Add(24 * time.Hour)} // 5,760 scrapes × 400 series = 2.3 M samples
	_, _, err := store.Start(t).EngineState(t.Context(), []evidence.Window{day}, vllm.Scope{}, []string{vllm.NumRequestsRunning})
	require.NoError(t, err)
	require.Equal(t, []string{"count(" + selector + ")", selector + "[8h]", selector + "[8h]", selector + "[8h]"}, store.Queries())
	require.Equal(t, "10800", store.Asked()[1].Form.Get("step"), "at nine moments, since engines come and go")
}

func TestEngineStateHalvesWhatIsTooMuch(t *testing.T) {
	store := &prometheustest.Store{
		Names:   []string{"vllm:num_requests_running"},
		Answers: map[string]string{`vllm:num_requests_running{model_name!=""}[5m]`: // the answer to both halves
		`[{"metric":{"__name__":"vllm:num_requests_running",` + engineLabels + `},"values":[[1790000000,"0"],[1790000301,"7"]]}]`},
	}
	store.Fail = func(w http.ResponseWriter, query string) bool {
		return strings.HasSuffix(query, "[10m]") && prometheustest.Refuse(w, http.StatusUnprocessableEntity,
			"query processing would load too many samples into memory in query execution")
	}
	series, calls, err := store.Start(t).EngineState(t.Context(), []evidence.Window{window}, vllm.Scope{}, []string{vllm.NumRequestsRunning})
	require.NoError(t, err)
	require.Len(t, calls, 4, "names, the whole, two halves")
	require.Len(t, series, 1)
	require.Equal(t, []evidence.Sample{{UnixMilli: 1790000000000}, {UnixMilli: 1790000301000, Value: 7}, {UnixMilli: 1790000301000, Value: 7}},
		series[0].Samples, "each half without what lies before it")
}

func TestEngineStateWithoutVLLMAsksForNothing(t *testing.T) {
	store := &prometheustest.Store{}
	series, calls, err := store.Start(t).EngineState(t.Context(), []evidence.Window{window}, vllm.Scope{}, []string{vllm.NumRequestsRunning})
	require.NoError(t, err)
	require.Empty(t, series)
	require.Len(t, calls, 1)
	require.Empty(t, store.Queries())

	_, _, err = store.Start(t).EngineState(t.Context(), []evidence.Window{window}, vllm.Scope{}, []string{vllm.TTFT})
	require.EqualError(t, err, `"time_to_first_token_seconds" is no gauge or counter of an engine`)
}

func TestEngineStateFailsAsTheStoreDoes(t *testing.T) {
	store := &prometheustest.Store{Fail: func(w http.ResponseWriter, _ string) bool {
		return prometheustest.Refuse(w, http.StatusTooManyRequests, "slow down")
	}}
	_, calls, err := store.Start(t).EngineState(t.Context(), []evidence.Window{window}, vllm.Scope{}, []string{vllm.NumRequestsRunning})
	require.ErrorIs(t, err, upstream.ErrRateLimited)
	require.Len(t, calls, 1)
}

func TestTargets(t *testing.T) {
	const (
		by      = `model_name,environment,cluster,namespace,pod,instance,service,engine`
		running = `group by (` + by + `) (last_over_time(vllm:num_requests_running{model_name!=""}[10m]))`
		info    = `group by (` + by + `,kv_cache_size_tokens,num_gpu_blocks,block_size) (last_over_time(vllm:cache_config_info[10m]))`
	)
	store := &prometheustest.Store{
		Names: []string{"vllm:num_requests_running", "vllm:cache_config_info"},
		Answers: map[string]string{
			running: `[{"metric":{"instance":"a:8000","engine":"0","model_name":"m"},"value":[1,"1"]},
				{"metric":{"instance":"a:8000","engine":"1","model_name":"m"},"value":[1,"1"]},
				{"metric":{"instance":"b:8000","model_name":"v0"},"value":[1,"1"]}]`,
			info: `[{"metric":{"instance":"a:8000","engine":"0","kv_cache_size_tokens":"446464","num_gpu_blocks":"27904","block_size":"16"},"value":[1,"1"]},
				{"metric":{"instance":"a:8000","engine":"1","num_gpu_blocks":"80","block_size":"32"},"value":[1,"1"]}]`,
		},
	}
	targets, calls, err := store.Start(t).Targets(t.Context(), window)
	require.NoError(t, err)
	require.Equal(t, []string{running, info}, store.Queries())
	require.Len(t, calls, 3)
	require.Equal(t, []evidence.Target{
		{Origin: evidence.Origin{Instance: "a:8000", Engine: "0", Model: "m"}, KVCacheTokens: 446464},
		{Origin: evidence.Origin{Instance: "a:8000", Engine: "1", Model: "m"}, KVCacheTokens: 2560},
		{Origin: evidence.Origin{Instance: "b:8000", Model: "v0"}, KVCacheTokens: evidence.Unknown},
	}, targets)
}

func TestFinishedOverTheStepsOfAWindow(t *testing.T) {
	const query = `sum by () (increase(vllm:request_success_total{model_name!=""}[2m]))`
	at := func(minutes int) int64 { return window.From.Add(time.Duration(minutes) * time.Minute).Unix() }
	store := &prometheustest.Store{
		Names:   []string{"vllm:request_success_total"},
		Answers: map[string]string{query: fmt.Sprintf(`[{"metric":{},"values":[[%d,"3"],[%d,"40"]]}]`, at(2), at(6))},
	}
	load, _, err := store.Start(t).FinishedOver(t.Context(), window, vllm.Scope{})
	require.NoError(t, err)
	require.Equal(t, []string{query}, store.Queries())
	require.Equal(t, 2*time.Minute, load.Step)
	require.Equal(t, []float64{3, 0, 40, 0, 0, 0}, load.Counts, "a sample counts the step that ends with it")
	require.InDelta(t, 20, load.In(evidence.Window{From: window.From.Add(4 * time.Minute), To: window.From.Add(5 * time.Minute)}), 1e-9)
}

func TestFinished(t *testing.T) {
	const query = `sum by (model_name,environment,cluster,namespace,pod,instance,service,engine,finished_reason) ` +
		`(increase(vllm:request_success_total{model_name="m"}[10m]))`
	store := &prometheustest.Store{
		Names:   []string{"vllm:request_success_total"},
		Answers: map[string]string{query: `[{"metric":{"instance":"a:8000","engine":"0","model_name":"m","finished_reason":"stop"},"value":[1,"12.5"]}]`},
	}
	finished, _, err := store.Start(t).Finished(t.Context(), window, vllm.Scope{Models: []string{"m"}})
	require.NoError(t, err)
	require.Equal(t, []string{query}, store.Queries())
	require.Equal(t, []evidence.Finished{
		{Origin: evidence.Origin{Instance: "a:8000", Engine: "0", Model: "m"}, Reason: "stop", Count: 12.5},
	}, finished)
}
