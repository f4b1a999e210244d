package prometheus

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Names knows which of the names in vLLM's history a store has.
type Names struct {
	prefix string
	have   map[string]bool
	all    bool // the store would not tell: every name may be there
}

// NewNames is for a store that has these full names.
func NewNames(prefix string, full ...string) Names {
	n := Names{prefix: prefix, have: make(map[string]bool, len(full))}
	for _, name := range full {
		n.have[name] = true
	}
	return n
}

// Of lists the exposed names of a canonical metric that the store has, newest first. A fleet of several versions has
// several, and an engine of a version in between exposes two: then the first wins, engine by engine.
func (n Names) Of(canonical string) []vllm.Exposed {
	metric, _ := vllm.LookupMetric(canonical)
	suffix := ""
	if metric.Type == vllm.Histogram {
		suffix = "_bucket"
	}
	var out []vllm.Exposed
	for _, e := range metric.Names {
		if n.all || n.have[e.Full(n.prefix)+suffix] {
			out = append(out, e)
		}
	}
	return out
}

// Full is an exposed name with the configured prefix.
func (n Names) Full(e vllm.Exposed) string { return e.Full(n.prefix) }

// Today is the name that a metric has in vLLM of today, and since when.
func (n Names) Today(canonical string) string {
	m, _ := vllm.LookupMetric(canonical)
	name := n.Full(m.Names[0])
	if since := m.Names[0].Since; since != "" {
		name += " (vLLM " + since + " and newer)"
	}
	return name
}

// Either applies a function over a window to a metric under each of its names that the store has; engines that expose two
// (both carry the same numbers) count once, by the newest, since the function drops the name and "or" compares the other
// labels. Suffixes are the parts of a histogram that are read together: a sum has no le, so it stays apart from the buckets.
func (n Names) Either(function, canonical string, suffixes []string, window time.Duration, matchers ...Matcher) string {
	expr := ""
	for i, e := range n.Of(canonical) {
		full := make([]string, len(suffixes))
		for j, suffix := range suffixes {
			full[j] = n.Full(e) + suffix
		}
		if i > 0 {
			expr += " or "
		}
		expr += function + "(" + Over(Selector(full, matchers...), window) + ")"
	}
	return expr
}

// Empty reports whether the store has nothing of vLLM.
func (n Names) Empty() bool { return !n.all && len(n.have) == 0 }

const (
	// nameGrain widens a window before it is looked up, so that the refreshes of a panel share an entry.
	nameGrain = 10 * time.Minute
	// nameTTL is short because a new vLLM version should show within a minute of its first scrape.
	nameTTL = time.Minute
	// maxNameWindows bounds the cache; dashboards ask for a handful of ranges.
	maxNameWindows = 64
)

// nameCache remembers names by window. A lookup takes milliseconds; a dashboard of 30 panels would make 30 of them.
type nameCache struct {
	now     func() time.Time
	mu      sync.Mutex
	entries map[evidence.Window]nameEntry
}

type nameEntry struct {
	names   Names
	expires time.Time
}

func newNameCache(now func() time.Time) *nameCache {
	return &nameCache{now: now, entries: map[evidence.Window]nameEntry{}}
}

func (c *nameCache) get(w evidence.Window) (Names, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[w]
	return e.names, ok && c.now().Before(e.expires)
}

func (c *nameCache) put(w evidence.Window, names Names) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxNameWindows {
		clear(c.entries)
	}
	c.entries[w] = nameEntry{names: names, expires: c.now().Add(nameTTL)}
}

// Names looks up which of our metrics the store has in a window: one call on its index, or none when it was asked lately.
// A store that does not answer such calls is taken to have every name.
func (c *Client) Names(ctx context.Context, w evidence.Window) (Names, []evidence.Call, error) {
	w = evidence.Window{From: floor(w.From, nameGrain), To: floor(w.To, nameGrain).Add(nameGrain)}
	if names, ok := c.names.get(w); ok {
		return names, nil, nil
	}
	full, call, err := c.labelValues(ctx, model.MetricNameLabel, w, discoverySelector(c.engines.MetricPrefix))
	names := NewNames(c.engines.MetricPrefix, full...)
	switch {
	case errors.Is(err, upstream.ErrNotFound), errors.Is(err, upstream.ErrUnsupported), errors.Is(err, upstream.ErrForbidden):
		names.all = true
	case err != nil:
		return Names{}, []evidence.Call{call}, err
	}
	if call.Partial != "" { // whoever asks next shall hear of it too, and the rest may be back
		return names, []evidence.Call{call}, nil
	}
	if !names.Empty() { // a store without any is about to get its first: nobody should wait for that a minute longer
		c.names.put(w, names)
	}
	return names, []evidence.Call{call}, nil
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
	return Selector(nil, Matcher{model.MetricNameLabel, "=~", pattern})
}

func prefixPattern(prefix string) string { return regexp.QuoteMeta(prefix) + ".+" }
