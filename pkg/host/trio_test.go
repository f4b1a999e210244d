package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// allStores in the order of reports.
var allStores = []evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger}

// trio is three fake stores behind one saved data source.
type trio struct {
	stores  map[evidence.Store]*fakeStore
	plugin  backend.PluginContext
	secrets []string // what no answer may hold
}

// The timeouts of a store's calls: the shortest that the settings take, for a store that is made to be slow, and one that
// no busy machine reaches.
const (
	shortTimeout = time.Second
	longTimeout  = time.Minute
)

// newTrio starts three stores; the slow ones have the short timeout.
func newTrio(t testing.TB, slow ...evidence.Store) *trio {
	t.Helper()
	out := &trio{stores: map[evidence.Store]*fakeStore{}}
	settings, secrets := map[string]any{}, map[string]string{}
	for _, name := range allStores {
		s := newFakeStore(t, name)
		out.stores[name] = s
		timeout := longTimeout
		if slices.Contains(slow, name) {
			timeout = shortTimeout
		}
		settings[string(name)] = map[string]any{
			"url": s.url, "auth": "bearer", "headers": []string{"X-Key"}, "timeout": timeout.String(), "maxResponseBytes": 64 << 10,
		}
		token, key := "token-of-"+string(name), "key-of-"+string(name)
		secrets[string(name)+"BearerToken"], secrets[string(name)+"HeaderValue1"] = token, key
		out.secrets = append(out.secrets, token, key, s.url)
	}
	settings["vllm"] = map[string]any{"slo": []map[string]any{{"model": "*", "ttft": "500ms", "e2e": "2s"}}}
	jsonData, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	out.plugin = savedDatasource(t, string(jsonData), secrets)
	return out
}

// asked is how many calls have reached the stores.
func (s *trio) asked() (n int64) {
	for _, store := range s.stores {
		n += store.asked.Load()
	}
	return n
}

// ask sends queries by refID as Grafana does, for a panel or for an alert rule.
func (s *trio) ask(ctx context.Context, alert bool, queries map[string]string) (*backend.QueryDataResponse, error) {
	req := &backend.QueryDataRequest{PluginContext: s.plugin, Headers: map[string]string{}}
	if alert {
		req.Headers[fromAlertHeader] = "true"
	}
	for refID, query := range queries {
		req.Queries = append(req.Queries, backend.DataQuery{
			RefID: refID, TimeRange: telemetryRange, Interval: time.Second, MaxDataPoints: 1000, JSON: []byte(query),
		})
	}
	return managed.Client.QueryData(ctx, req)
}

// written is an answer as it goes to Grafana: frames, notices, meta data and errors.
func written(r backend.DataResponse) string {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Sprint("not JSON: ", err)
	}
	return string(text)
}

// askOne sends one query.
func (s *trio) askOne(t *testing.T, alert bool, query string) backend.DataResponse {
	t.Helper()
	answer, err := s.ask(t.Context(), alert, map[string]string{"A": query})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Responses["A"]
}
