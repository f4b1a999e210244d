package upstream

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a store that answers with handler, and gives settings that lead to it.
func serve(t *testing.T, handler http.HandlerFunc) settings.Store {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return settings.Store{
		Name: evidence.Loki, URL: server.URL, Auth: settings.AuthNone, Timeout: 10 * time.Second,
		MaxResponse: settings.DefaultMaxResponse,
	}
}

func newClient(t *testing.T, store settings.Store) *Client {
	t.Helper()
	client, err := New(httpclient.Options{}, store)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func get(t *testing.T, client *Client, path string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, client.URL(path, nil).String(), nil)
	require.NoError(t, err)
	return req
}

// observations of one histogram, over all its buckets.
func observations(t *testing.T, histogram prometheus.Observer) int {
	t.Helper()
	var metric dto.Metric
	require.NoError(t, histogram.(prometheus.Metric).Write(&metric))
	return int(metric.GetHistogram().GetSampleCount())
}
