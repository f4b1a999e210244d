package figures

import (
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// kind is how a need is written in PromQL.
type kind uint8

const (
	rate     kind = iota // of a counter, added up over engines
	gauge                // over time, then over engines
	average              // of a histogram: rate of its sum / rate of its count
	buckets              // of a histogram with its sum, by le and model: quantiles and their bounds are computed here
	holders              // how many series each bucket of a histogram has: replicas can have other bounds
	quantile             // of a histogram, computed by the store
	web                  // of the web server, which knows no model
	gpu                  // of a device, which knows no model either
	devices              // how many there are
	seen                 // the share of the range in which any engine is known
)

// need is one query that a figure needs. Equal needs are asked once.
type need struct {
	kind    kind
	metric  string  // canonical
	agg     string  // over engines or devices: sum, max, avg
	over    string  // over time, for gauges
	split   string  // label that stays beside the group's own
	q       float64 // of kind quantile
	guarded bool    // of kind average: without what lies above the last finite bound
}

// plan is the text of queries: what a group is in the store's labels, and over which window rates are taken.
type plan struct {
	names  promql.Names
	labels vllm.LabelNames
	scope  vllm.Scope
	group  []string // labels of the group's dimensions
	window time.Duration
	slots  slots
	fresh  time.Duration // the age from which a sample says nothing any more
	whole  bool          // the window is the range: a table or a number, and no series
}

// expression writes a need as PromQL; ok is false when the store has none of the metric's names, or when the metric
// cannot be told apart by the group's dimensions.
func (p plan) expression(n need) (expr string, ok bool) {
	exposed := p.names.Of(n.metric)
	if len(exposed) == 0 {
		return "", false
	}
	if m, _ := vllm.LookupMetric(n.metric); (m.NoEngine || m.GPU()) && slices.Contains(p.group, p.labels.Engine) {
		return "", false
	}
	by := p.group
	if n.split != "" {
		by = append(slices.Clone(by), n.split)
	}
	switch n.kind {
	case rate:
		return promql.Aggregate("sum", by, p.rate(n.metric, exposed)), true
	case gauge:
		return p.gauge(n, by), true
	case seen:
		return p.seen(), true
	case average:
		return p.average(n, by), true
	case buckets:
		return p.buckets(n, by), true
	case holders:
		return promql.Aggregate("count", promql.WithLabels(by, p.labels.Model, promql.BoundLabel), p.either("rate", n.metric, promql.BucketSuffix)), true
	case quantile:
		return p.quantile(n, by), true
	case web:
		return p.web(by, exposed[0]), p.labels.Instance != ""
	case devices:
		return p.devices(exposed[0]), p.labels.Instance != ""
	default:
		return p.gpu(n.agg, exposed[0]), p.labels.Instance != ""
	}
}

// rate is a counter's rate, with what those of its series were born with that begin with their first event: a finish reason
// in vLLM's Rust front end, a reason of a refusal. Sequences that end by stop or length are many and come from the start.
func (p plan) rate(metric string, exposed []vllm.Exposed) string {
	running := p.names.Of(vllm.NumRequestsRunning)
	target := p.target()
	if metric != vllm.RequestSuccess && metric != vllm.AdmissionRejections || len(running) == 0 || len(target) == 0 {
		return p.either("rate", metric, "")
	}
	matchers := p.once(p.scope)
	if metric == vllm.RequestSuccess {
		matchers = append(matchers, promql.Matcher{Label: vllm.LabelFinishedReason, Op: "!~", Value: "stop|length"})
	}
	rare := promql.Selector([]string{p.names.Full(exposed[0])}, matchers...)
	return p.either("rate", metric, "") + " or " + p.names.Once(promql.RateOfBirths(rare, p.running(vllm.Scope{}), target, p.window, p.fresh))
}

// target are the labels of a scrape target.
func (p plan) target() []string {
	return promql.WithLabels(nil, p.labels.Environment, p.labels.Cluster, p.labels.Namespace, p.labels.Pod, p.labels.Instance)
}

// running selects the gauge that every engine of every version has.
func (p plan) running(scope vllm.Scope, which ...promql.Matcher) string {
	name := []string{p.names.Full(vllm.Exposed{Name: vllm.NumRequestsRunning})}
	return promql.Selector(name, append(p.once(scope), which...)...)
}

// once matches series in scope, without those that are copies of others.
func (p plan) once(scope vllm.Scope) []promql.Matcher {
	return append(promql.ScopeMatchers(p.labels, scope), p.names.Copies().Leave...)
}

// both writes what is taken from classic and from native histograms, of which a store can have either or both.
func (p plan) both(n need, classic func() string, native func() string) string {
	isClassic, isNative := p.names.HistogramTypes(n.metric)
	switch {
	case isClassic && isNative:
		return classic() + " or " + native()
	case isNative:
		return native()
	}
	return classic()
}

func (p plan) buckets(n need, by []string) string {
	by = promql.WithLabels(by, p.labels.Model)
	return p.both(n, func() string {
		return promql.Aggregate("sum", promql.WithLabels(by, promql.BoundLabel), p.either("rate", n.metric, promql.BucketSuffix, promql.SumSuffix))
	}, func() string {
		return promql.MarkNative(promql.Aggregate("sum", by, p.native(n.metric)))
	})
}

func (p plan) quantile(n need, by []string) string {
	q := "histogram_quantile(" + strconv.FormatFloat(n.q, 'g', -1, 64) + ", "
	return p.both(n, func() string {
		return q + promql.Aggregate("sum", promql.WithLabels(by, promql.BoundLabel), p.either("rate", n.metric, promql.BucketSuffix)) + ")"
	}, func() string {
		return q + promql.Aggregate("sum", by, p.native(n.metric)) + ")"
	})
}

func (p plan) average(n need, by []string) string {
	part := func(suffix, of string) string {
		return promql.Aggregate("sum", by, p.both(n,
			func() string { return p.either("rate", n.metric, suffix) },
			func() string { return promql.MarkNative(of + "(" + p.native(n.metric) + ")") }))
	}
	mean := part(promql.SumSuffix, "histogram_sum") + " / " + part(promql.CountSuffix, "histogram_count")
	if n.guarded {
		mean = "(" + mean + ") unless " + promql.LabelList("on", by) + " " + p.aboveLast(n, by)
	}
	return mean
}

// aboveLast is there where observations lie above the last finite bound that vLLM has by itself.
func (p plan) aboveLast(n need, by []string) string {
	m, _ := vllm.LookupMetric(n.metric)
	last := strconv.FormatFloat(m.Buckets[len(m.Buckets)-1], 'f', -1, 64)
	in := func(le string) string {
		matchers := append(promql.ScopeMatchers(p.labels, p.scope), promql.Matcher{Label: promql.BoundLabel, Op: "=~", Value: le})
		return promql.Aggregate("sum", by, p.names.Either("rate", n.metric, []string{promql.BucketSuffix}, p.window, matchers...))
	}
	return "(" + p.both(n,
		func() string { return in(`\+Inf`) + " > 1.000000001 * " + in(last+`(\.0)?`) },
		func() string {
			return "histogram_fraction(" + last + ", +Inf, " + promql.Aggregate("sum", by, p.native(n.metric)) + ") > 1e-9"
		}) + ")"
}

// either applies a function over the window to a metric in scope under each of its names.
func (p plan) either(function, metric string, suffixes ...string) string {
	return p.names.Either(function, metric, suffixes, p.window, promql.ScopeMatchers(p.labels, p.scope)...)
}

// native is the rate of a native histogram in scope.
func (p plan) native(metric string) string {
	return p.names.Native("rate", metric, p.window, promql.ScopeMatchers(p.labels, p.scope)...)
}
