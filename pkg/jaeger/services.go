package jaeger

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// directoryTTL is how long the names of services and their spans are believed: short enough that a new deployment shows up
// while one watches, long enough that the panels of a dashboard ask once.
const directoryTTL = 30 * time.Second

// operation is the name of a span of a service, and its kind where the storage keeps that.
type operation struct{ name, kind string }

// directory remembers the names of services and of their spans.
type directory struct {
	mu         sync.Mutex
	services   []string
	until      time.Time // for the services
	operations map[string]remembered
}

type remembered struct {
	list  []operation
	until time.Time
}

func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.services, d.until, d.operations = nil, time.Time{}, nil
}

// maxRemembered bounds the table: service names are whatever a client's resource says.
const maxRemembered = 1000

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
		c.names.forget() // one waits for an engine's first span
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

// servicesWith keeps the services whose spans pass.
func (c *Client) servicesWith(ctx context.Context, pass func([]operation) bool) ([]string, error) {
	services, err := c.knownServices(ctx)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(services))
	errs := make([]error, len(services))
	var group errgroup.Group
	group.SetLimit(max(1, c.limits.ConcurrentCall))
	for i, service := range services {
		group.Go(func() error {
			defer guard.Recover(ctx, &errs[i])
			list, err := c.operations(ctx, service)
			has[i], errs[i] = pass(list), err
			return nil
		})
	}
	_ = group.Wait() // errors are kept per service
	var names []string
	for i, service := range services {
		if has[i] {
			names = append(names, service)
		}
	}
	return names, upstream.Join(errs...)
}

// shared reports whether what one user may see is what all may: with forwarded identity nothing is remembered.
func (c *Client) shared() bool { return !c.store.ForwardIdentity }

// knownServices is Services, remembered for a while once there are engines among them: before, one waits for their first span.
func (c *Client) knownServices(ctx context.Context) ([]string, error) {
	now := time.Now()
	c.names.mu.Lock()
	names, fresh := c.names.services, now.Before(c.names.until)
	c.names.mu.Unlock()
	if c.shared() && fresh {
		return names, nil
	}
	names, err := c.Services(ctx)
	if err == nil && c.shared() {
		c.names.mu.Lock()
		c.names.services, c.names.until = names, now.Add(directoryTTL)
		c.names.mu.Unlock()
	}
	return names, err
}

// operations lists the span names of a service.
func (c *Client) operations(ctx context.Context, service string) ([]operation, error) {
	now := time.Now()
	if c.shared() {
		c.names.mu.Lock()
		known := c.names.operations[service]
		c.names.mu.Unlock()
		if now.Before(known.until) {
			return known.list, nil
		}
	}
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
	list = slices.Compact(list)
	if err == nil && c.shared() {
		c.names.mu.Lock()
		if c.names.operations == nil || len(c.names.operations) >= maxRemembered {
			c.names.operations = map[string]remembered{}
		}
		c.names.operations[service] = remembered{list, now.Add(directoryTTL)}
		c.names.mu.Unlock()
	}
	return list, err
}

// maxOperations is how many names of spans one service is searched by, one search each; with more, any name is asked for, and
// the spans tell what they are.
const maxOperations = 8

// engineSubjects are the searches for request spans: of each service, by the name of the settings and by those that look like
// an engine's. When a service's names cannot be had, the one of the settings has to do; a server that does not answer at all is
// not asked again: unasked counts the services for which that was so.
func (c *Client) engineSubjects(ctx context.Context, services []string, span string, tags map[string]string) (subjects []*subject, unasked int, err error) {
	found := make([][]*subject, len(services))
	errs := make([]error, len(services))
	var group errgroup.Group
	group.SetLimit(max(1, c.limits.ConcurrentCall))
	for i, service := range services {
		group.Go(func() error {
			defer guard.Recover(ctx, &errs[i])
			list, err := c.operations(ctx, service)
			if errors.Is(err, upstream.ErrTimeout) {
				errs[i] = err
				return nil
			}
			for _, name := range engineOperations(list, span) {
				found[i] = append(found[i], &subject{service, name, tags})
			}
			return nil
		})
	}
	_ = group.Wait() // errors are kept per service
	for _, err := range errs {
		if err != nil {
			unasked++
		}
	}
	return slices.Concat(found...), unasked, upstream.Join(errs...)
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

// callerOperations are the names by which the calls of a service are searched. Where all spans that may be calls are known by
// their names, those are asked for; else all spans, since each search gives whole traces.
func (c *Client) callerOperations(ctx context.Context, service string) ([]string, error) {
	list, err := c.operations(ctx, service)
	var names []string
	for _, o := range list {
		switch {
		case vllm.PerhapsInference(o.name):
			names = append(names, o.name)
		case !vllm.SurelyNoInference(o.name):
			return []string{""}, err
		}
	}
	names = slices.Compact(names)
	if len(names) == 0 || len(names) > maxOperations {
		return []string{""}, err
	}
	return names, err
}
