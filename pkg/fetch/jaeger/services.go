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
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// operation is the name of a span of a service, and its kind where the storage keeps that.
type operation struct{ name, kind string }

// Services lists the services that Jaeger knows, sorted.
func (c *Client) Services(ctx context.Context) ([]string, error) {
	var services []string
	_, err := c.call(ctx, stageServices, "services", func(ctx context.Context) (int, error) {
		answer, err := c.v2.GetServices(ctx, &api_v2.GetServicesRequest{})
		services = answer.GetServices()
		return len(services), err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(services)
	return services, nil
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
	_, err := c.call(ctx, stageOperations, "operations of "+service, func(ctx context.Context) (int, error) {
		answer, err := c.v2.GetOperations(ctx, &api_v2.GetOperationsRequest{Service: service})
		for _, name := range answer.GetOperationNames() { // what servers before 1.17 fill in
			list = append(list, operation{name: name})
		}
		for _, o := range answer.GetOperations() {
			list = append(list, operation{o.GetName(), o.GetSpanKind()})
		}
		return len(list), err
	})
	slices.SortFunc(list, func(a, b operation) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.kind, b.kind))
	})
	return slices.Compact(list), err
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
