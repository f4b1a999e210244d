//go:build integration && unix

package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// longestURL is what the gateway of this test takes, in bytes. Common ones take 4 to 8 KiB.
const longestURL = 4 << 10

// gateway passes everything on to a store but URLs that are too long. It counts those.
func gateway(t *testing.T, store string, refused *atomic.Int64) string {
	t.Helper()
	to, err := url.Parse(store)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > longestURL {
			refused.Add(1)
			http.Error(w, "URI too long", http.StatusRequestURITooLong)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestAScopeOfThreeHundredPodsPassesAGateway asks for the fleet's pods and three hundred that no store knows, behind a gateway that
// refuses long URLs: the answers are those of the fleet's pods alone.
func TestAScopeOfThreeHundredPodsPassesAGateway(t *testing.T) {
	f := theFleet(t)
	window := backend.TimeRange{From: f.window.From.Add(10 * time.Minute), To: f.window.From.Add(14 * time.Minute)}
	var pods []string
	for _, r := range grade.Rows(f.ask(t, window, requestsQuery(100_000))[0]) {
		if pod := r.Text("pod"); pod != "" && !slices.Contains(pods, pod) {
			pods = append(pods, pod)
		}
	}
	require.Greater(t, len(pods), 3)
	many := slices.Clone(pods)
	for i := range 300 {
		many = append(many, fmt.Sprintf("vllm-qwen3-32b-7c9d8f6b5-%05d", i))
	}
	questions := map[string]map[string]any{
		"requests": requestsQuery(100_000), "logs": {"queryType": "logs"},
		"models": {"queryType": "models", "models": map[string]any{"metrics": []string{"request_rate", "ttft", "running"}}},
	}
	scoped := func(question map[string]any, pods []string) map[string]any {
		out := map[string]any{"scope": map[string]any{"pods": pods}}
		for k, v := range question {
			out[k] = v
		}
		return out
	}
	want := map[string][]grade.Row{}
	for name, q := range questions {
		want[name] = grade.Rows(f.ask(t, window, scoped(q, pods))[0])
		require.NotEmpty(t, want[name], name)
	}
	var refused atomic.Int64
	configure := func(prometheus, loki string) {
		require.NoError(t, f.plugin.Configure(pluginhost.Stores(prometheus, loki, f.stores.Jaeger.GRPC).Patient().
			With("vllm", map[string]any{"scrapeInterval": scrapeInterval.String(), "slo": sloLimits}).With("limits", generous)))
	}
	configure(gateway(t, f.stores.Prometheus.URL, &refused), gateway(t, f.stores.Loki.URL, &refused))
	t.Cleanup(func() { configure(f.stores.Prometheus.URL, f.stores.Loki.URL) })
	for name, q := range questions {
		got := grade.Rows(f.ask(t, window, scoped(q, many))[0])
		require.Len(t, got, len(want[name]), name)
		if name == "requests" {
			require.Equal(t, spanSet(want[name]), spanSet(got))
		}
		if name == "models" {
			for i := range got {
				a, _ := want[name][i].Number("request_rate")
				b, known := got[i].Number("request_rate")
				require.True(t, known)
				require.InDelta(t, a, b, 1e-9)
			}
		}
	}
	t.Logf("%d URLs were refused", refused.Load())
	require.Zero(t, refused.Load())
}
