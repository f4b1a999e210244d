package prometheus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	serverPlaces = "(environment,cluster,namespace,pod,instance,service)"
	newProcess   = `(process_start_time_seconds{pod="p\"0"} unless (process_start_time_seconds{pod="p\"0"} == process_start_time_seconds{pod="p\"0"} offset 15s))` +
		` and on ` + serverPlaces + ` group by ` + serverPlaces + ` (vllm:num_requests_running{model_name="m",pod="p\"0"})`
	oldProcess = `last_over_time(process_start_time_seconds{pod="p\"0"}[30m])` +
		` and on ` + serverPlaces + ` group by ` + serverPlaces + ` (last_over_time(vllm:num_requests_running{model_name="m",pod="p\"0"}[30m]))`
	fell = `(vllm:generation_tokens_total{model_name="m",pod="p\"0"} < last_over_time(vllm:generation_tokens_total{model_name="m",pod="p\"0"}[30m] offset 15s))` +
		` unless on ` + serverPlaces + ` process_start_time_seconds{pod="p\"0"}`
	returned = `(` + inPod + ` unless on (model_name,environment,cluster,namespace,pod,instance,engine) last_over_time(` + inPod + `[30m] offset 15s)` +
		` and on (model_name,environment,cluster,namespace,pod,engine) last_over_time(` + inPod + `[30m] offset 15s))` +
		` unless on ` + serverPlaces + ` process_start_time_seconds{pod="p\"0"}`
	inPod  = `vllm:generation_tokens_total{model_name="m",pod="p\"0",pod!=""}`
	slept  = `(vllm:engine_sleep_state{model_name="m",pod="p\"0"} == 1) unless (vllm:engine_sleep_state{model_name="m",pod="p\"0"} offset 15s == 1)`
	before = `last_over_time(vllm:engine_sleep_state{model_name="m",pod="p\"0"}[30m]) == 1`
	storm  = `sum by (model_name,environment,cluster,namespace,pod,instance,service,engine) (rate(vllm:num_preemptions_total{model_name="m",pod="p\"0"}[1m])) >= 0.5`
)

var everyChange = prometheus.ChangesAsk{Starts: true, Sleep: true, Preemptions: 0.5, PreemptionsOver: time.Minute}

func TestEngineChangesAsksForChangesOnly(t *testing.T) {
	store := &prometheustest.Store{
		Names: []string{"vllm:num_requests_running", "vllm:generation_tokens_total", "vllm:engine_sleep_state", "vllm:num_preemptions_total"},
		Answers: map[string]string{
			newProcess: `[{"metric":{"pod":"a"},"values":[[1790000060,"1790000050"]]}]`,
			oldProcess: `[{"metric":{"pod":"a"},"value":[1789999980,"1780000000"]}]`,
			slept: `[{"metric":{"pod":"a","engine":"0","sleep_state":"weights_offloaded"},"values":[[1790000120,"1"]]},
				{"metric":{"pod":"a","engine":"0","sleep_state":"awake"},"values":[[1790000300,"1"]]}]`,
			before: `[{"metric":{"pod":"a","engine":"0","sleep_state":"awake"},"value":[1789999980,"1"]}]`,
			storm:  `[{"metric":{"pod":"a","engine":"0"},"values":[[1790000180,"0.75"]]}]`,
		},
	}
	found, calls, err := store.Start(t).EngineChanges(t.Context(), window, vllm.Scope{Models: []string{"m"}, Pods: []string{`p"0`}}, everyChange)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{newProcess, oldProcess, fell, returned, slept, before, storm}, store.Queries())
	require.Len(t, calls, 8, "one for the names")

	server, engine := &evidence.Origin{Pod: "a"}, &evidence.Origin{Pod: "a", Engine: "0"}
	require.Equal(t, evidence.EngineChanges{
		Step: 15 * time.Second, PreemptingOver: time.Minute,
		Starts: []evidence.Series{{Metric: vllm.ProcessStartTime, Origin: server, Samples: []evidence.Sample{
			{UnixMilli: 1789999980000, Value: 1780000000}, {UnixMilli: 1790000060000, Value: 1790000050},
		}}},
		Sleep: []evidence.Series{{Metric: vllm.EngineSleepState, Origin: engine, Samples: []evidence.Sample{
			{UnixMilli: 1789999980000, Value: 0}, {UnixMilli: 1790000120000, Value: 1}, {UnixMilli: 1790000300000, Value: 0},
		}}},
		Preempting: []evidence.Series{{Metric: vllm.NumPreemptions, Origin: engine, Samples: []evidence.Sample{{UnixMilli: 1790000180000, Value: 0.75}}}},
	}, found)
}

func TestEngineChangesOfAStoreWithoutVLLMAsksNothingMore(t *testing.T) {
	store := &prometheustest.Store{}
	found, _, err := store.Start(t).EngineChanges(t.Context(), window, vllm.Scope{}, everyChange)
	require.NoError(t, err)
	require.Empty(t, store.Queries(), "other programs' start times are none of ours")
	require.Empty(t, found.Starts)
}

func TestEngineChangesStaysWithinPrometheusPoints(t *testing.T) {
	store := &prometheustest.Store{Names: []string{"vllm:num_preemptions_total"}}
	month := evidence.Window{From: noon.AddDate(0, -1, 0), To: noon}
	found, _, err := store.Start(t).EngineChanges(t.Context(), month, vllm.Scope{}, everyChange)
	require.NoError(t, err)
	require.LessOrEqual(t, int(month.Duration()/found.Step), 5000)
	require.GreaterOrEqual(t, found.PreemptingOver, found.Step, "no preemption falls between two steps")
	require.True(t, strings.Contains(store.Queries()[0], "["+promql.Duration(found.PreemptingOver)+"]"), store.Queries()[0])
}
