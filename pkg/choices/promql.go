package choices

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// seriesCatalogue is what completing PromQL asks.
type seriesLister interface {
	Metrics(ctx context.Context, w evidence.Window, limit int) ([]prometheus.Metric, error)
	LabelNamesOf(ctx context.Context, metric string, w evidence.Window) ([]string, evidence.Call, error)
	LabelValuesOf(ctx context.Context, label, metric string, w evidence.Window, matchers []promql.Matcher) ([]string, evidence.Call, error)
}

// metricOption is one metric that PromQL can name.
type metricOption struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // counter, gauge, histogram …; absent when the store does not tell
	Help string `json:"help,omitempty"`
	VLLM bool   `json:"vllm,omitempty"` // one of vLLM's own: these come first
}

func (c *Lists) metricNames(ctx context.Context, ask listing) ([]metricOption, error) {
	options := []metricOption{}
	if c.series == nil {
		return options, nil
	}
	found, err := c.series.Metrics(ctx, ask.window, maxOptions)
	for _, m := range found {
		options = append(options, metricOption{m.Name, m.Type, m.Help, m.Engines})
	}
	return options, err
}

// maxMatchers is more conditions than anybody writes into one pair of braces.
const maxMatchers = 20

var (
	// Prometheus 3 takes any text as a name. A space, a bracket, a quote or an invisible character in one is more likely a mistake.
	metricName = regexp.MustCompile(`^[^\p{C}\p{Z}\x{FFFD}(){}\[\]"'\\]{1,500}$`)
	matcher    = regexp.MustCompile(`^([^\p{C}\p{Z}\x{FFFD}(){}\[\]"'\\=!~]{1,200})(=~|!~|!=|=)(.*)$`)
)

// parseSeries reads which series a list of labels is about: "metric", a name, and "match", such as pod=~vllm-.*, several
// times. The texts are a viewer's own; they reach Prometheus as quoted values of a selector, never as PromQL.
func parseSeries(params url.Values) (metric string, matchers []promql.Matcher, err error) {
	metric = params.Get("metric")
	if metric != "" && !metricName.MatchString(metric) {
		return "", nil, badParameter{"metric", "is no name of a metric"}
	}
	if len(params["match"]) > maxMatchers {
		return "", nil, badParameter{"match", "is given too often"}
	}
	for _, text := range params["match"] {
		parts := matcher.FindStringSubmatch(text)
		if parts == nil || len(text) > query.MaxValueLength || strings.ContainsFunc(text, unicode.IsControl) {
			return "", nil, badParameter{"match", "is no condition such as pod=~vllm-.*"}
		}
		matchers = append(matchers, promql.Matcher{Label: parts[1], Op: parts[2], Value: parts[3]})
	}
	return metric, matchers, nil
}

// labelName is a Prometheus label, __name__ among them, also one that only Prometheus 3 takes, such as k8s.pod.name.
var labelName = regexp.MustCompile(`^[^\p{C}\p{Z}\x{FFFD}(){}\[\]"'\\]{1,200}$`)

// labelNames lists the labels of vLLM's series, or of one metric's.
func (c *Lists) labelNames(ctx context.Context, r *http.Request, ask listing) ([]string, error) {
	metric, _, err := parseSeries(r.URL.Query())
	if err != nil || c.metrics == nil {
		return nil, err
	}
	if metric == "" {
		names, err := whole(c.metrics.LabelNames(ctx, ask.window))
		return short(ctx, names, err)
	}
	names, err := whole(c.series.LabelNamesOf(ctx, metric, ask.window))
	return short(ctx, names, err)
}

// labelValues lists the values of a label on vLLM's series in scope, or on the series that a selector is being written for.
func (c *Lists) labelValues(ctx context.Context, r *http.Request, ask listing) ([]string, error) {
	name := r.PathValue("name")
	if !labelName.MatchString(name) {
		return nil, badParameter{"name", "is no label name"}
	}
	metric, matchers, err := parseSeries(r.URL.Query())
	if err != nil || c.metrics == nil {
		return nil, err
	}
	if metric == "" && len(matchers) == 0 {
		values, err := whole(c.metrics.LabelValues(ctx, name, ask.window, ask.scope))
		return short(ctx, values, err)
	}
	values, err := whole(c.series.LabelValuesOf(ctx, name, metric, ask.window, matchers))
	return short(ctx, values, err)
}
