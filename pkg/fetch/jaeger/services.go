package jaeger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// operation is the name of a span of a service, and its kind where the storage keeps that.
type operation struct{ name, kind string }

// Services lists the services that Jaeger knows, sorted.
func (c *Client) Services(ctx context.Context) ([]string, error) {
	var services []string
	err := c.list(ctx, stageServices, "services", getServices, &api_v2.GetServicesRequest{}, func(message []byte) (int, error) {
		var answer api_v2.GetServicesResponse
		err := answer.Unmarshal(message)
		services = answer.GetServices()
		return len(services), err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(services)
	return services, nil
}

// nameCost, in bytes, is what a name of a list takes beside its text: as the message's, as ours, and while the list grows.
const nameCost = 256

// list asks for names, in one message, and lets it be decoded.
func (c *Client) list(ctx context.Context, stage, text, method string, request message, decode func(message []byte) (names int, err error)) error {
	return c.sized(func(size messageSize) error {
		_, err := c.call(ctx, stage, text, func(ctx context.Context) (names int, err error) {
			account := memory.Of(ctx)
			err = c.receive(ctx, method, request, size, func(message []byte) error {
				count := 0
				_ = fields(message, func(field) error { count++; return nil }) // what is no message is refused when it is decoded
				cost := int64(len(message)) + int64(count)*nameCost
				if err := account.Take(ctx, cost); err != nil {
					return upstream.NotHeld(evidence.Jaeger, err)
				}
				defer account.Give(cost)
				var err error
				if names, err = decode(message); err != nil {
					return upstream.BadAnswer(c.store, errWire)
				}
				return nil
			})
			return names, err
		})
		return err
	})
}

// EngineServices lists the services that have the request span: those of the settings, or else those that Jaeger knows
// by that operation, or by one that is called as the next engines call it. When some service could not be asked, the others come with
// the error.
func (c *Client) EngineServices(ctx context.Context) ([]string, error) {
	if len(c.fixed) > 0 {
		return c.fixed, nil
	}
	names, err := c.servicesWith(ctx, func(list []operation) bool {
		return slices.ContainsFunc(list, func(o operation) bool { return o.name == c.span || o.isEngines() })
	})
	if len(names) == 0 {
		c.services.Shorten(ctx, struct{}{}) // one waits for an engine's first span
	}
	return names, err
}

// CallerServices lists the services, other than engines, of which some span's name tells that it may call a model: those
// whose calls are all refused are above no engine span, and would be found by nothing else.
func (c *Client) CallerServices(ctx context.Context) ([]string, error) {
	engines, err := c.EngineServices(ctx)
	if err != nil {
		return nil, err
	}
	callers, err := c.servicesWith(ctx, func(list []operation) bool {
		return slices.ContainsFunc(list, func(o operation) bool { return vllm.PerhapsInference(o.name) })
	})
	return slices.DeleteFunc(slices.Clone(callers), func(s string) bool { return slices.Contains(engines, s) }), err
}

// isEngines reports whether spans of this name may be an engine's requests, by what they will be called. A client's go by the
// same names, so the kind has to be known.
func (o operation) isEngines() bool {
	return strings.EqualFold(o.kind, string(evidence.KindServer)) && vllm.EngineSpanName(o.name)
}

// maxServices bounds how many services are looked at: each costs a call, and a service name is whatever a client's resource says.
const maxServices = 1000

// servicesWith keeps the services whose spans pass. Of more than maxServices some are not looked at, which is an error beside the others.
func (c *Client) servicesWith(ctx context.Context, pass func([]operation) bool) ([]string, error) {
	services, err := c.knownServices(ctx)
	if err != nil {
		return nil, err
	}
	all := len(services)
	services = services[:min(all, maxServices)]
	lists, errs := c.operationsOf(ctx, services, all)
	var names []string
	for i, service := range services {
		if pass(lists[i]) {
			names = append(names, service)
		}
	}
	if all > maxServices {
		errs = append(errs, backend.DownstreamErrorf("Jaeger knows %d services, of which %d were looked at: name the engine services in the data source's settings", all, maxServices))
	}
	return names, upstream.Join(errs...)
}

// operationsOf lists the span names of some services, several at a time, with an error for each that could not be asked. all is how many
// services there are.
func (c *Client) operationsOf(ctx context.Context, services []string, all int) (lists [][]operation, errs []error) {
	lists, errs = make([][]operation, len(services)), make([]error, len(services))
	var group errgroup.Group
	group.SetLimit(max(1, c.limits.ConcurrentCall))
	for i, service := range services {
		group.Go(func() error {
			defer guard.Recover(ctx, &errs[i])
			lists[i], errs[i] = c.operationsFor(ctx, service, all)
			return nil
		})
	}
	_ = group.Wait() // errors are kept per service
	return lists, errs
}

// knownServices is Services, kept for a while.
func (c *Client) knownServices(ctx context.Context) ([]string, error) {
	services, _, err := c.services.Get(ctx, struct{}{}, func(ctx context.Context) ([]string, []evidence.Call, error) {
		services, err := c.Services(ctx)
		return services, nil, err
	})
	return services, err
}

// operationsFor lists the span names of a service, one of all that there are.
func (c *Client) operationsFor(ctx context.Context, service string, all int) ([]operation, error) {
	found, _, err := c.operations.Get(ctx, service, func(ctx context.Context) (operations, []evidence.Call, error) {
		list, err := c.askOperations(ctx, service)
		return operations{list, all}, nil, err
	})
	return found.list, err
}

func (c *Client) askOperations(ctx context.Context, service string) ([]operation, error) {
	var list []operation
	err := c.list(ctx, stageOperations, "operations of "+service, getOperations, &api_v2.GetOperationsRequest{Service: service}, func(message []byte) (int, error) {
		var answer api_v2.GetOperationsResponse
		err := answer.Unmarshal(message)
		list = nil
		for _, name := range answer.GetOperationNames() { // what servers before 1.17 fill in
			list = append(list, named(name, ""))
		}
		for _, o := range answer.GetOperations() {
			list = append(list, named(o.GetName(), o.GetSpanKind()))
		}
		return len(list), err
	})
	slices.SortFunc(list, func(a, b operation) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.kind, b.kind))
	})
	return looked(slices.Compact(list), c.span), err
}

const (
	// namesOfAKind is how many names of a kind are kept of a service: with more than maxOperations all its spans are searched.
	namesOfAKind = 100
	// longestName, in bytes, is the longest name that spans are searched by. What has a longer one may be anything.
	longestName = 1 << 10
)

// named is an operation without what is too long to be one.
func named(name, kind string) operation {
	if len(name) > longestName {
		name = ""
	}
	if len(kind) > longestName {
		kind = ""
	}
	return operation{name, kind}
}

// looked leaves in a list what is looked at: whether there are names that an engine's request has, or a call to a model, and which,
// up to more than are searched one by one, and one that may be anything.
func looked(list []operation, span string) []operation {
	var kinds struct{ engine, call, other int }
	return slices.Clip(slices.DeleteFunc(list, func(o operation) bool {
		var kind *int
		switch {
		case o.name == span, o.isEngines():
			kind = &kinds.engine
		case vllm.PerhapsInference(o.name):
			kind = &kinds.call
		case vllm.SurelyNoInference(o.name):
			return true
		default:
			kind = &kinds.other
		}
		*kind++
		return *kind > namesOfAKind
	}))
}

// maxOperations is how many names of spans one service is searched by, one search each; with more, any name is asked for, and
// the spans tell what they are.
const maxOperations = 8

// engineSubjects are the searches for request spans: of each service, by the name of the settings and by those that look like
// an engine's. When a service's names cannot be had, the one of the settings has to do; a server that does not answer at all is
// not asked again: unasked counts the services for which that was so.
func (c *Client) engineSubjects(ctx context.Context, services []string, span string, tags map[string]string) (subjects []*subject, unasked int, err error) {
	lists, errs := c.operationsOf(ctx, services, len(services))
	var failed []error
	for i, service := range services {
		if errors.Is(errs[i], upstream.ErrTimeout) {
			unasked++
			failed = append(failed, errs[i])
			continue
		}
		for _, name := range engineOperations(lists[i], span) {
			subjects = append(subjects, &subject{service, name, tags})
		}
	}
	return subjects, unasked, upstream.Join(failed...)
}

// engineOperations are the names by which the request spans of a service are searched.
func engineOperations(list []operation, span string) []string {
	var names []string
	for _, o := range list {
		if o.name == span || o.isEngines() {
			names = append(names, o.name)
		}
	}
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
		return []string{span}
	case len(names) > maxOperations:
		return []string{""}
	}
	return names
}

// callerOperations are the names by which the calls of a service with these spans are searched. Where all spans that may be calls are
// known by their names, those are asked for; else all spans, since each search gives whole traces.
func callerOperations(list []operation) []string {
	var names []string
	for _, o := range list {
		switch {
		case vllm.PerhapsInference(o.name):
			names = append(names, o.name)
		case !vllm.SurelyNoInference(o.name):
			return []string{""}
		}
	}
	names = slices.Compact(names)
	if len(names) == 0 || len(names) > maxOperations {
		return []string{""}
	}
	return names
}
