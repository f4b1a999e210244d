package promql

import (
	"strconv"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// PrefixMacro is the variable that stands for the metric prefix of the data source's settings, "vllm:" by default, so that a
// dashboard works with every prefix: ${__vllm_prefix}num_requests_running.
const PrefixMacro = "__vllm_prefix"

// CopiesMacro is the variable that stands for the labels that tell copies of a series apart, so that a sum counts each series once:
// sum(max without (${__vllm_copies}) (num_requests_running)).
const CopiesMacro = "__vllm_copies"

// UsesCopies reports whether an expression has CopiesMacro.
func UsesCopies(expr string) bool {
	return strings.Contains(expr, "${"+CopiesMacro+"}") || strings.Contains(expr, "$"+CopiesMacro)
}

// Expand replaces Grafana's interval variables, PrefixMacro and CopiesMacro in a user's PromQL, as $name and ${name}. It is done here because
// alert rules never run a frontend. A name that is none of them stays: Prometheus then says where it stands.
func Expand(expr string, window evidence.Window, step, scrape time.Duration, metricPrefix string, copies []string) string {
	rate, length := RateWindow(step, scrape), window.Duration()
	values := map[string]string{
		"__interval":         Duration(step),
		"__interval_ms":      milliseconds(step),
		"__rate_interval":    Duration(rate),
		"__rate_interval_ms": milliseconds(rate),
		"__range":            Duration(length),
		"__range_s":          strconv.FormatInt(int64((length+time.Second/2)/time.Second), 10),
		"__range_ms":         milliseconds(length),
		"__from":             strconv.FormatInt(window.From.UnixMilli(), 10),
		"__to":               strconv.FormatInt(window.To.UnixMilli(), 10),
		PrefixMacro:          metricPrefix,
		CopiesMacro:          listed(copies),
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(expr, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest := macroName(after)
		if value, ok := values[name]; ok {
			b.WriteString(value)
		} else {
			b.WriteString("$" + after[:len(after)-len(rest)])
		}
		expr = rest
	}
}

// macroName reads the name at the start of s, with or without braces, and gives what follows it.
func macroName(s string) (name, rest string) {
	if strings.HasPrefix(s, "{") {
		if end := strings.IndexByte(s, '}'); end >= 0 {
			return s[1:end], s[end+1:]
		}
		return "", s
	}
	end := 0
	for end < len(s) && (s[end] == '_' || s[end] >= 'a' && s[end] <= 'z' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return s[:end], s[end:]
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
