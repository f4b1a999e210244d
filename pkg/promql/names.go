package promql

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Names knows which of the names in vLLM's history a store has, and how a query may name them.
type Names struct {
	prefix string
	Have   map[string]bool // full names
	All    bool            // the store would not tell: every name may be there
	copies Copies          // with NamesOnce
	Exact  bool            // the store takes no pattern for a name (Google's Managed Prometheus): each name is asked for by itself
}

// NewNames is for a store that has these full names.
func NewNames(prefix string, full ...string) Names {
	n := Names{prefix: prefix, Have: make(map[string]bool, len(full))}
	for _, name := range full {
		n.Have[name] = true
	}
	return n
}

// Of lists the exposed names of a canonical metric that the store has, newest first. A fleet of several versions has
// several, and an engine of a version in between exposes two: then the first wins, engine by engine. A histogram is there
// when either of its types is.
func (n Names) Of(canonical string) []vllm.Exposed {
	metric, _ := vllm.LookupMetric(canonical)
	var out []vllm.Exposed
	for _, e := range metric.Names {
		if n.All || n.Have[n.Full(e)] || metric.Type == vllm.Histogram && n.Have[n.Full(e)+BucketSuffix] {
			out = append(out, e)
		}
	}
	return out
}

// The suffixes of a classic histogram's series. A native histogram is one series without any suffix.
const (
	BucketSuffix = "_bucket"
	SumSuffix    = "_sum"
	CountSuffix  = "_count"
)

// HistogramTypes says as which types the store has a histogram: classic with its buckets, sum and count as series of their
// own, or native (exponential, or with custom buckets: Prometheus' convert_classic_histograms_to_nhcb). A fleet can have
// both: its scrape jobs differ, or the range holds the change from one to the other.
func (n Names) HistogramTypes(canonical string) (classic, native bool) {
	metric, _ := vllm.LookupMetric(canonical)
	for _, e := range metric.Names {
		classic = classic || n.All || n.Have[n.Full(e)+BucketSuffix]
		native = native || n.Have[n.Full(e)]
	}
	return classic, native
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

// Selectors match the series that have one of these full names: one selector where the store takes a pattern for a name,
// else one for each name.
func (n Names) Selectors(full []string, matchers ...Matcher) []string {
	if len(full) == 0 {
		return nil
	}
	matchers = slices.Concat(matchers, n.copies.Leave)
	if !n.Exact {
		return []string{Selector(full, matchers...)}
	}
	out := make([]string, len(full))
	for i, name := range full {
		out[i] = Selector([]string{name}, matchers...)
	}
	return out
}

// over applies a function over a window to series that have one of these full names.
func (n Names) over(function string, full []string, window time.Duration, matchers []Matcher) (exprs []string) {
	for _, selector := range n.Selectors(full, matchers...) {
		exprs = append(exprs, function+"("+Over(selector, window)+")")
	}
	return exprs
}

// Either applies a function over a window to a metric under each of its names that the store has; engines that expose two
// (both carry the same numbers) count once, by the newest, since the function drops the name and "or" compares the other
// labels. Suffixes are the parts of a classic histogram that are read together: a sum has no le, so it stays apart from the
// buckets. It is empty where the store has none of the names.
func (n Names) Either(function, canonical string, suffixes []string, window time.Duration, matchers ...Matcher) string {
	if len(suffixes) == 0 {
		suffixes = []string{""}
	}
	var exprs []string
	for _, e := range n.Of(canonical) {
		if suffixes[0] != "" && !n.All && !n.Have[n.Full(e)+BucketSuffix] {
			continue // native alone
		}
		full := make([]string, len(suffixes))
		for j, suffix := range suffixes {
			full[j] = n.Full(e) + suffix
		}
		exprs = append(exprs, n.over(function, full, window, matchers)...)
	}
	return n.copies.once(Or(exprs), false)
}

// Native applies a function over a window to a native histogram under each of its names that the store has; empty where the
// store has none.
func (n Names) Native(function, canonical string, window time.Duration, matchers ...Matcher) string {
	metric, _ := vllm.LookupMetric(canonical)
	var exprs []string
	for _, e := range metric.Names {
		if metric.Type == vllm.Histogram && n.Have[n.Full(e)] {
			exprs = append(exprs, n.over(function, []string{n.Full(e)}, window, matchers)...)
		}
	}
	return n.copies.once(Or(exprs), true)
}

// Or joins expressions of one kind.
func Or(exprs []string) string {
	out := ""
	for i, expr := range exprs {
		if i > 0 {
			out += " or "
		}
		out += expr
	}
	return out
}

// Empty reports whether the store has nothing of vLLM.
func (n Names) Empty() bool { return !n.All && len(n.Have) == 0 }

// OfEngines are full names that between them carry every label of vLLM's engines.
func (n Names) OfEngines() (full []string) {
	for _, canonical := range []string{vllm.NumRequestsRunning, vllm.RequestSuccess, vllm.CacheConfigInfo, vllm.GenerationTokens} {
		full = append(full, FullNames(n, n.Of(canonical))...)
	}
	return full
}

// List gives the names that the store has of ours, sorted.
func (n Names) List() []string {
	out := make([]string, 0, len(n.Have))
	for name := range n.Have {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// FullNames writes exposed names with the configured prefix.
func FullNames(names Names, exposed []vllm.Exposed) []string {
	full := make([]string, len(exposed))
	for i, e := range exposed {
		full[i] = names.Full(e)
	}
	return full
}

// Once leaves copies out of a vector of a function of the engines' own series, which was not written by Either.
func (n Names) Once(expr string) string { return n.copies.once(expr, false) }

// WithCopies are the same names, and which of their series are copies of others.
func (n Names) WithCopies(c Copies) Names {
	n.copies = c
	return n
}

// Copies are those that the names were looked up with.
func (n Names) Copies() Copies { return n.copies }
