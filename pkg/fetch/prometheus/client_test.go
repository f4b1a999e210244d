package prometheus_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus/prometheustest"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var (
	noon   = time.Unix(1790000000, 0).UTC()
	window = evidence.Window{From: noon, To: noon.Add(10 * time.Minute)}
)

func TestQueryTellsWhatItCost(t *testing.T) {
	store := &prometheustest.Store{Answers: map[string]string{"up": `[{"metric":{"job":"vllm"},"value":[1790000000.5,"1"]}]`}}
	answer, call, err := store.Start(t).Query(t.Context(), "up", noon.Add(500*time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, []promql.Series{{
		Labels: map[string]string{"job": "vllm"}, Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: 1}},
	}}, answer.Series)
	require.Equal(t, evidence.Prometheus, call.Store)
	require.Equal(t, "up", call.Text)
	require.Equal(t, 1, call.Rows)
	require.Positive(t, call.Bytes)
	require.Empty(t, call.Err)
	require.Equal(t, "1790000000.5", store.Asked()[0].Form.Get("time"), "to the millisecond")
}

func TestQueryRangeSendsItsGrid(t *testing.T) {
	store := &prometheustest.Store{}
	_, _, err := store.Start(t).QueryRange(t.Context(), "up", promql.Align(noon, noon.Add(time.Hour), 15*time.Second))
	require.NoError(t, err)
	form := store.Asked()[0].Form
	require.Equal(t, []string{"1789999995", "1790003595", "15"}, []string{form.Get("start"), form.Get("end"), form.Get("step")})
}

func TestQueryErrorsAreTheStores(t *testing.T) {
	for name, tc := range map[string]struct {
		fail func(http.ResponseWriter, string) bool
		kind upstream.Kind
		text string
	}{
		"a query that Prometheus refuses": {
			func(w http.ResponseWriter, _ string) bool {
				return prometheustest.Refuse(w, 400, "parse error at char 3")
			},
			upstream.ErrRefused, "Prometheus answered 400 Bad Request: parse error at char 3",
		},
		"a login page": {
			func(w http.ResponseWriter, _ string) bool {
				_, err := w.Write([]byte("<html>log in</html>"))
				return err == nil
			},
			upstream.ErrBadAnswer,
			"Prometheus gave an answer that cannot be read: it is not a query result of Prometheus' HTTP API: no object at byte 0",
		},
		"an error that comes with status 200": {
			func(w http.ResponseWriter, _ string) bool { return prometheustest.Refuse(w, 200, "query timed out") },
			upstream.ErrBadAnswer, "Prometheus gave an answer that cannot be read: query timed out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &prometheustest.Store{Fail: tc.fail}
			_, call, err := store.Start(t).Query(t.Context(), "up{", noon)
			require.ErrorIs(t, err, tc.kind)
			require.EqualError(t, err, tc.text)
			require.Equal(t, tc.text, call.Err)
		})
	}
}

func TestQueryIsAskedByGetWherePostIsRefused(t *testing.T) {
	store := &prometheustest.Store{}
	methods := 0
	store.Fail = func(w http.ResponseWriter, query string) bool {
		if methods++; methods == 1 {
			return prometheustest.Refuse(w, http.StatusMethodNotAllowed, "GET only")
		}
		return false
	}
	_, _, err := store.Start(t).Query(t.Context(), "up", noon)
	require.NoError(t, err)
	require.Equal(t, []string{"up", "up"}, store.Queries())
}

func TestAnswerAboveTheCeilingIsTooLarge(t *testing.T) {
	store := &prometheustest.Store{Answers: map[string]string{"up": `[{"metric":{"a":"0123456789012345678901234567890123456789"},"value":[1,"1"]}]`}}
	client := store.Start(t, func(s *settings.Store, _ *settings.VLLM) { s.MaxResponse = 64 })
	_, _, err := client.Query(t.Context(), "up", noon)
	require.ErrorIs(t, err, upstream.ErrTooLarge)
}

func TestCancelledQueryIsNotAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := (&prometheustest.Store{}).Start(t).Query(ctx, "up", noon)
	require.ErrorIs(t, err, context.Canceled)
}

func TestPing(t *testing.T) {
	version, err := (&prometheustest.Store{}).Start(t).Ping(t.Context())
	require.NoError(t, err)
	require.Equal(t, "3.15.0", version)

	noBuildinfo := &prometheustest.Store{Fail: func(w http.ResponseWriter, query string) bool {
		return query == "" && prometheustest.Refuse(w, http.StatusNotFound, "no such API")
	}}
	version, err = noBuildinfo.Start(t).Ping(t.Context())
	require.NoError(t, err, "a store without versions still answers queries")
	require.Empty(t, version)

	down := &prometheustest.Store{Fail: func(w http.ResponseWriter, _ string) bool {
		return prometheustest.Refuse(w, http.StatusServiceUnavailable, "starting up")
	}}
	_, err = down.Start(t).Ping(t.Context())
	require.EqualError(t, err, "Prometheus answered 503 Service Unavailable: starting up")
}

func TestLabelValuesAskOnlyVLLMsSeries(t *testing.T) {
	store := &prometheustest.Store{Values: map[string][]string{"pod": {"b", "a"}}}
	values, call, err := store.Start(t).LabelValues(t.Context(), "pod", window, vllm.Scope{Models: []string{`m"`}})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, values)
	const selector = `{__name__=~"vllm:.+",model_name="m\""}`
	require.Equal(t, "label_values("+selector+", pod)", call.Text)
	form := store.Asked()[0].Form
	require.Equal(t, []string{selector, "1790000000", "1790000600"}, []string{form.Get("match[]"), form.Get("start"), form.Get("end")})
}

// Label values are asked for by GET alone, and gateways refuse URLs of more than 8 KiB.
func TestLabelValuesOfManyPodsAreAskedInPieces(t *testing.T) {
	store := &prometheustest.Store{Values: map[string][]string{"engine": {"1", "0"}}}
	var pods []string
	for i := range 300 {
		pods = append(pods, fmt.Sprintf("vllm-qwen3-32b-7c9d8f6b5-%05d", i))
	}
	values, _, err := store.Start(t).LabelValues(t.Context(), "engine", window, vllm.Scope{Pods: pods})
	require.NoError(t, err)
	require.Equal(t, []string{"0", "1"}, values, "each once")
	asked := map[string]int{}
	for _, call := range store.Asked() {
		require.Less(t, len(call.Form.Encode()), 6_000)
		for _, pod := range pods {
			asked[pod] += strings.Count(call.Form.Get("match[]"), pod)
		}
	}
	for _, pod := range pods {
		require.Equal(t, 1, asked[pod], pod)
	}
}

func TestNamesAreThoseOfTheStoreAndAskedOnce(t *testing.T) {
	store := &prometheustest.Store{Names: []string{
		"vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc", "vllm:time_per_output_token_seconds_bucket",
		"DCGM_FI_DEV_GPU_UTIL",
	}}
	client := store.Start(t)
	names, calls, err := client.Names(t.Context(), window)
	require.NoError(t, err)
	require.Len(t, calls, 1)
	require.Equal(t, `label_values({__name__=~"vllm:.+|http_requests_total|DCGM_FI_DEV_GPU_UTIL|`+
		`nvidia_smi_utilization_gpu_ratio|DCGM_FI_DEV_FB_USED|nvidia_smi_memory_used_bytes|DCGM_FI_DEV_POWER_USAGE|`+
		`nvidia_smi_power_draw_watts"}, __name__)`, calls[0].Text)

	full := func(canonical string) (out []string) {
		for _, e := range names.Of(canonical) {
			out = append(out, names.Full(e))
		}
		return out
	}
	require.Equal(t, []string{"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"}, full(vllm.KVCacheUsage), "newest first")
	require.Equal(t, []string{"vllm:time_per_output_token_seconds"}, full(vllm.ITL), "0.8 to 0.10.1 have only this")
	require.Equal(t, []string{"DCGM_FI_DEV_GPU_UTIL"}, full(vllm.GPUUtilization))
	require.Empty(t, full(vllm.TPOT))

	_, calls, err = client.Names(t.Context(), evidence.Window{From: noon.Add(time.Second), To: window.To.Add(time.Second)})
	require.NoError(t, err)
	require.Empty(t, calls, "the next refresh of the same panel asks nothing")
}

func TestTheFirstNamesOfAStoreAreSeenWithinSeconds(t *testing.T) {
	store := &prometheustest.Store{}
	client := store.Start(t)
	now := noon
	client.SetClock(func() time.Time { return now })
	names, _, err := client.Names(t.Context(), window)
	require.NoError(t, err)
	require.True(t, names.Empty())

	_, calls, err := client.Names(t.Context(), window)
	require.NoError(t, err)
	require.Empty(t, calls, "that there are none is kept as well")

	store.Names = []string{"vllm:kv_cache_usage_perc"} // vLLM was scraped for the first time
	now = now.Add(5 * time.Second)
	names, _, err = client.Names(t.Context(), window)
	require.NoError(t, err)
	require.False(t, names.Empty())
}

func TestNamesOfAStoreThatDoesNotTellAreAll(t *testing.T) {
	store := &prometheustest.Store{Fail: func(w http.ResponseWriter, _ string) bool {
		return prometheustest.Refuse(w, http.StatusForbidden, "label API is closed")
	}}
	names, _, err := store.Start(t).Names(t.Context(), window)
	require.NoError(t, err)
	require.Len(t, names.Of(vllm.KVCacheUsage), 2)
	require.False(t, names.Empty())
}
