package fetch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var (
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	window = evidence.Window{From: noon, To: noon.Add(10 * time.Minute)}
	pod    = &evidence.Origin{Pod: "llama-0"}
)

// stores are all three, with what they hold and what they were asked. They answer everything, whatever the question: what
// is looked at here is the question.
type stores struct {
	finished float64 // requests that the engines counted
	state    []evidence.Series
	traces   []jaeger.Trace
	events   []evidence.RequestEvent
	fails    map[evidence.Store]error
	// otherLines is how many lines Loki has besides those that name a request.
	otherLines int
	limited    bool     // Jaeger has more traces than it gives
	callers    bool     // the same of the search for calls without an engine span
	byName     []string // caller services known by the names of their spans

	mu    sync.Mutex
	asked []asked
}

// asked is one question to a store.
type asked struct {
	method   string
	windows  []evidence.Window
	names    []string // ids or services
	expected int
}

func (s *stores) note(a asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, a)
}

// questions are those of one kind.
func (s *stores) questions(method string) []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.asked), func(a asked) bool { return a.method != method })
}

func (s *stores) report(store evidence.Store) evidence.StoreReport {
	return evidence.StoreReport{Store: store, Configured: true, Err: s.fails[store], Calls: []evidence.Call{{Store: store}}}
}

func (s *stores) EngineState(_ context.Context, windows []evidence.Window, _ vllm.Scope, _ []string) ([]evidence.Series, []evidence.Call, error) {
	s.note(asked{method: "EngineState", windows: windows})
	return s.state, nil, s.fails[evidence.Prometheus]
}

func (s *stores) Targets(_ context.Context, w evidence.Window) ([]evidence.Target, []evidence.Call, error) {
	s.note(asked{method: "Targets", windows: []evidence.Window{w}})
	return nil, nil, s.fails[evidence.Prometheus]
}

func (s *stores) Finished(_ context.Context, w evidence.Window, _ vllm.Scope) ([]evidence.Finished, []evidence.Call, error) {
	s.note(asked{method: "Finished", windows: []evidence.Window{w}})
	return []evidence.Finished{{Count: s.finished}}, nil, s.fails[evidence.Prometheus]
}

func (s *stores) FinishedOver(_ context.Context, w evidence.Window, _ vllm.Scope) (evidence.Load, []evidence.Call, error) {
	s.note(asked{method: "FinishedOver", windows: []evidence.Window{w}})
	return evidence.Load{From: w.From, Step: w.Duration(), Counts: []float64{s.finished}}, nil, s.fails[evidence.Prometheus]
}

func (s *stores) EngineChanges(_ context.Context, w evidence.Window, _ vllm.Scope, ask prometheus.ChangesAsk) (evidence.EngineChanges, []evidence.Call, error) {
	a := asked{method: "EngineChanges", windows: []evidence.Window{w}}
	for name, wanted := range map[string]bool{"starts": ask.Starts, "sleep": ask.Sleep, "preemptions": ask.Preemptions > 0} {
		if wanted {
			a.names = append(a.names, name)
		}
	}
	slices.Sort(a.names)
	s.note(a)
	return evidence.EngineChanges{}, []evidence.Call{{Store: evidence.Prometheus}}, s.fails[evidence.Prometheus]
}

func (s *stores) RequestIDSample(_ context.Context, w evidence.Window) (loki.Sample, error) {
	s.note(asked{method: "RequestIDSample", windows: []evidence.Window{w}})
	return loki.Sample{Lines: s.otherLines}, s.fails[evidence.Loki]
}

func (s *stores) EngineLines(_ context.Context, w evidence.Window, scope vllm.Scope, _ []vllm.EngineEvent) ([]evidence.EngineLine, evidence.StoreReport) {
	s.note(asked{method: "EngineLines", windows: []evidence.Window{w}, names: scope.Models})
	return nil, s.report(evidence.Loki)
}

func (s *stores) RequestEvents(_ context.Context, windows []evidence.Window, _ vllm.Scope, filter loki.RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport) {
	s.note(asked{method: "RequestEvents", windows: windows, names: filter.IDs})
	if s.fails[evidence.Loki] != nil {
		return nil, s.report(evidence.Loki)
	}
	return slices.Clone(s.events), s.report(evidence.Loki)
}

func (s *stores) RequestSpans(_ context.Context, search jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	s.note(asked{"RequestSpans", []evidence.Window{search.Window}, search.Services, search.Expected})
	report := s.report(evidence.Jaeger)
	report.Truncated = s.limited || report.Err != nil
	for _, t := range s.traces {
		if report.Err == nil {
			report.Err = visit(t)
		}
	}
	return report
}

func (s *stores) CallerTraces(_ context.Context, search jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	s.note(asked{"CallerTraces", []evidence.Window{search.Window}, search.Services, search.Expected})
	report := s.report(evidence.Jaeger)
	report.Truncated = s.callers
	for _, t := range s.traces {
		if len(t.Unanswered) > 0 && report.Err == nil {
			report.Err = visit(t)
		}
	}
	return report
}

func (s *stores) CallerServices(context.Context) ([]string, error) { return s.byName, nil }

func (s *stores) OtherServices(context.Context) ([]string, error) { return []string{"envoy"}, nil }

func (s *stores) FindBySentID(_ context.Context, w evidence.Window, services []string, id string) (found []jaeger.Trace, _ evidence.StoreReport) {
	s.note(asked{method: "FindBySentID", windows: []evidence.Window{w}, names: services})
	for _, t := range s.traces {
		if slices.ContainsFunc(t.Requests, func(r evidence.RequestSpan) bool { return r.SentID == id || r.GatewayID == id }) {
			found = append(found, t)
		}
	}
	return found, s.report(evidence.Jaeger)
}

func (s *stores) FindByRequestID(_ context.Context, w evidence.Window, ids []string) (found []jaeger.Trace, _ evidence.StoreReport) {
	s.note(asked{method: "FindByRequestID", windows: []evidence.Window{w}, names: ids})
	for _, t := range s.traces {
		if slices.ContainsFunc(t.Requests, func(r evidence.RequestSpan) bool { return slices.Contains(ids, r.RequestID) && w.Contains(r.Start) }) {
			found = append(found, t)
		}
	}
	return found, s.report(evidence.Jaeger)
}

func (s *stores) GetTrace(_ context.Context, traceID string) (spans []evidence.Span, _ evidence.StoreReport) {
	s.note(asked{method: "GetTrace", names: []string{traceID}})
	for _, t := range s.traces {
		for i := range t.Requests {
			if t.TraceID == traceID {
				spans = append(spans, evidence.Span{TraceID: traceID, Request: &t.Requests[i]})
			}
		}
		for _, c := range t.Unanswered {
			if t.TraceID == traceID {
				spans = append(spans, evidence.Span{TraceID: traceID, Service: c.Service, Start: c.Start})
			}
		}
	}
	return spans, s.report(evidence.Jaeger)
}

// fetcher asks the stores. It knows that the pod writes no lines besides those that are here.
func (s *stores) fetcher() *Fetcher {
	f := s.fetcherOfUnknown()
	f.hush(context.Background(), []*evidence.RequestSpan{{Origin: pod}})
	return f
}

func (s *stores) fetcherOfUnknown() *Fetcher {
	return New(Fetcher{Metrics: s, Logs: s, Traces: s, VLLM: settings.VLLM{ScrapeInterval: 10 * time.Second}, Limits: settings.DefaultLimits()})
}

// everyMinute are n requests: one at each full minute, each a second longer than the one before.
func everyMinute(n int) (traces []jaeger.Trace) {
	for i := range n {
		seconds := float64(i + 1)
		traces = append(traces, jaeger.Trace{TraceID: traceOf(i), Requests: []evidence.RequestSpan{{
			TraceID: traceOf(i), SpanID: fmt.Sprint(i), RequestID: requestID(i), Start: noon.Add(time.Duration(i) * time.Minute), Origin: pod,
			Duration: seconds, E2E: seconds, TTFT: evidence.NaN, Queue: evidence.NaN, Prefill: evidence.NaN, Decode: evidence.NaN,
		}}})
	}
	return traces
}

// requestID is as vLLM makes one up, so that nobody expects another request to have it.
func requestID(i int) string { return fmt.Sprintf("chatcmpl-%016x", i) }
func traceOf(i int) string   { return fmt.Sprintf("%032x", i+1) }

func lineOf(id string, at time.Time) evidence.RequestEvent {
	return evidence.RequestEvent{UnixNano: at.UnixNano(), Origin: pod, External: id, ID: id, Kind: vllm.LogReceived, Form: vllm.IDExternal}
}

func failure(store evidence.Store, kind upstream.Kind) map[evidence.Store]error {
	return map[evidence.Store]error{store: &upstream.Error{Store: store, Kind: kind}}
}

// between writes a window as the seconds after noon of its ends.
func between(from, to float64) evidence.Window {
	at := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	return evidence.Window{From: at(from), To: at(to)}
}
