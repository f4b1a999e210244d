//go:build integration && unix

package integration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// withLimits runs a test against the same stores with other limits in the data source.
func (f *fleet) withLimits(t *testing.T, limits map[string]any) {
	t.Helper()
	configure := func(limits map[string]any) {
		require.NoError(t, f.plugin.Configure(pluginhost.Stores(f.stores.Prometheus.URL, f.stores.Loki.URL, f.stores.Jaeger.GRPC).Patient().
			With("vllm", map[string]any{"scrapeInterval": scrapeInterval.String()}).With("limits", limits)))
	}
	configure(limits)
	t.Cleanup(func() { configure(generous) })
}

// TestAWindowPastTheAnswerLimitsComesOutComplete asks Jaeger for a fifth of the window's traces at a time and Loki for 500
// lines: every request is there all the same, each once.
func TestAWindowPastTheAnswerLimitsComesOutComplete(t *testing.T) {
	f := theFleet(t)
	window := backend.TimeRange{From: f.window.From, To: f.window.From.Add(20 * time.Minute)}
	whole := f.ask(t, window, requestsQuery(100_000))[0]
	depth := whole.Rows() / 3 / 5 // three engine services, five times the limit each
	f.withLimits(t, map[string]any{"requests": 100_000, "logLines": 1_000_000, "tracesPerCall": depth, "linesPerCall": 500})
	cut := f.ask(t, window, requestsQuery(100_000))[0]
	t.Logf("%d rows; at most %d traces a call: %d calls", whole.Rows(), depth, strings.Count(cut.Meta.ExecutedQueryString, "\n"))
	require.Equal(t, spanSet(grade.Rows(whole)), spanSet(grade.Rows(cut)))
	require.Equal(t, whole.Rows(), cut.Rows())
	for _, n := range cut.Meta.Notices {
		require.NotContains(t, n.Text, "limit", "nothing was left out, so nothing is said to be")
	}
}

// TestOurOwnRowLimitIsStated asks for more than the data source may join.
func TestOurOwnRowLimitIsStated(t *testing.T) {
	f := theFleet(t)
	f.withLimits(t, map[string]any{"requests": 3000, "logLines": 1_000_000})
	frame := f.ask(t, f.rangeAll(), requestsQuery(3000))[0]
	require.LessOrEqual(t, frame.Rows(), 3000)
	require.NotEmpty(t, frame.Meta.Notices)
	said := ""
	for _, n := range frame.Meta.Notices {
		said += n.Text + "\n"
	}
	t.Log(said)
	require.Contains(t, said, "limit", "a notice says that not all was seen")
	coverage := f.ask(t, f.rangeAll(), map[string]any{"queryType": "coverage"})[0]
	explained := 0.0
	for _, r := range grade.Rows(coverage) {
		if v, ok := r.Number("explained_ratio"); ok {
			explained = max(explained, v)
		}
		truncated, _ := r.Number("stores_truncated")
		require.Equal(t, 1.0, truncated)
	}
	require.Less(t, explained, 0.9, "coverage says how much was seen")
}

// TestTheQuerysOwnLimitAsksOnlyForWhatStays asks for the ten slowest of the hour: logs and metrics are asked for minutes.
func TestTheQuerysOwnLimitAsksOnlyForWhatStays(t *testing.T) {
	f := theFleet(t)
	frame := f.ask(t, f.rangeAll(), map[string]any{"queryType": "requests", "requests": map[string]any{
		"limit": 10, "sort": map[string]any{"column": "e2e", "desc": true},
	}})[0]
	require.Equal(t, 10, frame.Rows())
	slowest := 1e9
	for _, r := range grade.Rows(frame) {
		e2e, ok := r.Number("e2e")
		require.True(t, ok)
		require.LessOrEqual(t, e2e, slowest, "in order")
		slowest = e2e
	}
	t.Log(frame.Meta.ExecutedQueryString)
}

func spanSet(rows []grade.Row) map[string]int {
	set := map[string]int{}
	for _, r := range rows {
		set[r.Text("span_id")+r.Text("request_id")]++
	}
	return set
}
