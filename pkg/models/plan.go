package models

import (
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// kind is how a need is written in PromQL.
type kind uint8

const (
	rate     kind = iota // of a counter, added up over engines
	gauge                // over time, then over engines
	average              // of a histogram: rate of its sum / rate of its count
	buckets              // of a histogram with its sum, by le and model: quantiles and their bounds are computed here
	quantile             // of a histogram, computed by the store
	web                  // of the web server, which knows no model
	gpu                  // of a device, which knows no model either
	devices              // how many there are
)

// need is one query that a figure needs. Equal needs are asked once.
type need struct {
	kind   kind
	metric string  // canonical
	agg    string  // over engines or devices: sum, max, avg
	over   string  // over time, for gauges
	split  string  // label that stays beside the group's own
	q      float64 // of kind quantile
}

// plan is the text of queries: what a group is in the store's labels, and over which window rates are taken.
type plan struct {
	names  prometheus.Names
	labels vllm.LabelNames
	scope  vllm.Scope
	group  []string // labels of the group's dimensions
	window time.Duration
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
		return prometheus.Aggregate("sum", by, p.either("rate", n.metric, "")), true
	case gauge:
		return prometheus.Aggregate(n.agg, by, p.either(n.over, n.metric, "")), true
	case average:
		return prometheus.Aggregate("sum", by, p.either("rate", n.metric, "_sum")) + " / " +
			prometheus.Aggregate("sum", by, p.either("rate", n.metric, "_count")), true
	case buckets:
		by = withLabels(by, p.labels.Model, leLabel)
		return prometheus.Aggregate("sum", by, p.either("rate", n.metric, "_bucket", "_sum")), true
	case quantile:
		by = withLabels(by, leLabel)
		return "histogram_quantile(" + strconv.FormatFloat(n.q, 'g', -1, 64) + ", " +
			prometheus.Aggregate("sum", by, p.either("rate", n.metric, "_bucket")) + ")", true
	case web:
		return p.web(by, exposed[0]), p.labels.Instance != ""
	case devices:
		return p.devices(exposed[0]), p.labels.Instance != ""
	default:
		return p.gpu(n.agg, exposed[0]), p.labels.Instance != ""
	}
}

// either applies a function over the window to a metric in scope under each of its names.
func (p plan) either(function, metric string, suffixes ...string) string {
	return p.names.Either(function, metric, suffixes, p.window, prometheus.ScopeMatchers(p.labels, p.scope)...)
}

// withLabels adds labels that are not yet there.
func withLabels(labels []string, more ...string) []string {
	out := slices.Clone(labels)
	for _, l := range more {
		if l != "" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
