package prometheus

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/guard"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// LabelValues lists the values of a label on vLLM's series within a window, sorted.
func (c *Client) LabelValues(
	ctx context.Context, label string, w evidence.Window, scope vllm.Scope,
) ([]string, evidence.Call, error) {
	var all []string
	var calls []evidence.Call
	for _, part := range scope.Parts(scopeBytes) {
		values, call, err := c.LabelValuesOf(ctx, label, "", w, promql.ScopeMatchers(c.store.Labels, part))
		calls = append(calls, call)
		if err != nil {
			return nil, sum(calls), err
		}
		all = append(all, values...)
	}
	slices.Sort(all)
	return slices.Compact(all), sum(calls), nil
}

// scopeBytes, in bytes of a scope's values, leaves room in a URL for the rest of a question and for what escaping adds: label values
// are asked for by GET alone, and many gateways take 8 KiB.
const scopeBytes = 2_000

// LabelNames lists the labels of vLLM's series within a window, sorted.
func (c *Client) LabelNames(ctx context.Context, w evidence.Window) ([]string, evidence.Call, error) {
	return c.LabelNamesOf(ctx, "", w)
}

// LabelValuesOf lists the values of a label on any series: those of a metric, "" for vLLM's, that match.
func (c *Client) LabelValuesOf(
	ctx context.Context, label, metric string, w evidence.Window, matchers []promql.Matcher,
) ([]string, evidence.Call, error) {
	return c.ofSeries(ctx, metric, w, matchers, func(selector string) ([]string, evidence.Call, error) {
		return c.labelValues(ctx, label, w, selector)
	})
}

// LabelNamesOf lists the labels of a metric's series within a window, "" for vLLM's, sorted.
func (c *Client) LabelNamesOf(ctx context.Context, metric string, w evidence.Window) ([]string, evidence.Call, error) {
	var matchers []promql.Matcher
	if metric == "" {
		matchers = promql.ScopeMatchers(c.store.Labels, vllm.Scope{})
	}
	return c.ofSeries(ctx, metric, w, matchers, func(selector string) ([]string, evidence.Call, error) {
		return c.labelNames(ctx, w, selector)
	})
}

// ofSeries asks about the series of a metric, "" for vLLM's. Where a pattern for names is refused, it asks about a few of
// vLLM's metrics that between them have all labels, and gives what any of them has.
func (c *Client) ofSeries(
	ctx context.Context, metric string, w evidence.Window, matchers []promql.Matcher,
	ask func(selector string) ([]string, evidence.Call, error),
) ([]string, evidence.Call, error) {
	if metric != "" {
		return ask(promql.Selector([]string{metric}, matchers...))
	}
	if !c.takesNoPattern(ctx) {
		name := promql.Matcher{Label: model.MetricNameLabel, Op: "=~", Value: prefixPattern(c.engines.MetricPrefix)}
		values, call, err := ask(promql.Selector(nil, append([]promql.Matcher{name}, matchers...)...))
		if !errors.Is(err, upstream.ErrRefused) {
			return values, call, err
		}
	}
	names, calls, err := c.Names(ctx, w)
	if err != nil {
		return nil, sum(calls), err
	}
	var all []string
	for _, selector := range names.Selectors(names.OfEngines(), matchers...) {
		values, call, err := ask(selector)
		if calls = append(calls, call); err != nil {
			return nil, sum(calls), err
		}
		all = append(all, values...)
	}
	slices.Sort(all)
	return slices.Compact(all), sum(calls), nil
}

// sum is several calls as one: the last one's text, and what all of them cost.
func sum(calls []evidence.Call) (all evidence.Call) {
	for _, call := range calls {
		cost := all
		all = call
		all.Duration, all.Bytes, all.Rows = call.Duration+cost.Duration, call.Bytes+cost.Bytes, call.Rows+cost.Rows
		all.Partial = cmp.Or(call.Partial, cost.Partial)
	}
	return all
}

// Metric is one name that a query can use.
type Metric struct {
	Name string
	// Type and Help are what the exporter says of the metric; "" when the store keeps no metadata. A bucket, a sum and a
	// count have those of their histogram.
	Type, Help string
	Engines    bool // vLLM's own
}

// Metrics lists the names in a window, vLLM's own first, then the rest by name, at most limit. Metadata that cannot be had
// is left out: Prometheus' kin often have none.
func (c *Client) Metrics(ctx context.Context, w evidence.Window, limit int) ([]Metric, error) {
	var (
		own, all       []string
		ownErr, allErr error
		described      map[string][]v1.Metadata
		group          sync.WaitGroup
	)
	group.Go(func() {
		defer guard.Recover(ctx, &ownErr)
		var call evidence.Call
		own, call, ownErr = c.LabelValues(ctx, model.MetricNameLabel, w, vllm.Scope{})
		if c.takesNoPattern(ctx) {
			names, calls, err := c.Names(ctx, w)
			own, call, ownErr = names.List(), sum(calls), err
		}
		ownErr = upstream.Join(ownErr, upstream.Partial(call.Store, call.Partial)) // said only where nothing came
	})
	group.Go(func() {
		defer guard.Recover(ctx, &allErr)
		all, allErr = c.allNames(ctx, w, limit)
	})
	group.Go(func() {
		defer guard.Recover(ctx, new(error)) // without metadata the names stand alone
		found, err := c.v1.Metadata(upstream.WithStage(ctx, "metadata"), "", "")
		if err == nil {
			described = found
		}
	})
	group.Wait()
	if len(own)+len(all) == 0 {
		return nil, upstream.Join(ownErr, allErr)
	}
	slices.Sort(all)
	names := slices.Concat(own, slices.DeleteFunc(all, func(name string) bool {
		_, known := slices.BinarySearch(own, name)
		return known
	}))
	metrics := make([]Metric, 0, min(len(names), limit))
	for i, name := range names[:min(len(names), limit)] {
		m := Metric{Name: name, Engines: i < len(own)}
		m.Type, m.Help = describe(described, name)
		metrics = append(metrics, m)
	}
	return metrics, nil
}

// allNames lists metric names, whoever's they are.
func (c *Client) allNames(ctx context.Context, w evidence.Window, limit int) ([]string, error) {
	names, _, err := c.list(upstream.WithStage(ctx, "label_values"), "label_values(__name__)", model.MetricNameLabel, w,
		url.Values{"limit": {strconv.Itoa(limit)}})
	return names, err
}

// maxHelp bounds an exporter's help text, which is a sentence.
const maxHelp = 300

// describe finds the metadata of a series' name: its own, or that of the family that it is a part of.
func describe(all map[string][]v1.Metadata, name string) (kind, help string) {
	found := all[name]
	for _, suffix := range []string{"_bucket", "_sum", "_count", "_total"} {
		if family, ok := strings.CutSuffix(name, suffix); ok && len(found) == 0 {
			found = all[family]
		}
	}
	if len(found) == 0 {
		return "", ""
	}
	help = strings.ToValidUTF8(found[0].Help[:min(len(found[0].Help), maxHelp)], "")
	return string(found[0].Type), help
}

func (c *Client) labelValues(
	ctx context.Context, label string, w evidence.Window, selector string,
) ([]string, evidence.Call, error) {
	text := "label_values(" + selector + ", " + promql.Label(label) + ")"
	return c.list(upstream.WithStage(ctx, "label_values"), text, label, w, url.Values{"match[]": {selector}})
}

func (c *Client) labelNames(ctx context.Context, w evidence.Window, selector string) ([]string, evidence.Call, error) {
	return c.list(upstream.WithStage(ctx, "label_names"), "label_names("+selector+")", "", w, url.Values{"match[]": {selector}})
}
