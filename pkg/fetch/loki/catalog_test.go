package loki_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// always answers every call with the same body.
func always(t *testing.T, body string) *fakeLoki {
	fake := newFakeLoki(t)
	fake.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	return fake
}

func TestVolumeCountsLinesByTheirOwnLevel(t *testing.T) {
	fake := always(t, `{"status":"success","data":{"resultType":"matrix","result":[
		{"metric":{"vllm_level":"INFO"},"values":[[1787227260,"3"],[1787227320.5,"4"]]},
		{"metric":{"vllm_level":"WARN"},"values":[[1787227260,"1"]]},
		{"metric":{"vllm_level":"WARNING"},"values":[[1787227260,"2"]]},
		{"metric":{},"values":[[1787227320,"5"]]}]}}`)
	volume, report := client(t, fake.URL, nil, `{container="vllm"}`).Volume(t.Context(), window(0, time.Hour), time.Minute, vllm.Scope{}, loki.LineFilter{Contains: "x"})
	require.NoError(t, report.Err)
	require.Equal(t, []string{
		`sum by (vllm_level, vllm_word, vllm_bracket, vllm_letter, vllm_record_level) (count_over_time({container="vllm"} |= "x" | regexp ` +
			strconv.Quote(loki.LevelCapture) + ` | regexp ` + strconv.Quote(loki.RecordLevelCapture) + ` [1m0s]))`,
	}, fake.queries())
	require.Equal(t, []evidence.LevelVolume{
		{Level: vllm.LevelWarning, Samples: []evidence.Sample{{UnixMilli: 1787227200000, Value: 3}}},
		{Level: vllm.LevelInfo, Samples: []evidence.Sample{{UnixMilli: 1787227200000, Value: 3}, {UnixMilli: 1787227260500, Value: 4}}},
		{Level: vllm.LevelUnknown, Samples: []evidence.Sample{{UnixMilli: 1787227260000, Value: 5}}},
	}, volume)
	require.Equal(t, 15, report.Seen)
}

func TestVolumeEndsWithItsWindow(t *testing.T) {
	// Loki answers for whole steps around the window: the first of these bars ends and the last two begin outside.
	fake := always(t, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"vllm_level":"INFO"},
		"values":[[1787227199,"1"],[1787227259,"2"],[1787230799,"3"],[1787230859,"4"],[1787230919,"5"]]}]}}`)
	volume, report := client(t, fake.URL, nil, "").Volume(t.Context(), window(0, time.Hour), time.Minute, vllm.Scope{}, loki.LineFilter{})
	require.NoError(t, report.Err)
	require.Equal(t, []evidence.LevelVolume{{Level: vllm.LevelInfo, Samples: []evidence.Sample{
		{UnixMilli: 1787227199000, Value: 2}, {UnixMilli: 1787230739000, Value: 3},
	}}}, volume)
	require.Equal(t, 5, report.Seen)
}

func TestVolumeOfARequestCountsItsLines(t *testing.T) {
	fake := always(t, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{"pod":"p"},"values":[
		["1787227200000000001","(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] Added request cmpl-B-1-0."],
		["1787227200000000002","(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] Added request cmpl-B-10-0."],
		["1787227261000000003","(APIServer pid=1) ERROR 08-20 12:01:01 [async_llm.py:500] Request cmpl-B-1 failed"]]}]}}`)
	volume, report := client(t, fake.URL, nil, "").Volume(t.Context(), window(0, time.Hour), time.Minute, vllm.Scope{}, loki.LineFilter{RequestID: "cmpl-B-1"})
	require.NoError(t, report.Err)
	require.Equal(t, []evidence.LevelVolume{
		{Level: vllm.LevelError, Samples: []evidence.Sample{{UnixMilli: 1787227260000, Value: 1}}},
		{Level: vllm.LevelInfo, Samples: []evidence.Sample{{UnixMilli: 1787227200000, Value: 1}}},
	}, volume, "prompt 10 is not prompt 1")
}

func TestVolumeWidensItsSteps(t *testing.T) {
	for _, test := range []struct {
		name         string
		window, step time.Duration
		want         string
	}{
		{"the step asked for", time.Hour, 5 * time.Minute, "[5m0s]"},
		{"whole seconds", time.Minute, 1500 * time.Millisecond, "[2s]"},
		{"no more than a thousand steps", 30 * 24 * time.Hour, time.Second, "[43m12s]"},
		{"no step", time.Minute, 0, "[1s]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := always(t, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
			_, report := client(t, fake.URL, nil, "").Volume(t.Context(), window(0, test.window), test.step, vllm.Scope{}, loki.LineFilter{})
			require.NoError(t, report.Err)
			require.Contains(t, fake.queries()[0], test.want)
		})
	}
}

func TestPing(t *testing.T) {
	fake := always(t, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	require.NoError(t, client(t, fake.URL, nil, "").Ping(t.Context()))
	require.Equal(t, asked{"/loki/api/v1/query", "vector(1)+vector(1)", "", "categorize-labels"}, fake.asked[0])

	require.EqualError(t, client(t, always(t, `<html>`).URL, nil, "").Ping(t.Context()), "Loki gave an answer that cannot be read: it is not the JSON of a query result")
	require.EqualError(t, client(t, always(t, `{"status":"error"}`).URL, nil, "").Ping(t.Context()), `Loki gave an answer that cannot be read: its status is not "success"`)
}

func TestRequestIDSample(t *testing.T) {
	fake := newFakeLoki(t,
		added(1, "cmpl-B-1-9f3c1a7e"),
		fakeLine{at(2), `{"service_name":"nginx"}`, `10.0.0.1 GET / 200`, ""},
		fakeLine{at(3), vllmStream, "INFO 08-20 12:00:00 [x.py:1] starting", ""},
	)
	sample, err := client(t, fake.URL, nil, "").RequestIDSample(t.Context(), window(0, time.Minute))
	require.NoError(t, err)
	require.Equal(t, loki.Sample{
		Lines: 3, VLLMLines: 2, IDLines: 1, Reading: evidence.LineReading{Read: 2}, Origins: []evidence.Origin{{Service: "vllm-tiny", Namespace: "llm", Pod: "tiny-0"}},
	}, sample)
	require.Equal(t, []string{`{service_name=~".+"}`, `{service_name=~".+"}` + allRequests + noTokens}, fake.queries())
}

func TestLabelValues(t *testing.T) {
	fake := always(t, `{"status":"success","data":["b","a"]}`)
	client := client(t, fake.URL, nil, `{container="vllm"}`)
	values, err := client.LabelValues(t.Context(), window(0, time.Minute), "pod")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, values)
	services, err := client.Services(t.Context(), window(0, time.Minute))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, services)
	_, err = client.LabelNames(t.Context(), window(0, time.Minute))
	require.NoError(t, err)
	_, err = client.LabelValues(t.Context(), window(0, time.Minute), "../x")
	require.EqualError(t, err, `"../x" is not a label name`)
	for i, path := range []string{"/loki/api/v1/label/pod/values", "/loki/api/v1/label/service_name/values", "/loki/api/v1/labels"} {
		require.Equal(t, asked{path, `{container="vllm"}`, "", "categorize-labels"}, fake.asked[i])
	}
	require.Len(t, fake.asked, 3)
}

func TestNewReadsTheSelector(t *testing.T) {
	labels := vllm.DefaultLokiLabels()
	for _, test := range []struct {
		name, selector string
		labels         vllm.LabelNames
		want, err      string
	}{
		{"none: the label that names services", "", labels, `{service_name=~".+"}`, ""},
		{"none, and no services: the next label", " ", vllm.LabelNames{Namespace: "ns"}, `{ns=~".+"}`, ""},
		{"none, and no labels", "", vllm.LabelNames{}, "", `log selector: none is set, and no label is known to find logs by: set one, such as {container="vllm"}`},
		{"every operator, any spacing", "{ a = \"1\",b!=`2` , c=~\"3|4\",d!~\"5\", }", labels, `{a="1", b!="2", c=~"3|4", d!~"5"}`, ""},
		{"values keep their escapes", `{a="x\"} y"}`, labels, `{a="x\"} y"}`, ""},
		{"no braces", `a="1"`, labels, "", `log selector: "a=\"1\"" does not look like {label="value"}`},
		{"a pipeline", `{a="1"} |= "x"`, labels, "", `log selector: "{a=\"1\"} |= \"x\"" does not look like {label="value"}`},
		{"a pipeline that ends like a selector", `{a="1"} | json | {b="2"}`, labels, "", `log selector: a comma is missing before "} | json | {b=\"2\"" in "{a=\"1\"} | json | {b=\"2\"}"`},
		{"no comparison", `{a}`, labels, "", `log selector: a comparison is missing in "{a}"`},
		{"no quotes", `{a=1}`, labels, "", `log selector: the value of a is not a string in quotes in "{a=1}"`},
		{"a name that is none", `{a-b="1"}`, labels, "", `log selector: "a-b" is not a label name in "{a-b=\"1\"}"`},
		{"an expression that is none", `{a=~"("}`, labels, "", "log selector: the expression of a: error parsing regexp: missing closing ): `(` in \"{a=~\\\"(\\\"}\""},
		{"every stream", `{a=~".*", b!="x", c=""}`, labels, "", `log selector: "{a=~\".*\", b!=\"x\", c=\"\"}" finds every stream: Loki wants one matcher that no empty value passes`},
		{"a label of the settings that is none", "", vllm.LabelNames{Pod: `p"`}, "", `log selector: "p\"" is not a label name`},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeLoki(t)
			store := settings.Store{Name: evidence.Loki, URL: fake.URL, Labels: test.labels}
			api, err := upstream.New(httpclient.Options{}, store)
			require.NoError(t, err)
			c, err := loki.New(api, store, test.selector, settings.DefaultLimits())
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			_, _ = c.Lines(t.Context(), window(0, time.Minute), vllm.Scope{}, loki.LineFilter{}, 10, loki.NewestFirst)
			require.Equal(t, []string{test.want}, fake.queries())
		})
	}
}
