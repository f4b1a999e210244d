package jaeger

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// sentIDs are the ids that spans above an engine's carry: what a client sent to the router or gateway nearest to it, and what
// such a gateway calls the request itself. Empty when not known.
type sentIDs struct{ client, gateway string }

// or fills in what is not known yet from a span further in.
func (s sentIDs) or(inner *span) sentIDs {
	if s.client == "" {
		if id := either(inner.headerID, inner.routerID, inner.someID); id != "" && vllm.ComparableRequestID(id) {
			s.client = id
		}
	}
	if s.gateway == "" && vllm.ComparableRequestID(inner.gatewayID) {
		s.gateway = inner.gatewayID
	}
	return s
}

// sent gives what the client sent as its id to the router or gateway nearest to it, of those that a call went through, and
// what such a gateway calls the request itself. i is the engine's span, or the innermost of a call without one.
func (a *assembler) sent(i int32) (client, gateway string) {
	n := &a.nodes[i]
	ids := n.outer
	if n.parent >= 0 {
		if up := &a.nodes[n.parent]; up.passes(true) {
			ids = ids.or(up.span)
		}
	}
	if !n.engine && n.passes(false) {
		ids = ids.or(n.span)
	}
	if ids.client != "" {
		ids.client = vllm.SentText(ids.client)
	}
	return ids.client, ids.gateway
}

// passes reports whether a span stands for a part of the way of a call to a model: the call itself, or HTTP to a path that asks
// one. The id of another request of the application, such as the one that its own user made, is not what it sent to vLLM. above
// says that the engine's span is right below.
func (n *node) passes(above bool) bool {
	switch {
	case n.call != vllm.NoCall, n.router:
		return true
	case n.path != "":
		return vllm.InferencePath(n.path)
	default:
		return above && n.kind == evidence.KindClient
	}
}

// FindBySentID finds the requests of the window that a client called by an id which vLLM never saw: it stands on the spans of a
// router or gateway above the engine's. Services are those to ask.
func (c *Client) FindBySentID(ctx context.Context, w evidence.Window, services []string, id string) ([]Trace, evidence.StoreReport) {
	report := evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
	if !vllm.ComparableRequestID(id) || len(services) == 0 {
		return nil, report
	}
	r := c.newRun(ctx, Search{Window: w}, &report)
	r.depth = min(r.depth, minDepth)
	var traces []Trace
	r.visit = func(t Trace) error {
		traces = append(traces, t)
		return nil
	}
	r.reduce = func(r *run, f *found) (int, bool) {
		f.keepRequests(func(i int) bool { return f.Requests[i].SentID == id || f.Requests[i].GatewayID == id })
		f.keepUnanswered(func(c *evidence.CallerSpan) bool { return c.SentID == id || c.GatewayID == id })
		rows, more := reduceRequests(r, f)
		if rows == 0 {
			return reduceUnanswered(r, f)
		}
		return rows, more
	}
	names, headers := vllm.SentIDAttributes()
	list, _ := json.Marshal([]string{id}) // of a text, which can always be written
	for _, name := range names {
		r.subjects = append(r.subjects, anyName(services, map[string]string{name: id})...)
		if headers[name] {
			r.subjects = append(r.subjects, anyName(services, map[string]string{name: string(list)})...)
		}
	}
	r.do(ctx, 0)
	return traces, report
}

// keepUnanswered drops the calls for which keep says no.
func (f *found) keepUnanswered(keep func(*evidence.CallerSpan) bool) {
	calls, ids := f.Unanswered[:0], f.unanswered[:0]
	for i := range f.Unanswered {
		if keep(&f.Unanswered[i]) {
			calls, ids = append(calls, f.Unanswered[i]), append(ids, f.unanswered[i])
		}
	}
	f.Unanswered, f.unanswered = calls, ids
}

// OtherServices lists the services that have no engine spans, sorted.
func (c *Client) OtherServices(ctx context.Context) ([]string, error) {
	engines, err := c.EngineServices(ctx)
	if err != nil {
		return nil, err
	}
	services, err := c.knownServices(ctx)
	return slices.DeleteFunc(slices.Clone(services), func(s string) bool { return slices.Contains(engines, s) }), err
}
