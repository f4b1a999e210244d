package promql

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Quote writes s as a PromQL string. PromQL reads the escapes of Go's strings, those for bytes that are not UTF-8 included.
func Quote(s string) string { return strconv.Quote(s) }

// legacyLabel and legacyMetric are what every PromQL parser takes without quotes.
var (
	legacyLabel  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	legacyMetric = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
)

// Label writes a label name. One with dots and the like (OTLP without translation) is quoted, as Prometheus 3 wants it.
func Label(name string) string {
	if legacyLabel.MatchString(name) {
		return name
	}
	return Quote(name)
}

// Matcher is one condition on a label.
type Matcher struct{ Label, Op, Value string }

// String writes the matcher with its value escaped.
func (m Matcher) String() string { return Label(m.Label) + m.Op + Quote(m.Value) }

// AnyOf matches a label that has one of the values, taken literally.
func AnyOf(label string, values ...string) Matcher {
	if len(values) == 1 {
		return Matcher{label, "=", values[0]}
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return Matcher{label, "=~", strings.Join(quoted, "|")}
}

// Selector writes an instant selector of series with one of the names.
func Selector(names []string, matchers ...Matcher) string {
	name := ""
	if len(names) == 1 && legacyMetric.MatchString(names[0]) {
		name = names[0]
	} else if len(names) > 0 {
		matchers = slices.Insert(slices.Clone(matchers), 0, AnyOf(model.MetricNameLabel, names...))
	}
	if len(matchers) == 0 {
		return name
	}
	parts := make([]string, len(matchers))
	for i, m := range matchers {
		parts[i] = m.String()
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

// Over writes a range selector.
func Over(selector string, window time.Duration) string {
	return selector + "[" + Duration(window) + "]"
}

// Aggregate writes an aggregation such as sum by (a,b) (expr).
func Aggregate(op string, by []string, expr string) string {
	return op + " " + LabelList("by", by) + " (" + expr + ")"
}

// LabelList writes a clause over labels, such as on (a,b).
func LabelList(keyword string, labels []string) string { return keyword + " (" + listed(labels) + ")" }

func listed(labels []string) string {
	written := make([]string, len(labels))
	for i, l := range labels {
		written[i] = Label(l)
	}
	return strings.Join(written, ",")
}

// Duration writes d exactly, to the millisecond, in one unit: 90 s is 90s and 90 minutes are 90m. Google's Managed Prometheus
// does not read 1m30s. Less than 1 ms becomes 1ms, since PromQL has no empty range.
func Duration(d time.Duration) string {
	d = max(d.Truncate(time.Millisecond), time.Millisecond)
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d%unit.of == 0 {
			return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
		}
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// ScopeMatchers translates a scope into the store's labels; a label that the store does not have cannot narrow, and is
// left out. The matcher for the model always stands, since routers expose some of vLLM's names without a model.
func ScopeMatchers(labels vllm.LabelNames, scope vllm.Scope) []Matcher {
	var out []Matcher
	if labels.Model != "" && !slices.ContainsFunc(scope.Of(vllm.Model), func(c vllm.Condition) bool { return !c.HoldsWithout() }) {
		out = append(out, Matcher{labels.Model, "!=", ""})
	}
	for _, place := range vllm.Places {
		label := labels.Of(place)
		if label == "" {
			continue
		}
		for _, c := range scope.Of(place) {
			if place == vllm.Engine {
				out = append(out, engineMatcher(label, c))
				continue
			}
			op, text := c.Matcher()
			out = append(out, Matcher{label, op, text})
			if c.HoldsWithout() && place != vllm.Model { // what does not name the place is not known to be elsewhere
				out = append(out, Matcher{label, "!=", ""})
			}
		}
	}
	return out
}

// engineMatcher takes a series without the label for engine 0: vLLM's V0 has none.
func engineMatcher(label string, c vllm.Condition) Matcher {
	names0 := c.Test()("0") != c.Op.Negative()
	op, text := c.Matcher()
	if op == "=" || op == "!=" {
		if !names0 {
			return Matcher{label, op, text}
		}
		return Matcher{label, map[string]string{"=": "=~", "!=": "!~"}[op], regexp.QuoteMeta(text) + "|"}
	}
	if names0 {
		return Matcher{label, op, "(?:" + text + ")|"}
	}
	return Matcher{label, op, text}
}
