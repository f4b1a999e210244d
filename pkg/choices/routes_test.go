package choices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// The fake stores answer by label, and note what they were asked.
type (
	fakeMetrics struct {
		values map[string][]string
		err    error
		asked  []string
	}
	fakeLogs struct {
		values map[string][]string
		err    error
	}
	fakeTraces struct {
		services []string
		err      error
	}
)

func (f *fakeMetrics) LabelNames(context.Context, evidence.Window) ([]string, evidence.Call, error) {
	names := make([]string, 0, len(f.values))
	for name := range f.values {
		names = append(names, name)
	}
	return names, evidence.Call{}, f.err
}

func (f *fakeMetrics) LabelValues(_ context.Context, label string, w evidence.Window, scope vllm.Scope) ([]string, evidence.Call, error) {
	f.asked = append(f.asked, fmt.Sprint(label, " ", w.From.UnixMilli(), "-", w.To.UnixMilli(), " ", scope.Models, scope.Environments))
	if label == "panic" {
		panic("index out of range")
	}
	return f.values[label], evidence.Call{}, f.err
}

func (f *fakeLogs) LabelValues(_ context.Context, _ evidence.Window, label string) ([]string, error) {
	return f.values[label], f.err
}

func (f *fakeTraces) EngineServices(context.Context) ([]string, error) {
	return f.services, f.err
}

// fakeCatalogue has all three stores, with places that overlap.
func fakeLists() (*Lists, *fakeMetrics, *fakeLogs, *fakeTraces) {
	metrics := &fakeMetrics{values: map[string][]string{
		"model_name": {"qwen", "llama", "qwen", ""}, "environment": {"prod"}, "pod": {"vllm-1", "vllm-0"},
		"engine": {"0", "1"}, "service": {"vllm"}, "instance": {"10.0.0.1:8000"}, "namespace": {"llm"}, "panic": nil,
	}}
	logs := &fakeLogs{values: map[string][]string{
		"environment": {"staging"}, "pod": {"vllm-0", "vllm-2"}, "service_name": {"vllm-logs"},
	}}
	traces := &fakeTraces{services: []string{"vllm-traces", "vllm"}}
	return &Lists{
		settings: settings.Settings{
			Prometheus: settings.Store{Labels: vllm.DefaultPrometheusLabels()},
			Loki:       settings.Store{Labels: vllm.DefaultLokiLabels()},
		},
		metrics: metrics, logs: logs, traces: traces, now: func() time.Time { return time.UnixMilli(10_000_000) },
	}, metrics, logs, traces
}

// call drives the routes as Grafana does.
func call(t *testing.T, c *Lists, method, path string) (int, string) {
	t.Helper()
	var response *backend.CallResourceResponse
	route, _, _ := strings.Cut(path, "?")
	err := httpadapter.New(c.Handler()).CallResource(t.Context(), &backend.CallResourceRequest{
		Method: method, Path: strings.TrimPrefix(route, "/"), URL: path,
	}, backend.CallResourceResponseSenderFunc(func(r *backend.CallResourceResponse) error {
		response = r
		return nil
	}))
	require.NoError(t, err)
	require.Equal(t, []string{"application/json"}, response.Headers["Content-Type"], path)
	require.True(t, json.Valid(response.Body), path)
	return response.Status, string(response.Body)
}

// texts are the values of a list, which must be texts and values alike.
func texts(t *testing.T, body string) []string {
	t.Helper()
	var options []option
	require.NoError(t, json.Unmarshal([]byte(body), &options))
	out := make([]string, len(options))
	for i, o := range options {
		require.Equal(t, o.Text, o.Value)
		out[i] = o.Value
	}
	return out
}

func TestAListUnitesWhatTheStoresKnow(t *testing.T) {
	for path, want := range map[string][]string{
		"/models":                          {"llama", "qwen"},
		"/environments":                    {"prod", "staging"},
		"/namespaces":                      {"llm"},
		"/pods":                            {"vllm-0", "vllm-1", "vllm-2"},
		"/instances":                       {"10.0.0.1:8000"},
		"/engines":                         {"0", "1"},
		"/services":                        {"vllm", "vllm-logs", "vllm-traces"},
		"/labels":                          {"engine", "environment", "instance", "model_name", "namespace", "panic", "pod", "service"},
		"/labels/pod/values":               {"vllm-0", "vllm-1"},
		"/labels/nothing/values":           {},
		"/pods?model=qwen":                 {"vllm-0", "vllm-1"}, // logs cannot be narrowed to a model
		"/services?environment=prod":       {"vllm"},
		"/pods?model=":                     {"vllm-0", "vllm-1", "vllm-2"}, // a variable with no choice made
		"/pods?from=1000&to=2000":          {"vllm-0", "vllm-1", "vllm-2"},
		"/environments?from=0&to=99999999": {"prod", "staging"},
	} {
		t.Run(path, func(t *testing.T) {
			c, _, _, _ := fakeLists()
			status, body := call(t, c, http.MethodGet, path)
			require.Equal(t, http.StatusOK, status, body)
			require.Equal(t, want, texts(t, body))
		})
	}
}

func TestAListIsAskedForItsWindowAndFilters(t *testing.T) {
	for path, want := range map[string]string{
		"/models":                               "model_name 6400000-10000000 [] []",
		"/models?from=1000&to=2000":             "model_name 1000-2000 [] []",
		"/pods?model=a&model=b%22&environment=": `pod 6400000-10000000 [a b"] []`,
		"/models?from=0&to=5000000000":          "model_name 2408000000-5000000000 [] []",
	} {
		t.Run(path, func(t *testing.T) {
			c, metrics, _, _ := fakeLists()
			status, body := call(t, c, http.MethodGet, path)
			require.Equal(t, http.StatusOK, status, body)
			require.Equal(t, []string{want}, metrics.asked)
		})
	}
}

func TestAStoreThatFailsIsLeftOutAsLongAsOneAnswers(t *testing.T) {
	down := &upstream.Error{Store: evidence.Prometheus, Kind: upstream.ErrUnreachable, Message: "connection refused"}
	c, metrics, logs, _ := fakeLists()
	metrics.err, metrics.values = down, nil
	status, body := call(t, c, http.MethodGet, "/pods")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"vllm-0", "vllm-2"}, texts(t, body))

	logs.err, logs.values = errors.New("Loki is down too"), nil
	status, body = call(t, c, http.MethodGet, "/pods")
	require.Equal(t, http.StatusBadGateway, status)
	require.JSONEq(t, `{"error": "Prometheus cannot be reached: connection refused\nLoki is down too"}`, body)
}

func TestAListOfStoresThatAreNotThereIsEmpty(t *testing.T) {
	c := &Lists{now: time.Now}
	for _, path := range []string{"/models", "/services", "/labels", "/labels/pod/values"} {
		status, body := call(t, c, http.MethodGet, path)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, "[]", body)
	}
}

func TestABadRequestNamesItsParameter(t *testing.T) {
	for path, want := range map[string]string{
		"/models?from=1":                           "to is no time",
		"/models?to=1":                             "from is no time",
		"/models?from=a&to=1":                      "from is no time",
		"/models?from=2&to=1":                      "from is not before to",
		"/models?from=-1&to=1":                     "from is no time",
		"/models?from=1&to=9999999999999999":       "to is no time",
		"/models?query=up":                         "query",
		"/models?" + strings.Repeat("x", 500):      "is no parameter",
		"/models?model=" + "a%0ab":                 "model is too long or holds a control character",
		"/models?pod=" + strings.Repeat("p", 300):  "pod is too long",
		"/models?" + strings.Repeat("pod=a&", 101): "pod is given more than 100 times",
		"/labels/a%20b/values":                     "name is no label name",
		"/labels/a%00b/values":                     "name is no label name",
		"/labels/a%E2%80%AEb/values":               "name is no label name",
	} {
		c, metrics, _, _ := fakeLists()
		status, body := call(t, c, http.MethodGet, path)
		require.Equal(t, http.StatusBadRequest, status, body)
		require.Contains(t, body, want)
		require.Empty(t, metrics.asked, "a store was asked")
	}
}

func TestThereIsNoOtherRoute(t *testing.T) {
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, "/"}, {http.MethodGet, "/api/v1/query?query=up"}, {http.MethodGet, "/labels/a/b/values"},
		{http.MethodPost, "/models"}, {http.MethodGet, "/models/x"}, {http.MethodGet, "/prometheus/api/v1/labels"},
	} {
		catalogue, metrics, _, _ := fakeLists()
		status, body := call(t, catalogue, c.method, c.path)
		require.Equal(t, http.StatusNotFound, status, c.path)
		require.JSONEq(t, `{"error": "no such list"}`, body)
		require.Empty(t, metrics.asked)
	}
}

// Grafana's frontend takes 401 and 403 for its own session's, and sends the user to the login page.
func TestAStoresRefusalIsNotGrafanasOwn(t *testing.T) {
	for kind, want := range map[upstream.Kind]int{
		upstream.ErrUnauthorized: http.StatusBadGateway, upstream.ErrForbidden: http.StatusBadGateway,
		upstream.ErrNotFound: http.StatusBadGateway, upstream.ErrServer: http.StatusBadGateway,
		upstream.ErrTimeout: http.StatusGatewayTimeout, upstream.ErrRateLimited: http.StatusTooManyRequests,
	} {
		c, metrics, _, _ := fakeLists()
		metrics.err, metrics.values = &upstream.Error{Store: evidence.Prometheus, Kind: kind}, nil
		status, body := call(t, c, http.MethodGet, "/models")
		require.Equal(t, want, status, body)
		require.Contains(t, body, "Prometheus")
	}
}

func TestALongListIsCut(t *testing.T) {
	c, metrics, _, _ := fakeLists()
	metrics.values["model_name"] = nil
	for i := range maxOptions + 10 {
		metrics.values["model_name"] = append(metrics.values["model_name"], fmt.Sprintf("m%06d", i))
	}
	slices.Reverse(metrics.values["model_name"])
	_, body := call(t, c, http.MethodGet, "/models")
	found := texts(t, body)
	require.Len(t, found, maxOptions)
	require.Equal(t, "m000000", found[0])
}

func TestAPanicInAStoresClientIsAnError(t *testing.T) {
	c, _, _, _ := fakeLists()
	c.settings.Prometheus.Labels.Model = "panic"
	status, body := call(t, c, http.MethodGet, "/models")
	require.Equal(t, http.StatusInternalServerError, status)
	require.JSONEq(t, `{"error": "internal error of the vLLM data source; its log has the details"}`, body)
}
