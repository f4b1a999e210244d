//go:build unix && integration

package stores

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

func TestStoresTakeAndGiveData(t *testing.T) {
	began := time.Now()
	s := stacktest.Start(t, stack.Options{ScrapeInterval: 100 * time.Millisecond})
	t.Logf("all ready after %v", time.Since(began).Round(time.Millisecond))

	t.Run("prometheus scrapes what it is told while it runs", func(t *testing.T) {
		engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "vllm:num_requests_running{model_name=\"m\"} 3\n")
		}))
		t.Cleanup(engine.Close)
		require.NoError(t, s.Prometheus.SetScrapeConfigs("scrape_configs:\n  - job_name: vllm\n    static_configs:\n      - targets: ["+
			strings.TrimPrefix(engine.URL, "http://")+"]\n"))
		eventually(t, s.Prometheus.URL+"/api/v1/query?query=vllm:num_requests_running", `"model_name":"m"`)
	})

	t.Run("loki gives back a line of the past", func(t *testing.T) {
		response, err := http.Post(s.Loki.URL+"/loki/api/v1/push", "application/json", strings.NewReader(
			`{"streams":[{"stream":{"app":"vllm"},"values":[["1767225600000000000","hello from January"]]}]}`))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusNoContent, response.StatusCode)
		response, err = http.Post(s.Loki.URL+"/flush", "", nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		eventually(t, s.Loki.URL+"/loki/api/v1/query_range?query=%7Bapp=%22vllm%22%7D&start=1767225000000000000&end=1767226000000000000",
			"hello from January")
	})

	t.Run("jaeger gives back a span", func(t *testing.T) {
		response, err := http.Post(s.Jaeger.OTLPHTTP+"/v1/traces", "application/json", strings.NewReader(
			`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"vllm"}}]},
			"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"llm_request",
			"startTimeUnixNano":"1767225600000000000","endTimeUnixNano":"1767225601000000000"}]}]}]}`))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		eventually(t, s.Jaeger.HTTP+"/api/services", "vllm")
	})

	t.Run("one store can be stopped alone", func(t *testing.T) {
		s.Loki.Stop()
		_, err := http.Get(s.Loki.URL + "/ready")
		require.Error(t, err)
		eventually(t, s.Jaeger.HTTP+"/api/services", "vllm")
	})
}

func TestTwoStacksDoNotMeet(t *testing.T) {
	one := stacktest.Start(t, stack.Options{Only: []string{"jaeger"}})
	two := stacktest.Start(t, stack.Options{Only: []string{"jaeger"}})
	require.NotEqual(t, one.Jaeger.GRPC, two.Jaeger.GRPC)
	require.Nil(t, one.Loki)
}

// eventually asks until the answer holds the text: a server's own delays are
// not ours to know.
func eventually(t *testing.T, url, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		last := get(t, ctx, url)
		if strings.Contains(last, want) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never answered with %q, but with: %s", url, want, last)
		case <-tick.C:
		}
	}
}

func get(t *testing.T, ctx context.Context, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
