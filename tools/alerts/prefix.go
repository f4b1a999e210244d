package alerts

import (
	"regexp"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// ownMetric finds the metric names of vLLM in an expression. Names of recording rules, which hold "vllm_", are none.
var ownMetric = regexp.MustCompile(`(^|[^\w:])` + regexp.QuoteMeta(vllm.DefaultMetricPrefix) + `(\w)`)

// renamed writes vLLM's metrics in an expression with another prefix.
func renamed(expr, prefix string) string {
	return ownMetric.ReplaceAllString(expr, "${1}"+prefix+"${2}")
}

// withPrefix gives the same rules, and the same cases, for a Prometheus in which vLLM's metrics have another prefix.
func withPrefix(groups []Group, prefix string) []Group {
	if prefix == vllm.DefaultMetricPrefix {
		return groups
	}
	for i := range groups {
		g := &groups[i]
		for r := range g.Records {
			g.Records[r].Expr = renamed(g.Records[r].Expr, prefix)
		}
		for a := range g.Alerts {
			alert := &g.Alerts[a]
			if alert.Language != PromQL {
				continue
			}
			alert.Expr = renamed(alert.Expr, prefix)
			for c := range alert.Cases {
				series := alert.Cases[c].Series
				for s := range series {
					series[s].Name = renamed(series[s].Name, prefix)
				}
			}
		}
	}
	return groups
}

// alertsOf is every alert of some groups, in their order.
func alertsOf(groups []Group) []Alert {
	var all []Alert
	for _, g := range groups {
		all = append(all, g.Alerts...)
	}
	return all
}
