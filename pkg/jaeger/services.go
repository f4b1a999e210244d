package jaeger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"golang.org/x/sync/errgroup"

	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// engineServicesTTL is how long the list of engine services is believed: short enough that a new deployment shows up
// while one watches, long enough that the panels of a dashboard ask once.
const engineServicesTTL = 30 * time.Second

// engineServices remembers which services have the request span.
type engineServices struct {
	span  string
	mu    sync.Mutex
	names []string
	until time.Time
}

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
// by that operation. When some service could not be asked, the others come with the error.
func (c *Client) EngineServices(ctx context.Context) ([]string, error) {
	if len(c.fixed) > 0 {
		return c.fixed, nil
	}
	// With forwarded identity each user may see other services, so nothing is shared.
	shared := !c.store.ForwardIdentity
	if shared {
		if names := c.engines.get(time.Now()); names != nil {
			return names, nil
		}
	}
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.withOperation(ctx, services, c.span)
	if err == nil && shared {
		c.engines.put(names, time.Now().Add(engineServicesTTL))
	}
	return names, err
}

// withOperation keeps the services that have an operation.
func (c *Client) withOperation(ctx context.Context, services []string, operation string) ([]string, error) {
	has := make([]bool, len(services))
	errs := make([]error, len(services))
	var group errgroup.Group
	group.SetLimit(max(1, c.limits.ConcurrentCall))
	for i, service := range services {
		group.Go(func() error {
			defer recovered(&errs[i])
			has[i], errs[i] = c.hasOperation(ctx, service, operation)
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

func (c *Client) hasOperation(ctx context.Context, service, operation string) (bool, error) {
	names, err := c.operations(ctx, service)
	return slices.Contains(names, operation), err
}

// operations lists the span names of a service.
func (c *Client) operations(ctx context.Context, service string) (names []string, err error) {
	_, err = c.call(ctx, stageOperations, "operations of "+service, func(ctx context.Context) (int, error) {
		answer, err := c.v2.GetOperations(ctx, &api_v2.GetOperationsRequest{Service: service})
		names = answer.GetOperationNames() // what servers before 1.17 fill in
		for _, o := range answer.GetOperations() {
			names = append(names, o.GetName())
		}
		return len(names), err
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

func (e *engineServices) get(now time.Time) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Before(e.until) {
		return e.names
	}
	return nil
}

func (e *engineServices) put(names []string, until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names, e.until = names, until
}

// recovered turns a panic of the calling goroutine into an error: it would end the plugin process otherwise.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("jaeger: internal error: %v", r)
	}
}
