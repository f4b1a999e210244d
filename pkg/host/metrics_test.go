package host

import (
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
)

// counted is how many queries of a kind had an outcome so far.
func counted(t *testing.T, kind, outcome string) uint64 {
	t.Helper()
	observer, err := querySeconds.GetMetricWithLabelValues(kind, outcome)
	require.NoError(t, err)
	var m dto.Metric
	require.NoError(t, observer.(prometheus.Metric).Write(&m))
	return m.GetHistogram().GetSampleCount()
}

func TestTheMetricCountsWhatTheAnswerSays(t *testing.T) {
	d := newDatasource(t, `{}`, nil) // without any store
	ill := newTrio(t)
	ill.stores[evidence.Prometheus].fail(fault{instead: refusing(500)})
	broken := newDatasource(t, `{}`, nil)
	panics := faultyStores{panics: "RequestSpans"}
	broken.Fetcher = &fetch.Fetcher{Metrics: panics, Logs: panics, Traces: panics, VLLM: broken.Settings.VLLM, Limits: broken.Settings.Limits}
	ask := func(d *Datasource) func(*testing.T, string) backend.DataResponse {
		return func(t *testing.T, query string) backend.DataResponse {
			answer, err := d.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{{RefID: "A", TimeRange: telemetryRange, JSON: []byte(query)}}})
			require.NoError(t, err)
			return answer.Responses["A"]
		}
	}
	for _, c := range []struct {
		name, query, kind, outcome string
		ask                        func(*testing.T, string) backend.DataResponse
	}{
		{"a store that is not configured", `{"queryType":"promql","promql":{"expr":"up"}}`, "promql", "downstream", ask(d)},
		{"a store that fails", `{"queryType":"promql","promql":{"expr":"up"}}`, "promql", "downstream",
			func(t *testing.T, q string) backend.DataResponse { return ill.askOne(t, false, q) }},
		{"a field that is not valid", `{"queryType":"trace","trace":{"traceId":"xyz"}}`, "unknown", "refused", ask(d)},
		{"a kind that is none", `{"queryType":"range"}`, "unknown", "refused", ask(d)},
		{"no JSON", `{`, "unknown", "refused", ask(d)},
		{"a mistake of ours", `{"queryType":"requests"}`, "requests", "plugin", ask(broken)},
		{"an answer", `{"queryType":"logs"}`, "logs", "ok", func(t *testing.T, q string) backend.DataResponse { return ill.askOne(t, false, q) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := counted(t, c.kind, c.outcome)
			answer := c.ask(t, c.query)
			require.Equal(t, c.outcome == "ok", answer.Error == nil, answer.Error)
			require.Equal(t, before+1, counted(t, c.kind, c.outcome))
		})
	}
}
