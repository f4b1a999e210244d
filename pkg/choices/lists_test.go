package choices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// fakeRequests, fakeLines and fakeSeries stand in for the stores behind the lists of choices.
type (
	fakeRequests struct {
		in     join.Input
		err    error
		window evidence.Window
		scope  vllm.Scope
	}
	fakeLines struct {
		lines []string
		err   error
	}
	fakeSeries struct{ asked []string }
)

func (f *fakeRequests) Recent(_ context.Context, window evidence.Window, scope vllm.Scope) (join.Input, error) {
	f.window, f.scope, f.in.Window, f.in.Looked = window, scope, window, window
	return f.in, f.err
}

func (f *fakeLines) Lines(context.Context, evidence.Window, vllm.Scope, loki.LineFilter, int, loki.Order) ([]evidence.LogLine, evidence.StoreReport) {
	lines := make([]evidence.LogLine, len(f.lines))
	for i, line := range f.lines {
		lines[i].Line = line
	}
	return lines, evidence.StoreReport{Store: evidence.Loki, Configured: true, Err: f.err}
}

func (f *fakeSeries) Metrics(_ context.Context, _ evidence.Window, limit int) ([]prometheus.Metric, error) {
	f.asked = append(f.asked, fmt.Sprint("metrics ", limit))
	return []prometheus.Metric{{Name: "vllm:num_requests_running", Type: "gauge", Help: "Running", Engines: true}, {Name: "up"}}, nil
}

func (f *fakeSeries) LabelNamesOf(_ context.Context, metric string, _ evidence.Window) ([]string, evidence.Call, error) {
	f.asked = append(f.asked, metric)
	return []string{"job"}, evidence.Call{}, nil
}

func (f *fakeSeries) LabelValuesOf(_ context.Context, label, metric string, _ evidence.Window, matchers []promql.Matcher) ([]string, evidence.Call, error) {
	f.asked = append(f.asked, fmt.Sprint(label, " ", metric, matchers))
	return []string{"vllm"}, evidence.Call{}, nil
}

// spans makes engine spans, one a second, each longer than the one before.
func spans(n int) join.Input {
	var in join.Input
	origin := &evidence.Origin{Environment: "prod", Pod: "vllm-0", Model: "llama"}
	for i := range n {
		var s evidence.RequestSpan
		s.RequestID, s.TraceID, s.SpanID = fmt.Sprintf("chatcmpl-%d", i), fmt.Sprintf("%032x", i+1), fmt.Sprintf("%016x", i+1)
		s.Start, s.Origin, s.E2E = time.UnixMilli(9_000_000).Add(time.Duration(i)*time.Second), origin, float64(i)
		in.Spans = append(in.Spans, s)
	}
	return in
}

func TestRecentRequestsAreTheSlowestAndTheFailed(t *testing.T) {
	c, _, _, _ := fakeLists()
	requests := &fakeRequests{in: spans(maxRecent + 10)}
	at := time.UnixMilli(9_100_000)
	for i := range 2 {
		requests.in.Events = append(requests.in.Events, evidence.RequestEvent{
			UnixNano: at.Add(time.Duration(i) * time.Second).UnixNano(), Origin: &evidence.Origin{}, Kind: vllm.LogAborted,
			External: fmt.Sprintf("chatcmpl-gone-%d", i), ID: fmt.Sprintf("chatcmpl-gone-%d", i), Form: vllm.IDExternal,
		})
	}
	c.requests = requests
	status, body := call(t, c, http.MethodGet, "/recent-requests?from=0&to=90000000&service=vllm&engine=0")
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, 25*time.Hour, requests.window.Duration())
	require.Equal(t, vllm.Scope{Engines: []string{"0"}, Services: []string{"vllm"}}, requests.scope)

	_, body = call(t, c, http.MethodGet, "/recent-requests")
	var found recentRequests
	require.NoError(t, json.Unmarshal([]byte(body), &found))
	require.Len(t, found.Slowest, maxRecent)
	require.Equal(t, "chatcmpl-59", found.Slowest[0].RequestID)
	require.Equal(t, 59.0, *found.Slowest[0].E2E)
	require.Equal(t, "llama", found.Slowest[0].Model)
	require.Equal(t, int64(9_059_000), found.Slowest[0].Time)
	require.Len(t, found.Failed, 2)
	require.Equal(t, "chatcmpl-gone-1", found.Failed[0].RequestID, "the newest first")
	require.Equal(t, "aborted", found.Failed[0].Status)
	require.Nil(t, found.Failed[0].E2E)
}

func TestAnIDThatNoQueryTakesIsNotOffered(t *testing.T) {
	c, _, _, _ := fakeLists()
	in := spans(1)
	in.Spans[0].RequestID, in.Spans[0].TraceID = "a b\n", strings.Repeat("x", 5000)
	c.requests = &fakeRequests{in: in}
	_, body := call(t, c, http.MethodGet, "/recent-requests")
	require.JSONEq(t, `{"slowest": [], "failed": []}`, body)
}

func TestValuesOfAColumnAreCounted(t *testing.T) {
	c, _, _, _ := fakeLists()
	in := spans(5)
	in.Spans[4].Origin = &evidence.Origin{Pod: "vllm-1\x00"}
	in.Spans[3].Origin = &evidence.Origin{Pod: "vllm-2"}
	c.requests = &fakeRequests{in: in}
	_, body := call(t, c, http.MethodGet, "/columns/pod/values")
	require.JSONEq(t, `[{"text": "vllm-0", "value": "vllm-0", "count": 3}, {"text": "vllm-2", "value": "vllm-2", "count": 1}]`, body)

	c.requests = &fakeRequests{in: spans(maxColumnValues + 10)}
	_, body = call(t, c, http.MethodGet, "/columns/request_id/values")
	require.Equal(t, maxColumnValues, strings.Count(body, `"value"`))

	for _, name := range []string{"e2e", "time", "nothing", "a%2Fb", "%00"} {
		status, body := call(t, c, http.MethodGet, "/columns/"+name+"/values")
		require.Equal(t, http.StatusBadRequest, status)
		require.JSONEq(t, `{"error": "name is no column of text"}`, body)
	}
}

func TestAListOfRequestsSaysWhichStoreIsDown(t *testing.T) {
	c, _, _, _ := fakeLists()
	requests := &fakeRequests{in: spans(0)}
	requests.in.Stores = []evidence.StoreReport{{Store: evidence.Jaeger, Configured: true, Err: errors.New("Jaeger is down")}, {Err: errors.New("not there")}}
	c.requests = requests
	for _, path := range []string{"/recent-requests", "/columns/pod/values"} {
		status, body := call(t, c, http.MethodGet, path)
		require.Equal(t, http.StatusInternalServerError, status)
		require.JSONEq(t, `{"error": "Jaeger is down"}`, body, "an empty list would say that there are none")
	}
	requests.in.Spans = spans(1).Spans
	status, _ := call(t, c, http.MethodGet, "/recent-requests")
	require.Equal(t, http.StatusOK, status, "what there is, is offered")
}

func TestLogWritersAreThoseOfTheNewestLines(t *testing.T) {
	c, _, _, _ := fakeLists()
	c.lines = &fakeLines{lines: []string{
		"(EngineCore_DP0 pid=7) INFO 11-21 10:00:00 [core.py:77] Initializing",
		"(APIServer pid=1) INFO 11-21 10:00:01 [async_llm.py:261] Added request chatcmpl-1.",
		"(APIServer pid=1) INFO 11-21 10:00:02 [async_llm.py:261] Added request chatcmpl-2.",
		"some other program's line",
	}}
	_, body := call(t, c, http.MethodGet, "/log-writers")
	require.JSONEq(t, `{"processes": ["APIServer", "EngineCore_DP0"], "loggers": ["async_llm.py", "core.py"]}`, body)

	c.lines = &fakeLines{err: errors.New("Loki is down")}
	status, body := call(t, c, http.MethodGet, "/log-writers")
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, body, "Loki is down")

	c.lines = nil
	_, body = call(t, c, http.MethodGet, "/log-writers")
	require.JSONEq(t, `{"processes": [], "loggers": []}`, body)
}

func TestPromQLIsCompletedFromSeries(t *testing.T) {
	for path, want := range map[string]struct{ asked, body string }{
		"/metrics":                              {"metrics 5000", `[{"name":"vllm:num_requests_running","type":"gauge","help":"Running","vllm":true},{"name":"up"}]`},
		"/labels?metric=up":                     {"up", `[{"text":"job","value":"job"}]`},
		"/labels/job/values?metric=a:b":         {"job a:b[]", `[{"text":"vllm","value":"vllm"}]`},
		`/labels/job/values?match=pod!~a"}`:     {`job [pod!~"a\"}"]`, `[{"text":"vllm","value":"vllm"}]`},
		`/labels/job/values?match=a=b&match=`:   {"", `{"error":"match is no condition such as pod=~vllm-.*"}`},
		`/labels/job/values?match=a%20b=c`:      {"", `{"error":"match is no condition such as pod=~vllm-.*"}`},
		`/labels?metric=up{}`:                   {"", `{"error":"metric is no name of a metric"}`},
		`/labels/job/values?metric=up%20or%20x`: {"", `{"error":"metric is no name of a metric"}`},
		`/models?metric=up`:                     {"", `{"error":"\"metric\" is no parameter"}`},
		`/labels/job/values?` + strings.Repeat("match=a=b&", maxMatchers+1): {"", `{"error":"match is given too often"}`},
		`/labels/job/values?match=a=` + strings.Repeat("b", 2000):           {"", `{"error":"match is no condition such as pod=~vllm-.*"}`},
	} {
		t.Run(path[:min(len(path), 40)], func(t *testing.T) {
			c, metrics, _, _ := fakeLists()
			series := &fakeSeries{}
			c.series = series
			_, body := call(t, c, http.MethodGet, path)
			require.JSONEq(t, want.body, body)
			require.Equal(t, want.asked, strings.Join(series.asked, ""))
			require.Empty(t, metrics.asked)
		})
	}
}
