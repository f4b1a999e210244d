package health

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// fakeProbe plays each store: what it answers to the first question and to the one for content, after waiting for wait.
type fakeProbe struct {
	partial           string
	wait, waitContent func(context.Context) // nil: at once
	err, contentErr   error

	targets  []evidence.Target
	sample   loki.Sample
	services []string
	spans    []evidence.RequestSpan
}

func (f *fakeProbe) ping(ctx context.Context) error {
	if f.wait != nil {
		f.wait(ctx)
	}
	return f.err
}

func (f *fakeProbe) look(ctx context.Context) error {
	if f.waitContent != nil {
		f.waitContent(ctx)
	}
	return f.contentErr
}

type (
	fakeMetrics struct{ fakeProbe }
	fakeLogs    struct{ fakeProbe }
	fakeTraces  struct{ fakeProbe }
)

func (f *fakeMetrics) Ping(ctx context.Context) (string, error) { return "3.5.0", f.ping(ctx) }
func (f *fakeMetrics) Targets(ctx context.Context, _ evidence.Window) ([]evidence.Target, []evidence.Call, error) {
	return f.targets, []evidence.Call{{Store: evidence.Prometheus, Partial: f.partial}}, f.look(ctx)
}

func (f *fakeLogs) Ping(ctx context.Context) error { return f.ping(ctx) }
func (f *fakeLogs) RequestIDSample(ctx context.Context, _ evidence.Window) (loki.Sample, error) {
	return f.sample, f.look(ctx)
}

func (f *fakeTraces) Ping(ctx context.Context) error { return f.ping(ctx) }
func (f *fakeTraces) EngineServices(ctx context.Context) ([]string, error) {
	return f.services, f.look(ctx)
}
func (f *fakeTraces) RequestSpans(_ context.Context, _ jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	return evidence.StoreReport{Err: visit(jaeger.Trace{Requests: f.spans})}
}

// stores are three that have all there can be.
type stores struct {
	metrics fakeMetrics
	logs    fakeLogs
	traces  fakeTraces
}

func fullStores() *stores {
	pod := evidence.Origin{Pod: "vllm-0", Model: "qwen"}
	return &stores{
		metrics: fakeMetrics{fakeProbe{targets: []evidence.Target{{Origin: pod}}}},
		logs:    fakeLogs{fakeProbe{sample: loki.Sample{Lines: 500, VLLMLines: 480, IDLines: 120, Origins: []evidence.Origin{{Pod: "vllm-0"}}}}},
		traces:  fakeTraces{fakeProbe{services: []string{"vllm-chat"}, spans: []evidence.RequestSpan{{Origin: &evidence.Origin{Pod: "vllm-0"}}}}},
	}
}

// reportOf reads the details of a health answer.
func reportOf(t *testing.T, result *backend.CheckHealthResult) (r report) {
	t.Helper()
	require.NoError(t, json.Unmarshal(result.JSONDetails, &r))
	return r
}

func (s *stores) checkup(t *testing.T) *checkup {
	t.Helper()
	loaded, err := settings.Load(backend.DataSourceInstanceSettings{})
	require.NoError(t, err)
	return &checkup{
		settings: loaded, metrics: &s.metrics, logs: &s.logs, traces: &s.traces, timeout: healthTimeout, now: time.Now,
	}
}

func TestHealthOfThreeFullStoresIsOK(t *testing.T) {
	result := fullStores().checkup(t).run(t.Context()).result()
	require.Equal(t, backend.HealthStatusOk, result.Status)
	require.Equal(t, "All is well: Prometheus, Loki and Jaeger answer and have what the data source needs.", result.Message)
	details := reportOf(t, result)
	require.Empty(t, details.Message, "nothing is to be done")
	require.Equal(t, "✓ Prometheus 3.5.0 answers\n✓ Loki answers\n✓ Jaeger answers\n"+
		"✓ Metrics of 1 engine, 1 model\n✓ Logs with 120 lines that name a request\n✓ Spans of 1 service: vllm-chat\n"+
		"✓ Instances have the same names in Prometheus, Loki and Jaeger", details.Verbose)
	require.Equal(t, storeLine{Store: evidence.Prometheus, Configured: true, OK: true, Found: "Prometheus 3.5.0 answers", Version: "3.5.0"}, details.Stores[0])
	require.Equal(t, contentCheck{Check: "vllm_metrics", OK: true, Found: "Metrics of 1 engine, 1 model"}, details.Content[0])
}

// The clock of a synctest bubble moves when all of it waits: four and a half seconds take no time.
func TestHealthAnswersInTimeWhateverTheStoresDo(t *testing.T) {
	heeds := func(ctx context.Context) { <-ctx.Done() }
	for name, c := range map[string]struct {
		hang func(s *stores, forever func(context.Context))
		want string
	}{
		"a store that never answers": {
			func(s *stores, _ func(context.Context)) { s.logs.wait, s.logs.err = heeds, context.DeadlineExceeded },
			"✗ Loki did not answer in time",
		},
		"a store that does not even let go": {
			func(s *stores, forever func(context.Context)) { s.logs.wait = forever },
			"✗ Loki did not answer in time",
		},
		"a store that answers but never tells what it has": {
			func(s *stores, forever func(context.Context)) { s.traces.waitContent = forever },
			"✗ Jaeger's content is not known: it did not answer in time",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				s := fullStores()
				c.hang(s, func(context.Context) { <-release })
				started := time.Now()
				said := reportOf(t, s.checkup(t).run(t.Context()).result()).Verbose
				require.LessOrEqual(t, time.Since(started), 5*time.Second)
				require.Contains(t, said, c.want)
				require.Contains(t, said, "✓ Prometheus 3.5.0 answers", "the others are told of")
				require.Contains(t, said, "✓ Metrics of 1 engine, 1 model")
				close(release)
				synctest.Wait() // a finding that comes too late finds room and nobody
			})
		})
	}
}

func TestHealthSaysWhichStoreFailsAndHow(t *testing.T) {
	s := fullStores()
	s.metrics.err = &upstream.Error{Store: evidence.Prometheus, Kind: upstream.ErrUnauthorized, Status: 401, Message: "no token"}
	s.logs.contentErr = &upstream.Error{Store: evidence.Loki, Kind: upstream.ErrRefused, Status: 400, Message: "parse error"}
	result := s.checkup(t).run(t.Context()).result()
	require.Equal(t, backend.HealthStatusError, result.Status)
	require.Equal(t, "Prometheus answered 401 Unauthorized: no token.", result.Message, "one line, which Grafana shows as a title")
	details := reportOf(t, result)
	require.Equal(t, "Prometheus: set the authentication that it asks for: basic or a bearer token.", details.Message)
	require.Contains(t, details.Verbose, "✗ Prometheus answered 401 Unauthorized: no token\n    → Set the authentication")
	require.Contains(t, details.Verbose, "✓ Loki answers\n")
	require.Contains(t, details.Verbose, "✗ Loki's content is not known: it answered 400 Bad Request: parse error")
}

func TestAPanicOfOneProbeIsThatStoresError(t *testing.T) {
	s := fullStores()
	s.traces.wait = func(context.Context) { panic("nil map") }
	result := s.checkup(t).run(t.Context()).result()
	require.Equal(t, "Jaeger met an internal error of the vLLM data source; its log has the details.", result.Message)
	require.Contains(t, reportOf(t, result).Verbose, "✓ Prometheus 3.5.0 answers")
}

func TestHealthPassesOverStoresThatAreNotConfigured(t *testing.T) {
	c := fullStores().checkup(t)
	c.logs, c.traces = nil, nil
	result := c.run(t.Context()).result()
	require.Equal(t, backend.HealthStatusOk, result.Status)
	require.Equal(t, "Prometheus answers. Queries that work: models, slo of single limits, annotations and promql. "+
		"Queries that do not: requests, request and coverage need Jaeger or Loki; slo of requests and trace need Jaeger; logs need Loki.", result.Message)
	require.Equal(t, "✓ Prometheus 3.5.0 answers\n"+
		"– Loki is not configured: rows lack their log lines, and aborted or crashed requests are missing\n"+
		"– Jaeger is not configured: rows lack latencies, tokens and callers\n"+
		"✓ Metrics of 1 engine, 1 model", reportOf(t, result).Verbose)
}

func TestHealthSaysWhichQueriesWorkWithTheStoresThatAreConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		configured []evidence.Store
		want       string
	}{
		"all":             {[]evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger}, ""},
		"without Loki":    {[]evidence.Store{evidence.Prometheus, evidence.Jaeger}, "Queries that work: requests, request, coverage, models, slo of single limits, slo of requests, trace, annotations and promql. Queries that do not: logs need Loki."},
		"Loki alone":      {[]evidence.Store{evidence.Loki}, "Queries that work: requests, request, coverage, logs and annotations. Queries that do not: models, slo of single limits and promql need Prometheus; slo of requests and trace need Jaeger."},
		"traces and logs": {[]evidence.Store{evidence.Loki, evidence.Jaeger}, "Queries that work: requests, request, coverage, slo of requests, logs, trace and annotations. Queries that do not: models, slo of single limits and promql need Prometheus."},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, kinds(c.configured)) })
	}
}
