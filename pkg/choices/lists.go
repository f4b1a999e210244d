package choices

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/answer"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// What a catalogue asks of each store.
type (
	metricsLister interface {
		LabelNames(ctx context.Context, w evidence.Window) ([]string, evidence.Call, error)
		LabelValues(ctx context.Context, label string, w evidence.Window, scope vllm.Scope) ([]string, evidence.Call, error)
	}
	logsLister interface {
		LabelValues(ctx context.Context, window evidence.Window, label string) ([]string, error)
	}
	tracesLister interface {
		EngineServices(ctx context.Context) ([]string, error)
	}
)

// catalogue lists the values that a user can choose from. A nil store is one that is not configured.
type Lists struct {
	settings settings.Settings
	metrics  metricsLister
	logs     logsLister
	traces   tracesLister
	series   seriesLister
	lines    linesLister
	requests requestsLister // never nil
	now      func() time.Time
}

// newCatalogue lists what the stores of a data source have.
func New(d *answer.Sources) *Lists {
	c := &Lists{settings: d.Settings, requests: d.Fetcher, now: time.Now}
	if d.Prometheus != nil { // a nil pointer would make an interface that is not nil
		c.metrics, c.series = d.Prometheus, d.Prometheus
	}
	if d.Loki != nil {
		c.logs, c.lines = d.Loki, d.Loki
	}
	if d.Jaeger != nil {
		c.traces = d.Jaeger
	}
	return c
}

// places are the lists by route, with the label that holds them in each store. Jaeger can list services only.
var places = []struct {
	route string
	label func(vllm.LabelNames) string
}{
	{"models", func(l vllm.LabelNames) string { return l.Model }},
	{"environments", func(l vllm.LabelNames) string { return l.Environment }},
	{"clusters", func(l vllm.LabelNames) string { return l.Cluster }},
	{"namespaces", func(l vllm.LabelNames) string { return l.Namespace }},
	{"pods", func(l vllm.LabelNames) string { return l.Pod }},
	{"instances", func(l vllm.LabelNames) string { return l.Instance }},
	{"engines", func(l vllm.LabelNames) string { return l.Engine }},
	{"services", func(l vllm.LabelNames) string { return l.Service }},
}

// place unites what the stores know of one kind of place. Stores that fail are left out as long as one answers. A filter
// leaves out logs and traces when metrics are there: they cannot be narrowed by it and would bring back what it excludes.
func (c *Lists) place(ctx context.Context, route string, label func(vllm.LabelNames) string, ask listing) ([]string, error) {
	var asks []func(context.Context) ([]string, error)
	if name := label(c.settings.Prometheus.Labels); c.metrics != nil && name != "" {
		asks = append(asks, func(ctx context.Context) ([]string, error) {
			return whole(c.metrics.LabelValues(ctx, name, ask.window, ask.scope))
		})
	}
	if !ask.filtered || c.metrics == nil {
		if name := label(c.settings.Loki.Labels); c.logs != nil && name != "" {
			asks = append(asks, func(ctx context.Context) ([]string, error) {
				return c.logs.LabelValues(ctx, ask.window, name)
			})
		}
		if c.traces != nil && route == "services" {
			asks = append(asks, c.traces.EngineServices)
		}
	}
	return union(ctx, asks)
}

// whole makes it an error beside the values when the store says that it has more: a menu without anything then says why, and
// a short one is told of in the log.
func whole(values []string, call evidence.Call, err error) ([]string, error) {
	return values, upstream.Join(err, upstream.Partial(call.Store, call.Partial))
}

// short keeps the values of a list that is not whole, and fails only when there are none.
func short(ctx context.Context, values []string, err error) ([]string, error) {
	if err != nil && len(values) > 0 {
		backend.Logger.FromContext(ctx).Warn("A list is not whole", "error", err)
		return values, nil
	}
	return values, err
}

// union asks all at once. It fails when a failure leaves nothing to choose from; otherwise a failure is logged and the rest
// stands.
func union(ctx context.Context, asks []func(context.Context) ([]string, error)) ([]string, error) {
	lists := make([][]string, len(asks))
	errs := make([]error, len(asks))
	var group sync.WaitGroup
	for i, ask := range asks {
		group.Go(func() {
			defer guard.Recover(ctx, &errs[i])
			lists[i], errs[i] = ask(ctx)
		})
	}
	group.Wait()
	found := slices.Concat(lists...) // a store may give what it has beside its error
	if err := errors.Join(errs...); err != nil {
		if len(found) == 0 {
			return nil, err
		}
		backend.Logger.FromContext(ctx).Warn("A store is missing from a list", "error", err)
	}
	return found, nil
}
