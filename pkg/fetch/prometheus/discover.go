package prometheus

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Names looks up which of our metrics the store has in a window: one call on its index, or none when it was asked lately.
// Where a pattern for names is refused, each name is asked for by itself, and the client remembers that for a while. A
// store that does not answer such calls at all is taken to have every name.
func (c *Client) Names(ctx context.Context, w evidence.Window) (promql.Names, []evidence.Call, error) {
	w = grained(w)
	return c.names.Get(ctx, w, func(ctx context.Context) (promql.Names, []evidence.Call, error) { return c.lookUpNames(ctx, w) })
}

func (c *Client) lookUpNames(ctx context.Context, w evidence.Window) (promql.Names, []evidence.Call, error) {
	var calls []evidence.Call
	if !c.takesNoPattern(ctx) {
		full, call, err := c.labelValues(ctx, model.MetricNameLabel, w, discoverySelector(c.engines.MetricPrefix))
		names := promql.NewNames(c.engines.MetricPrefix, full...)
		calls = append(calls, call)
		switch {
		case errors.Is(err, upstream.ErrNotFound), errors.Is(err, upstream.ErrUnsupported), errors.Is(err, upstream.ErrForbidden):
			names.All = true
			return names, calls, nil
		case !errors.Is(err, upstream.ErrRefused):
			return names, calls, err
		}
	}
	full, more, err := c.ownOf(ctx, w, candidates(c.engines.MetricPrefix))
	names := promql.NewNames(c.engines.MetricPrefix, full...)
	names.Exact = true
	if err == nil {
		c.exact.Put(ctx, struct{}{}, true)
	}
	return names, append(calls, more...), err
}

// ownOf asks for each name by itself which of them the store has in a window.
func (c *Client) ownOf(ctx context.Context, w evidence.Window, full []string) ([]string, []evidence.Call, error) {
	found := make([]bool, len(full))
	calls := make([]evidence.Call, len(full))
	errs := Each(ctx, c.concurrent, len(full), func(ctx context.Context, i int) error {
		values, call, err := c.labelValues(ctx, model.MetricNameLabel, w, promql.Selector([]string{full[i]}))
		found[i], calls[i] = len(values) > 0, call
		return err
	})
	var have []string
	for i, name := range full {
		if found[i] {
			have = append(have, name)
		}
	}
	return have, slices.DeleteFunc(calls, func(c evidence.Call) bool { return c.Text == "" }), upstream.Join(errs...)
}

// candidates are all full names of the table; of a histogram those by which either type is known.
func candidates(prefix string) (full []string) {
	for _, m := range vllm.Metrics() {
		for _, e := range m.Names {
			if m.Type == vllm.Histogram {
				full = append(full, e.Full(prefix)+promql.BucketSuffix)
			}
			full = append(full, e.Full(prefix))
		}
	}
	return full
}

// discoverySelector matches every name of the table and no other exporter's.
func discoverySelector(prefix string) string {
	pattern := prefixPattern(prefix)
	for _, m := range vllm.Metrics() {
		for _, e := range m.Names {
			if e.By != vllm.ByVLLM {
				pattern += "|" + regexp.QuoteMeta(e.Name)
			}
		}
	}
	return promql.Selector(nil, promql.Matcher{Label: model.MetricNameLabel, Op: "=~", Value: pattern})
}

func prefixPattern(prefix string) string { return regexp.QuoteMeta(prefix) + ".+" }

// usualPrefixes are those met with: vLLM's own, what collectors without colons make of it, KServe's and Ray's.
var usualPrefixes = []string{"vllm:", "vllm_", "kserve_vllm:", "kserve_vllm_", "ray_vllm:", "ray_vllm_"}

// Prefixes lists the prefixes under which the store has engines of vLLM in a window, sorted. An engine exposes both names
// that are looked for, in every version; a router of vLLM's production stack the first alone.
func (c *Client) Prefixes(ctx context.Context, w evidence.Window) ([]string, []evidence.Call, error) {
	wanted := []string{vllm.NumRequestsRunning, vllm.GenerationTokens}
	var full []string
	var calls []evidence.Call
	err := error(upstream.ErrRefused)
	if !c.takesNoPattern(ctx) {
		var call evidence.Call
		full, call, err = c.labelValues(ctx, model.MetricNameLabel, w,
			promql.Selector(nil, promql.Matcher{Label: model.MetricNameLabel, Op: "=~", Value: ".+(?:" + strings.Join(wanted, "|") + ")"}))
		calls = append(calls, call)
	}
	if errors.Is(err, upstream.ErrRefused) {
		var names []string
		for _, prefix := range usualPrefixes {
			for _, name := range wanted {
				names = append(names, prefix+name)
			}
		}
		var more []evidence.Call
		full, more, err = c.ownOf(ctx, w, names)
		calls = append(calls, more...)
	}
	var prefixes []string
	for _, name := range full {
		if prefix, ok := strings.CutSuffix(name, wanted[0]); ok && slices.Contains(full, prefix+wanted[1]) {
			prefixes = append(prefixes, prefix)
		}
	}
	slices.Sort(prefixes)
	return prefixes, calls, err
}

// PrefixFindings says where engines are under another prefix than the one that is set.
func (c *Client) PrefixFindings(ctx context.Context, w evidence.Window) ([]evidence.Finding, []evidence.Call, error) {
	prefixes, calls, err := c.Prefixes(ctx, w)
	ours := slices.Contains(prefixes, c.engines.MetricPrefix)
	others := slices.DeleteFunc(prefixes, func(p string) bool { return p == c.engines.MetricPrefix })
	if len(others) == 0 {
		return nil, calls, err
	}
	f := evidence.Finding{Check: "metric_prefix", Value: float64(len(others))}
	f.Found = fmt.Sprintf("Metrics of vLLM are in the store under the prefix %s and none under %s.", strings.Join(others, " and "), c.engines.MetricPrefix)
	f.Fix = "Set the metric prefix of the data source to " + others[0] + "."
	if ours {
		f.Found = fmt.Sprintf("Metrics of vLLM are in the store under the prefix %s beside %s: the data source does not see those engines.", strings.Join(others, " and "), c.engines.MetricPrefix)
		f.Fix = "Let all collectors keep one prefix, or add a data source for each."
	}
	return []evidence.Finding{f}, calls, err
}
