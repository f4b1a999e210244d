package prometheus_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// blindTo is a store that shows alice nothing, and everybody else the engines; it counts its calls.
func blindTo(t *testing.T, forward bool) (*prometheus.Client, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		names := `["vllm:num_requests_running"]`
		if r.Header.Get("Authorization") == "Bearer alice" {
			names = `[]`
		}
		_, _ = w.Write([]byte(`{"status": "success", "data": ` + names + `}`))
	}))
	t.Cleanup(server.Close)
	store := settings.Store{
		Name: evidence.Prometheus, URL: server.URL, Timeout: 10 * time.Second, ForwardIdentity: forward,
		Labels: vllm.DefaultPrometheusLabels(), MaxResponse: settings.DefaultMaxResponse,
	}
	transport, err := upstream.New(httpclient.Options{}, store)
	require.NoError(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return prometheus.New(transport, store, settings.VLLM{}, settings.DefaultLimits()), &calls
}

func asUser(t *testing.T, name string) context.Context {
	return upstream.WithIdentity(t.Context(), http.Header{"Authorization": {"Bearer " + name}})
}

func TestARuleFindsItsMetricsAfterAUserLookedWhoMaySeeNone(t *testing.T) {
	client, _ := blindTo(t, true)
	names, _, err := client.Names(asUser(t, "alice"), window)
	require.NoError(t, err)
	require.True(t, names.Empty())

	rule := upstream.WithIdentity(t.Context(), nil)
	names, _, err = client.Names(rule, window)
	require.NoError(t, err)
	require.False(t, names.Empty(), "alice's answer is hers")
	names, _, err = client.Names(asUser(t, "alice"), window)
	require.NoError(t, err)
	require.True(t, names.Empty(), "and that of the rule is the rule's")
}

func TestThirtyLookUpsOfNamesAreOneCall(t *testing.T) {
	client, calls := blindTo(t, false)
	var group sync.WaitGroup
	for range 30 {
		group.Go(func() {
			if _, _, err := client.Names(t.Context(), window); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, calls.Load())
}
