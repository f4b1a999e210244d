package host

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestAPanelThatIsGoneCancelsEveryCall(t *testing.T) {
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stores := newTrio(t)
			var held atomic.Int64
			first := make(chan struct{}, 1)
			for _, store := range stores.stores {
				store.fail(fault{instead: func(c exchange) error {
					held.Add(1)
					defer held.Add(-1)
					select {
					case first <- struct{}{}:
					default:
					}
					return waiting(c)
				}})
			}
			go func() {
				<-first
				cancel()
			}()
			_, err := stores.ask(ctx, q.alert, map[string]string{"A": q.json})
			require.ErrorContains(t, err, "canceled")
			require.Eventually(t, func() bool { return held.Load() == 0 }, longTimeout/2, time.Millisecond)
		})
	}
}

// faultyStores are all three stores, empty but for what must not happen: a panic in one of the methods.
type faultyStores struct{ panics string }

func (s faultyStores) do(method string) {
	if s.panics == method {
		var nobody *evidence.Span
		_ = nobody.Start
	}
}

func (s faultyStores) EngineState(context.Context, []evidence.Window, vllm.Scope, []string) ([]evidence.Series, []evidence.Call, error) {
	s.do("EngineState")
	return nil, nil, nil
}

func (s faultyStores) Targets(context.Context, evidence.Window) ([]evidence.Target, []evidence.Call, error) {
	s.do("Targets")
	return nil, nil, nil
}

func (s faultyStores) FinishedOver(context.Context, evidence.Window, vllm.Scope) (evidence.Load, []evidence.Call, error) {
	s.do("FinishedOver")
	return evidence.Load{}, nil, nil
}

func (s faultyStores) Finished(context.Context, evidence.Window, vllm.Scope) ([]evidence.Finished, []evidence.Call, error) {
	s.do("Finished")
	return nil, nil, nil
}

func (s faultyStores) EngineChanges(context.Context, evidence.Window, vllm.Scope, prometheus.ChangesAsk) (evidence.EngineChanges, []evidence.Call, error) {
	s.do("EngineChanges")
	return evidence.EngineChanges{}, nil, nil
}

func (s faultyStores) RequestIDSample(context.Context, evidence.Window) (loki.Sample, error) {
	return loki.Sample{}, nil
}

func (s faultyStores) EngineLines(context.Context, evidence.Window, vllm.Scope, []vllm.EngineEvent) ([]evidence.EngineLine, evidence.StoreReport) {
	s.do("EngineLines")
	return nil, evidence.StoreReport{}
}

func (s faultyStores) RequestEvents(context.Context, []evidence.Window, vllm.Scope, loki.RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport) {
	s.do("RequestEvents")
	return nil, evidence.StoreReport{}
}

func (s faultyStores) RequestSpans(context.Context, jaeger.Search, func(jaeger.Trace) error) evidence.StoreReport {
	s.do("RequestSpans")
	return evidence.StoreReport{}
}

func (s faultyStores) CallerTraces(context.Context, jaeger.Search, func(jaeger.Trace) error) evidence.StoreReport {
	s.do("CallerTraces")
	return evidence.StoreReport{}
}

func (s faultyStores) CallerServices(context.Context) ([]string, error) { return nil, nil }

func (s faultyStores) OtherServices(context.Context) ([]string, error) { return nil, nil }

func (s faultyStores) FindBySentID(context.Context, evidence.Window, []string, string) ([]jaeger.Trace, evidence.StoreReport) {
	s.do("FindBySentID")
	return nil, evidence.StoreReport{}
}

func (s faultyStores) FindByRequestID(context.Context, evidence.Window, []string) ([]jaeger.Trace, evidence.StoreReport) {
	s.do("FindByRequestID")
	return nil, evidence.StoreReport{}
}

func (s faultyStores) GetTrace(context.Context, string) ([]evidence.Span, evidence.StoreReport) {
	s.do("GetTrace")
	return nil, evidence.StoreReport{}
}

func TestAPanicIsTheErrorOfItsQueryAlone(t *testing.T) {
	const requests, request = `{"queryType":"requests"}`, `{"queryType":"request","request":{"id":"0123456789abcdef"}}`
	const annotations = `{"queryType":"annotations"}`
	for method, query := range map[string]string{
		"EngineState": requests, "Targets": requests, "Finished": requests, "RequestEvents": requests, "RequestSpans": requests,
		"CallerTraces": requests, "FindByRequestID": request, "GetTrace": request,
		"EngineChanges": annotations, "EngineLines": annotations,
	} {
		t.Run(method, func(t *testing.T) {
			d := newDatasource(t, `{"vllm": {"callerServices": ["shop"]}}`, nil)
			stores := faultyStores{panics: method}
			d.Fetcher = fetch.New(fetch.Fetcher{Metrics: stores, Logs: stores, Traces: stores, VLLM: d.Settings.VLLM, Limits: d.Settings.Limits})
			answer, err := d.QueryData(t.Context(), &backend.QueryDataRequest{Queries: []backend.DataQuery{
				{RefID: "A", TimeRange: telemetryRange, JSON: []byte(query)}, {RefID: "B", TimeRange: telemetryRange, JSON: []byte(`{"queryType":"logs"}`)},
			}})
			require.NoError(t, err)
			broken, other := answer.Responses["A"], answer.Responses["B"]
			require.EqualError(t, broken.Error, "internal error of the vLLM data source; its log has the details")
			require.Equal(t, backend.StatusInternal, broken.Status)
			require.Equal(t, backend.ErrorSourcePlugin, broken.ErrorSource)
			require.EqualError(t, other.Error, "log lines: Loki is not configured in this data source")
		})
	}
}
