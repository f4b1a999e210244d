package fetch_test

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var (
	noon   = time.Unix(1790000000, 0).UTC()
	window = evidence.Window{From: noon.Add(-10 * time.Minute), To: noon}
)

// today is what a vLLM of today, its web server and DCGM expose, as far as figures read it.
var today = []string{
	"vllm:request_success_total", "vllm:admission_rejections_total", "http_requests_total", "vllm:num_requests_running", "vllm:num_requests_waiting",
	"vllm:num_requests_waiting_by_reason", "vllm:kv_cache_usage_perc", "vllm:num_preemptions_total",
	"vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total", "vllm:prompt_tokens_total",
	"vllm:generation_tokens_total", "vllm:spec_decode_num_drafts_total", "vllm:spec_decode_num_draft_tokens_total",
	"vllm:spec_decode_num_accepted_tokens_total", "vllm:time_to_first_token_seconds_bucket",
	"vllm:request_time_per_output_token_seconds_bucket", "vllm:inter_token_latency_seconds_bucket",
	"vllm:e2e_request_latency_seconds_bucket", "vllm:request_queue_time_seconds_bucket",
	"vllm:request_prefill_time_seconds_bucket", "vllm:request_decode_time_seconds_bucket",
	"vllm:request_prompt_tokens_bucket", "vllm:request_generation_tokens_bucket", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED",
}

const (
	running = `vllm:num_requests_running{model_name!=""}`
	// owner is the model of each scrape target that has exactly one.
	owner = `(group by (environment,cluster,namespace,pod,instance,model_name) (last_over_time(` + running + `[10m])) and ` +
		`on (environment,cluster,namespace,pod,instance) (count by (environment,cluster,namespace,pod,instance) ` +
		`(group by (environment,cluster,namespace,pod,instance,model_name) (last_over_time(` + running + `[10m]))) == 1))`
)

// The ten minutes of window are looked at in forty slots, one a scrape. Births are held by promtool (tools/integration/figures).
var (
	target     = []string{"environment", "cluster", "namespace", "pod", "instance"}
	fresh      = 37500 * time.Millisecond
	finishes   = `sum by (model_name,finished_reason) (rate(vllm:request_success_total{model_name!=""}[10m]) or ` + promql.RateOfBirths(`vllm:request_success_total{model_name!="",finished_reason!~"stop|length"}`, running, target, 10*time.Minute, fresh) + `)`
	refusals   = `sum by (model_name) (rate(vllm:admission_rejections_total{model_name!=""}[10m]) or ` + promql.RateOfBirths(`vllm:admission_rejections_total{model_name!=""}`, running, target, 10*time.Minute, fresh) + `)`
	webAnswers = `sum by (model_name,status) ((rate(http_requests_total{handler=~"/v1/.+",method="POST"}[10m]) or ` + promql.RateOfBirths(`http_requests_total{handler=~"/v1/.+",method="POST",status!="2xx"}`, running, target, 10*time.Minute, fresh) + `) * ` +
		`on (environment,cluster,namespace,pod,instance) group_left (model_name) ` + owner + `)`
	knownShare = `clamp_max(count_over_time((group(last_over_time(` + running + `[37500ms])))[10m:15s]) / 40, 1)`
)

// load is a gauge that each engine adds to for the share of the range in which it lived.
func load(by, selector string) string {
	return "sum by (" + by + ") ((avg_over_time(" + selector + "[10m])) * " + lives(selector) + ")"
}

func lives(selector string) string {
	return "(clamp_max(count_over_time((last_over_time(" + selector + "[37500ms]))[10m:15s]) / 40, 1))"
}

func TestQueriesOfATable(t *testing.T) {
	for metrics, want := range map[string][]string{
		"request_rate,error_rate,error_ratio,finished_stop,finished_abort": {
			finishes,
		},
		"rejection_rate,rejection_ratio": {refusals, finishes},
		"http_4xx_rate,http_5xx_ratio":   {webAnswers},
		"ttft,ttft_mean": {
			`count by (__name__,model_name,le) (vllm:time_to_first_token_seconds_bucket{model_name!=""})`,
			`sum by (model_name,le) (rate({__name__=~"vllm:time_to_first_token_seconds_bucket|vllm:time_to_first_token_seconds_sum",model_name!=""}[10m]))`,
		},
		"e2e_mean": {
			`sum by (model_name) (rate(vllm:e2e_request_latency_seconds_sum{model_name!=""}[10m])) / ` +
				`sum by (model_name) (rate(vllm:e2e_request_latency_seconds_count{model_name!=""}[10m]))`,
		},
		"prefill_mean": {
			`count by (__name__,model_name,le) (vllm:request_prefill_time_seconds_bucket{model_name!=""})`,
			`sum by (model_name,le) (rate({__name__=~"vllm:request_prefill_time_seconds_bucket|vllm:request_prefill_time_seconds_sum",model_name!=""}[10m]))`,
		},
		"running,waiting": {
			knownShare, load("model_name", running), load("model_name", `vllm:num_requests_waiting{model_name!=""}`),
		},
		"waiting_capacity,waiting_deferred": {
			knownShare, load("model_name,reason", `vllm:num_requests_waiting_by_reason{model_name!=""}`),
		},
		"kv_cache_usage_max,kv_cache_usage_mean": {
			`max by (model_name) (max_over_time(vllm:kv_cache_usage_perc{model_name!=""}[10m]))`,
			load("model_name", `vllm:kv_cache_usage_perc{model_name!=""}`) + ` / sum by (model_name) (` + lives(`vllm:kv_cache_usage_perc{model_name!=""}`) + `)`,
		},
		"preemption_rate": {`sum by (model_name) (rate(vllm:num_preemptions_total{model_name!=""}[10m]))`},
		"prefix_cache_hit_ratio": {
			`sum by (model_name) (rate(vllm:prefix_cache_hits_total{model_name!=""}[10m]))`,
			`sum by (model_name) (rate(vllm:prefix_cache_queries_total{model_name!=""}[10m]))`,
		},
		"spec_decode_acceptance_ratio,spec_decode_acceptance_length": {
			`sum by (model_name) (rate(vllm:spec_decode_num_accepted_tokens_total{model_name!=""}[10m]))`,
			`sum by (model_name) (rate(vllm:spec_decode_num_draft_tokens_total{model_name!=""}[10m]))`,
			`sum by (model_name) (rate(vllm:spec_decode_num_drafts_total{model_name!=""}[10m]))`,
		},
		"gpu_utilization": {gpuQuery},
	} {
		t.Run(metrics, func(t *testing.T) {
			store := &prometheustest.Store{Names: today}
			_, calls, err := fetch.Figures(t.Context(), store.Start(t), figures.Spec{Metrics: strings.Split(metrics, ",")}, window, 0, vllm.Scope{}, figures.Price{})
			require.NoError(t, err)
			require.Equal(t, want, store.Queries())
			require.Len(t, calls, len(want)+2, "and one for the names, one for copies of series")
		})
	}
}

func loadOverTime(by string) string {
	return "sum by (" + by + ") ((avg_over_time(" + running + "[75s])) * (clamp_max(count_over_time((last_over_time(" + running + "[37500ms]))[75s:18750ms]) / 4, 1)))"
}

// gpuQuery takes a GPU for its pod's model, or else for its host's, in each slot.
const gpuQuery = "avg_over_time((" + gpuInSlot + ")[10m:15s])"

const gpuInSlot = `avg by (model_name) (` +
	`label_replace(label_replace(max without (job,service,endpoint,prometheus,prometheus_replica,replica,__replica__) (avg_over_time(DCGM_FI_DEV_GPU_UTIL[75s])) * 0.01, "pod", "$1", "exported_pod", "(.+)"), "namespace", "$1", "exported_namespace", "(.+)")` +
	` * on (namespace,pod) group_left (model_name) (group by (namespace,pod,model_name) (last_over_time(vllm:num_requests_running{model_name!="",pod!=""}[37500ms]))` +
	` and on (namespace,pod) (count by (namespace,pod) (group by (namespace,pod,model_name) (last_over_time(vllm:num_requests_running{model_name!="",pod!=""}[37500ms]))) == 1))` +
	` or on (instance,gpu,UUID,uuid) ` +
	`label_replace(max without (job,service,endpoint,prometheus,prometheus_replica,replica,__replica__) (avg_over_time(DCGM_FI_DEV_GPU_UTIL[75s])) * 0.01, "vllm_host", "$1$2$3", "instance", "\\[([^]]*)\\](?::[0-9]+)?|([^:]*)(?::[0-9]+)?|([^[]*:[^[]*:[^[]*)")` +
	` * on (vllm_host) group_left (model_name) (group by (vllm_host,model_name) (label_replace(last_over_time(vllm:num_requests_running{model_name!=""}[37500ms]), "vllm_host", "$1$2$3", "instance", "\\[([^]]*)\\](?::[0-9]+)?|([^:]*)(?::[0-9]+)?|([^[]*:[^[]*:[^[]*)"))` +
	` and on (vllm_host) (count by (vllm_host) (group by (vllm_host,model_name) (label_replace(last_over_time(vllm:num_requests_running{model_name!=""}[37500ms]), "vllm_host", "$1$2$3", "instance", "\\[([^]]*)\\](?::[0-9]+)?|([^:]*)(?::[0-9]+)?|([^[]*:[^[]*:[^[]*)"))) == 1)))`

func TestQueriesFollowScopeGroupsVersionsAndForm(t *testing.T) {
	old := []string{
		"vllm:num_requests_running", "vllm:gpu_cache_usage_perc", "vllm:time_per_output_token_seconds_bucket",
		"vllm:gpu_prefix_cache_hits_total", "vllm:gpu_prefix_cache_queries_total",
	}
	between := []string{"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"}
	for name, tc := range map[string]struct {
		names []string
		spec  figures.Spec
		scope vllm.Scope
		want  []string
	}{
		"hostile values stay values": {
			today, figures.Spec{Metrics: []string{"running"}}, vllm.Scope{Models: []string{`m"} or vector(1) #`}, Pods: []string{`.*`, `a|b`}},
			[]string{knownShare, load("model_name", `vllm:num_requests_running{model_name="m\"} or vector(1) #",pod=~"\\.\\*|a\\|b"}`)},
		},
		"groups are the labels of the store": {
			today, figures.Spec{Metrics: []string{"running"}, GroupBy: []string{figures.ByEngine, figures.ByInstance, figures.ByEnvironment}}, vllm.Scope{},
			[]string{knownShare, load("environment,instance,engine", running)},
		},
		"vLLM 0.8 answers under its own names": {
			old, figures.Spec{Metrics: []string{"kv_cache_usage_max", "itl_mean", "prefix_cache_hit_ratio"}}, vllm.Scope{},
			[]string{
				`max by (model_name) (max_over_time(vllm:gpu_cache_usage_perc{model_name!=""}[10m]))`,
				`sum by (model_name) (rate(vllm:gpu_prefix_cache_hits_total{model_name!=""}[10m]))`,
				`sum by (model_name) (rate(vllm:gpu_prefix_cache_queries_total{model_name!=""}[10m]))`,
				`sum by (model_name) (rate(vllm:time_per_output_token_seconds_sum{model_name!=""}[10m])) / sum by (model_name) (rate(vllm:time_per_output_token_seconds_count{model_name!=""}[10m]))`,
			},
		},
		"a fleet of two versions answers under both names, each engine once": {
			between, figures.Spec{Metrics: []string{"kv_cache_usage_max"}}, vllm.Scope{},
			[]string{`max by (model_name) (max_over_time(vllm:kv_cache_usage_perc{model_name!=""}[10m]) or max_over_time(vllm:gpu_cache_usage_perc{model_name!=""}[10m]))`},
		},
		"models are kept apart until their buckets are known to be equal": {
			today, figures.Spec{Metrics: []string{"ttft"}, GroupBy: []string{figures.ByEnvironment}}, vllm.Scope{},
			[]string{`count by (__name__,model_name,le) (vllm:time_to_first_token_seconds_bucket{model_name!=""})`, `sum by (environment,model_name,le) (rate({__name__=~"vllm:time_to_first_token_seconds_bucket|vllm:time_to_first_token_seconds_sum",model_name!=""}[10m]))`},
		},
		"a time series takes rates around each step": {
			today, figures.Spec{Form: figures.TimeSeries, Metrics: []string{"generation_token_rate"}}, vllm.Scope{},
			[]string{`sum by (model_name) (rate(vllm:generation_tokens_total{model_name!=""}[75s]))`},
		},
		"a time series looks at each step four times": {
			today, figures.Spec{Form: figures.TimeSeries, Metrics: []string{"running"}}, vllm.Scope{}, []string{loadOverTime("model_name")},
		},
		"quantiles over time by instance are the store's to compute": {
			today, figures.Spec{Form: figures.TimeSeries, Metrics: []string{"ttft"}, GroupBy: []string{figures.ByInstance}, Quantiles: []float64{0.95}}, vllm.Scope{},
			[]string{`histogram_quantile(0.95, sum by (instance,le) (rate(vllm:time_to_first_token_seconds_bucket{model_name!=""}[75s])))`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &prometheustest.Store{Names: tc.names}
			_, _, err := fetch.Figures(t.Context(), store.Start(t), tc.spec, window, time.Minute, tc.scope, figures.Price{})
			require.NoError(t, err)
			require.Equal(t, tc.want, store.Queries())
		})
	}
}

func TestEverythingTakesFewQueries(t *testing.T) {
	store := &prometheustest.Store{Names: today}
	_, _, err := fetch.Figures(t.Context(), store.Start(t), figures.Spec{}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.Len(t, store.Queries(), 30, "for %d figures", len(figures.Names()))
	require.Len(t, slices.Compact(store.Queries()), 30, "each once")
}

// value finds one number of a table.
func value(t *testing.T, r figures.Result, group, column string) float64 {
	t.Helper()
	g := slices.IndexFunc(r.Groups, func(values []string) bool { return strings.Join(values, "/") == group })
	c := slices.IndexFunc(r.Columns, func(c figures.Column) bool { return c.Name == column })
	require.True(t, g >= 0 && c >= 0, "%s of %s in %v", column, group, r.Groups)
	return r.Values[g][c][0]
}

func vector(samples ...string) string {
	for i, s := range samples {
		labels, v, _ := strings.Cut(s, " ")
		var pairs []string
		for pair := range strings.SplitSeq(labels, ",") {
			name, val, _ := strings.Cut(pair, "=")
			pairs = append(pairs, fmt.Sprintf("%q:%q", name, val))
		}
		samples[i] = fmt.Sprintf(`{"metric":{%s},"value":[1790000000,%q]}`, strings.Join(pairs, ","), v)
	}
	return "[" + strings.Join(samples, ",") + "]"
}

func TestNoErrorsIsNotNoTraffic(t *testing.T) {
	store := &prometheustest.Store{Names: today, Answers: map[string]string{
		finishes: vector(
			"model_name=failing,finished_reason=stop 3", "model_name=failing,finished_reason=abort 0", "model_name=failing,finished_reason=error 1",
			"model_name=fine,finished_reason=stop 4", "model_name=fine,finished_reason=abort 0", "model_name=fine,finished_reason=error 0",
			"model_name=idle,finished_reason=stop 0", "model_name=idle,finished_reason=abort 0", "model_name=idle,finished_reason=error 0",
			"model_name=rust,finished_reason=stop 4",
			"model_name=v0.12,finished_reason=stop 4", "model_name=v0.12,finished_reason=abort 0",
		),
		webAnswers: vector(
			"model_name=fine,status=2xx 4", "model_name=failing,status=2xx 3", "model_name=failing,status=5xx 1",
		),
	}}
	result, _, err := fetch.Figures(t.Context(), store.Start(t), figures.Spec{Metrics: []string{
		"request_rate", "error_rate", "error_ratio", "http_5xx_rate", "http_5xx_ratio",
	}}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	unknown := math.NaN()
	for model, want := range map[string][]float64{
		//        requests, errors, ratio,   5xx,     ratio
		"failing": {4, 1, 0.25, 1, 0.25},
		"fine":    {4, 0, 0, 0, 0},
		"idle":    {0, 0, unknown, unknown, unknown},
		"rust":    {4, 0, 0, unknown, unknown},
		"v0.12":   {4, unknown, unknown, unknown, unknown},
	} {
		for i, c := range result.Columns {
			got := value(t, result, model, c.Name)
			if math.IsNaN(want[i]) {
				require.True(t, math.IsNaN(got), "%s of %s is not known, and not %v", c.Name, model, got)
			} else {
				require.InDelta(t, want[i], got, 1e-12, "%s of %s", c.Name, model)
			}
		}
	}
}

func TestQuantilesComeWithTheBoundsOfTheirBucket(t *testing.T) {
	store := &prometheustest.Store{Names: today, Answers: map[string]string{
		`sum by (model_name,le) (rate({__name__=~"vllm:e2e_request_latency_seconds_bucket|vllm:e2e_request_latency_seconds_sum",model_name!=""}[10m]))`: vector(
			"model_name=m,le=0.3 0.9", "model_name=m,le=0.5 1", "model_name=m,le=+Inf 1", "model_name=m 0.1"),
	}}
	result, _, err := fetch.Figures(t.Context(), store.Start(t),
		figures.Spec{Metrics: []string{"e2e", "e2e_mean"}, Quantiles: []float64{0.5, 0.999}}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.InDelta(t, 0.1667, value(t, result, "m", "e2e_p50"), 1e-4, "all that is known is: below 0.3 s")
	require.Zero(t, value(t, result, "m", "e2e_p50_low"))
	require.InDelta(t, 0.3, value(t, result, "m", "e2e_p50_high"), 1e-12)
	require.InDelta(t, 0.498, value(t, result, "m", "e2e_p99.9"), 1e-9)
	require.InDelta(t, 0.1, value(t, result, "m", "e2e_mean"), 1e-12)

	exact := result.WithExact([]figures.ExactQuantile{
		{Group: []string{"m"}, Metric: "e2e", Quantile: 0.5, Value: 0.042}, {Group: []string{"other"}, Metric: "ttft", Quantile: 0.5, Value: 1},
	})
	var names []string
	for _, c := range exact.Columns {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"e2e_p50", "e2e_p50_low", "e2e_p50_high", "e2e_p50_exact", "e2e_p99.9", "e2e_p99.9_low", "e2e_p99.9_high", "e2e_mean"}, names)
	require.InDelta(t, 0.042, value(t, exact, "m", "e2e_p50_exact"), 0)
	require.Len(t, result.Columns, 7, "the result itself stays")
}

func TestModelsWithDifferentBucketsAreNotAddedUp(t *testing.T) {
	store := &prometheustest.Store{Names: today, Answers: map[string]string{
		`sum by (environment,model_name,le) (rate({__name__=~"vllm:time_to_first_token_seconds_bucket|vllm:time_to_first_token_seconds_sum",model_name!=""}[10m]))`: vector(
			"environment=prod,model_name=a,le=1 1", "environment=prod,model_name=a,le=+Inf 1",
			"environment=prod,model_name=b,le=2 1", "environment=prod,model_name=b,le=+Inf 1",
			"environment=test,model_name=a,le=1 1", "environment=test,model_name=a,le=+Inf 1"),
	}}
	result, _, err := fetch.Figures(t.Context(), store.Start(t),
		figures.Spec{Metrics: []string{"ttft"}, GroupBy: []string{figures.ByEnvironment}, Quantiles: []float64{0.5}}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.True(t, math.IsNaN(value(t, result, "prod", "ttft_p50")))
	require.InDelta(t, 0.5, value(t, result, "test", "ttft_p50"), 1e-12)
	require.Equal(t, []string{"quantiles of prod are not known: its models have histograms with different buckets, which cannot be added up"}, result.Notices)
}

func TestTimeSeriesKeepTheirGaps(t *testing.T) {
	store := &prometheustest.Store{Names: today, Answers: map[string]string{
		loadOverTime("model_name"): `[{"metric":{"model_name":"m"},"values":[[1789999380,"1"],[1789999500,"3"]]}]`,
	}}
	result, _, err := fetch.Figures(t.Context(), store.Start(t),
		figures.Spec{Form: figures.TimeSeries, Metrics: []string{"running"}}, window, time.Minute, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.Len(t, result.Times, 11)
	require.Equal(t, time.Unix(1789999380, 0).UTC(), result.Times[0])
	require.Equal(t, []float64{1, 3}, []float64{result.Values[0][0][0], result.Values[0][0][2]})
	require.True(t, math.IsNaN(result.Values[0][0][1]))
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	old := &prometheustest.Store{Names: []string{"vllm:num_requests_running", "DCGM_FI_DEV_GPU_UTIL", "http_requests_total"}}
	client := old.Start(t, func(s *settings.Store, _ *settings.VLLM) { s.Labels.Environment = "" })
	result, _, err := fetch.Figures(t.Context(), client, figures.Spec{Metrics: []string{"tpot", "running"}}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.Equal(t, []string{"tpot: the store has no vllm:request_time_per_output_token_seconds (vLLM 0.11.0 and newer)"}, result.Notices)

	result, _, err = fetch.Figures(t.Context(), client, figures.Spec{Metrics: []string{"gpu_utilization"}, GroupBy: []string{figures.ByEngine}}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.Equal(t, []string{"gpu_utilization: it is known of an instance and not of its single engines: leave engine out of groupBy"}, result.Notices)

	result, _, err = fetch.Figures(t.Context(), client, figures.Spec{}, window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.Empty(t, result.Notices, "who asks for everything is shown what there is")

	_, _, err = fetch.Figures(t.Context(), client, figures.Spec{GroupBy: []string{figures.ByEnvironment}}, window, 0, vllm.Scope{}, figures.Price{})
	require.EqualError(t, err, "groupBy: the data source names no Prometheus label for environment")
}

func TestOneFailedQueryLeavesTheOtherFigures(t *testing.T) {
	store := &prometheustest.Store{
		Names:   today,
		Answers: map[string]string{load("model_name", running): vector("model_name=m 3"), knownShare: `[{"metric":{},"value":[1790000000,"1"]}]`},
		Fail: func(w http.ResponseWriter, query string) bool {
			return strings.Contains(query, "waiting") && prometheustest.Refuse(w, http.StatusServiceUnavailable, "too busy")
		},
	}
	result, calls, err := fetch.Figures(t.Context(), store.Start(t), figures.Spec{Metrics: []string{"running", "waiting"}}, window, 0, vllm.Scope{}, figures.Price{})
	require.EqualError(t, err, "Prometheus answered 503 Service Unavailable: too busy")
	require.Len(t, calls, 5)
	require.InDelta(t, 3, value(t, result, "m", "running"), 0)
	require.True(t, math.IsNaN(value(t, result, "m", "waiting")))
}

// BenchmarkFetch takes one figure of 500 engines over a day of minutes through the client, from the answer on the wire to
// the Result: 720,000 points. It is what a query costs on top of what Prometheus takes to evaluate it.
func BenchmarkFetch(b *testing.B) {
	day := evidence.Window{From: noon.Add(-24 * time.Hour), To: noon}
	var result strings.Builder
	for engine := range 500 {
		fmt.Fprintf(&result, `%s{"metric":{"instance":"10.0.%d.%d:8000"},"values":[`, separator(engine), engine/250, engine%250)
		for minute := range 1440 {
			fmt.Fprintf(&result, `%s[%d,"%d"]`, separator(minute), day.From.Unix()/60*60+int64(minute)*60, minute%97)
		}
		result.WriteString("]}")
	}
	store := &prometheustest.Store{Names: today, Answers: map[string]string{
		loadOverTime("instance"): "[" + result.String() + "]",
	}}
	client := store.Start(b)
	spec := figures.Spec{Form: figures.TimeSeries, Metrics: []string{"running"}, GroupBy: []string{figures.ByInstance}}
	b.ReportAllocs()
	for b.Loop() {
		r, _, err := fetch.Figures(b.Context(), client, spec, day, time.Minute, vllm.Scope{}, figures.Price{})
		if err != nil || len(r.Groups) != 500 {
			b.Fatal(err, len(r.Groups))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/720_000, "ns/point")
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
