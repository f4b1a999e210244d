package jaeger

import (
	"cmp"
	"context"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Search says which traces to find.
type Search struct {
	// Window bounds the start of the spans asked for: engine spans for RequestSpans, inference spans for CallerTraces.
	Window evidence.Window
	// Services to ask, each by itself: no storage can be asked for several at once. Empty means every engine service
	// (RequestSpans); CallerTraces asks nothing then.
	Services []string
	// SpanName of the engine spans, when it is not the one of the settings.
	SpanName string
	// AnyName searches spans of any name (RequestSpans): storages index that apart, and what they are their attributes say.
	AnyName bool
	// Scope drops engine spans whose resource names another place. A span whose resource does not name the place at all
	// stays, since the join may still learn it from metrics; for the same reason models are left to the join.
	Scope vllm.Scope
	// Limit is how many requests (CallerTraces: unanswered calls) are wanted at most; 0 means settings.Limits.Requests.
	Limit int
	// Depth is how many traces one call may answer with; 0 means settings.Limits.TracesPerCall.
	Depth int
	// Expected is how many requests there were in the window, as far as the engines' own counters tell. It cuts the window
	// in advance so that nothing is fetched twice. A wrong number costs calls, never requests; 0 means unknown.
	Expected int
	// Load is how these are spread over the window, as far as known.
	Load evidence.Load
	// Tags must all stand on one span with exactly these values. Never ask for errors this way: what `error` matches
	// depends on the storage.
	Tags map[string]string
}

// Trace is what one trace tells about requests.
type Trace struct {
	TraceID  string
	Requests []evidence.RequestSpan
	// Callers are the spans above the engine spans, and all others that describe a call to a model.
	Callers []evidence.CallerSpan
	// Unanswered are those of Callers that called a model and have no engine span below them: the innermost of each
	// chain, so that one attempt counts once however many routers stand above it. Such a call was aborted, rejected, lost
	// in a crash, or went to something that is not vLLM.
	Unanswered []evidence.CallerSpan
}

// RequestSpans finds every engine span of the window, each exactly once, with its callers. visit is called by the calling
// goroutine, in no particular order; its error ends the search and stands in the report.
func (c *Client) RequestSpans(ctx context.Context, s Search, visit func(Trace) error) evidence.StoreReport {
	report := evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
	if len(s.Services) == 0 {
		s.Services, report.Err = c.EngineServices(ctx)
	}
	if test := s.Scope.Test(vllm.Service); test != nil {
		s.Services = slices.DeleteFunc(slices.Clone(s.Services), func(service string) bool { return !test(service) })
	}
	r := c.newRun(ctx, s, &report)
	r.visit, r.reduce = visit, reduceRequests
	r.total = s.Expected
	var err error
	if s.AnyName {
		r.subjects = anyName(s.Services, s.Tags)
	} else {
		r.subjects, r.unread, err = c.engineSubjects(ctx, s.Services, r.engine, s.Tags)
	}
	report.Err = cmp.Or(report.Err, err)
	if everywhere(s.Scope) {
		r.depth = min(r.depth, max(r.limit, minDepth)) // no larger answers than rows wanted
	}
	r.do(ctx, s.Expected)
	return report
}

// minDepth keeps a small row limit from asking in tiny portions.
const minDepth = 100

// CallerTraces finds the traces of the window in which a span called a model and no engine span answered, among the
// traces of these services: Trace.Unanswered is never empty. A service that has spans whose names tell that they call a
// model is asked for those only: the others may be many.
func (c *Client) CallerTraces(ctx context.Context, s Search, visit func(Trace) error) evidence.StoreReport {
	report := evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
	r := c.newRun(ctx, s, &report)
	r.services = nil // an engine of any service answers a call
	r.visit, r.reduce = visit, reduceUnanswered
	lists, errs := c.operationsOf(ctx, s.Services, len(s.Services))
	report.Err = cmp.Or(report.Err, upstream.Join(errs...))
	for i, service := range s.Services {
		for _, operation := range callerOperations(lists[i]) {
			r.subjects = append(r.subjects, &subject{service, operation, s.Tags})
		}
	}
	r.do(ctx, s.Expected*len(s.Services)) // a request passes through every service, by one of its operations
	return report
}

// FindByRequestID finds the engine spans of the window that carry one of these ids (a child's "<i>_" aside), with their
// callers, and those of the same HTTP request in the same trace. Storages compare tags in ways of their own, so every answer is checked again here; ids that cannot be ids are
// not asked for.
func (c *Client) FindByRequestID(ctx context.Context, w evidence.Window, ids []string) ([]Trace, evidence.StoreReport) {
	report := evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
	s := Search{Window: w}
	s.Services, report.Err = c.EngineServices(ctx)
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !vllm.ComparableRequestID(id) })
	r := c.newRun(ctx, s, &report)
	wanted, responses := map[string]bool{}, map[string]bool{}
	for _, id := range ids {
		wanted[id], responses[vllm.SharedResponseID(id)] = true, true
	}
	r.depth = min(r.depth, minDepth) // an id that retries reuse has a few traces, not thousands
	var traces []Trace
	r.visit = func(t Trace) error {
		traces = append(traces, t)
		return nil
	}
	r.reduce = func(r *run, f *found) (int, bool) {
		exactly := func(s evidence.RequestSpan) bool {
			return wanted[s.RequestID] || wanted[vllm.ExternalFromChild(s.RequestID)]
		}
		meant := slices.ContainsFunc(f.Requests, exactly) // storages may compare otherwise
		f.keepRequests(func(i int) bool {
			return meant && (exactly(f.Requests[i]) || responses[vllm.SharedResponseID(f.Requests[i].RequestID)])
		})
		return reduceRequests(r, f)
	}
	for _, id := range ids { // the tag is enough; with a name besides, Cassandra finds only what its index of names has
		r.subjects = append(r.subjects, anyName(s.Services, map[string]string{vllm.SpanRequestID: id})...)
	}
	r.do(ctx, 0)
	return traces, report
}

// reduceRequests leaves the requests that are new, as many as the limit still allows. The trace's unanswered calls come
// along with its requests and do not count.
func reduceRequests(r *run, f *found) (rows int, more bool) {
	f.keepRequests(func(i int) bool {
		switch {
		case !r.unseen(f.id, f.requests[i]):
			return false
		case r.rows+rows >= r.limit:
			more = true
			return false
		}
		rows++
		return true
	})
	return rows, more
}

// reduceUnanswered does the same for unanswered calls.
func reduceUnanswered(r *run, f *found) (rows int, more bool) {
	kept := f.Unanswered[:0]
	for i, call := range f.Unanswered {
		switch {
		case !r.unseen(f.id, f.unanswered[i]):
		case r.rows+rows >= r.limit:
			more = true
		default:
			kept = append(kept, call)
			rows++
		}
	}
	f.Unanswered = kept
	return rows, more
}

// keepRequests drops the requests for which keep says no; i is the index before anything was dropped.
func (f *found) keepRequests(keep func(i int) bool) {
	requests, ids := f.Requests[:0], f.requests[:0]
	for i := range f.Requests {
		if keep(i) {
			requests, ids = append(requests, f.Requests[i]), append(ids, f.requests[i])
		}
	}
	f.Requests, f.requests = requests, ids
}

// everywhere reports whether a scope drops no span for the place it comes from.
func everywhere(s vllm.Scope) bool {
	return !s.Narrows(vllm.Environment, vllm.Cluster, vllm.Namespace, vllm.Pod, vllm.Instance)
}

// anyName searches all spans of services.
func anyName(services []string, tags map[string]string) (subjects []*subject) {
	for _, service := range services {
		subjects = append(subjects, &subject{service, "", tags})
	}
	return subjects
}
