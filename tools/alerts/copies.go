package alerts

import (
	"regexp"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// copyLabels are what scrape jobs, redundant Prometheus servers and operators add to a series, which tells its copies apart. Where alerts
// name the scrape job, two jobs of one target are two deployments, each with the right figure.
func copyLabels(withJob bool) []string {
	return slices.DeleteFunc(slices.Clone(promql.CopyLabels), func(l string) bool { return l == "job" && !withJob })
}

var (
	sumOf = regexp.MustCompile(`\bsum\s*(?:by\s*\(([^()]*)\)\s*)?\(`)
	// settled is what has no copies any more.
	settled = regexp.MustCompile(`\b(?:sum|max|min|avg|count|topk)\b\s*(?:by|without|\()`)
	// ofNative is the beginning of a function of histograms, whose argument stands behind it.
	ofNative = regexp.MustCompile(`histogram_(?:quantile|fraction)\([^()]*$`)
	ofJob    = regexp.MustCompile(`\bjob\b`)
	bounds   = regexp.MustCompile(`\ble\b`)
	recorded = regexp.MustCompile(`^\s*(?:model|instance|deployment):\w+:\w+(?:\{[^{}]*\})?\s*$`)
)

// once is PromQL for a vector whose copies are one series.
func once(vector string) string { return onceBy("max", copyLabels(false), vector) }

func onceBy(op string, labels []string, vector string) string {
	return op + " without (" + strings.Join(labels, ", ") + ") (" + vector + ")"
}

// summedOnce lets every sum of an expression count a series once, whatever else has copies of it. What another aggregation gave, and
// what a rule recorded, has none; a sum without le that a function of histograms reads is of native ones.
func summedOnce(expr string) string {
	var out strings.Builder
	for {
		found := sumOf.FindStringSubmatchIndex(expr)
		if found == nil {
			out.WriteString(expr)
			return out.String()
		}
		open := found[1]
		end := open + closing(expr[open:])
		by := ""
		if found[2] >= 0 {
			by = expr[found[2]:found[3]]
		}
		inner := summedOnce(expr[open:end])
		native := ofNative.MatchString(expr[:found[0]]) && !bounds.MatchString(by)
		if !settled.MatchString(inner) && !recorded.MatchString(inner) {
			op := "max"
			if native { // of native histograms there is no largest
				op = "avg"
			}
			inner = onceBy(op, copyLabels(!ofJob.MatchString(by)), inner)
		}
		out.WriteString(expr[:open] + inner + ")")
		expr = expr[end+1:]
	}
}

// closing is where the parenthesis is closed that was open before an expression began; what stands in quotes does not count.
func closing(expr string) int {
	depth, quoted := 1, false
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	panic("parentheses do not match: " + expr)
}

// countedOnce are the same groups, whose PromQL counts no copy of a series.
func countedOnce(groups []Group) []Group {
	for g := range groups {
		for r := range groups[g].Records {
			groups[g].Records[r].Expr = summedOnce(groups[g].Records[r].Expr)
		}
		for a := range groups[g].Alerts {
			if alert := &groups[g].Alerts[a]; alert.Language == PromQL {
				alert.Expr = summedOnce(alert.Expr)
			}
		}
	}
	return groups
}
