package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
)

// content checks what the stores that can be asked hold.
func (d diagnosis) content() []contentCheck {
	checks := make([]contentCheck, 0, 5)
	for _, c := range []struct {
		store evidence.Store
		state storeState
		check string
		look  func() contentCheck
	}{
		{evidence.Prometheus, d.metrics, "vllm_metrics", d.vllmMetrics},
		{evidence.Loki, d.logs, "request_ids_in_logs", d.requestIDs},
		{evidence.Jaeger, d.traces, "request_spans", d.requestSpans},
	} {
		switch {
		case !c.state.configured || c.state.reach != nil: // its own line says so
			continue
		case c.state.content != nil:
			checks = append(checks, contentCheck{
				Found: upstream.Title(c.store) + "'s content is not known: " + reason(c.store, c.state.content),
			})
		default:
			checks = append(checks, c.look())
		}
		checks[len(checks)-1].Check = c.check
	}
	if names, ok := d.serviceNames(); ok {
		checks = append(checks, names)
	}
	if naming, ok := d.instanceNaming(); ok {
		checks = append(checks, naming)
	}
	return checks
}

const lastHour = " in the last hour"

func (d diagnosis) vllmMetrics() contentCheck {
	if len(d.targets) == 0 {
		return contentCheck{
			Found: "No metrics " + d.settings.VLLM.MetricPrefix + "*" + lastHour,
			Fix: "add a scrape job for /metrics on the API port of every vLLM server (8000 by default), and start vLLM " +
				"without --disable-log-stats. If a collector renames metrics, set the metric prefix (such as vllm_).",
		}
	}
	models := map[string]bool{}
	for _, t := range d.targets {
		models[t.Origin.Model] = true
	}
	return contentCheck{OK: true, Found: "Metrics of " + count(len(d.targets), "engine") + ", " + count(len(models), "model")}
}

func (d diagnosis) requestIDs() contentCheck {
	s := d.sample
	switch {
	case s.Lines == 0:
		return contentCheck{
			Found: "No log lines" + lastHour,
			Fix: "ship the standard output of vLLM to Loki, and set the log selector to the stream selector that finds it, " +
				"such as {container=\"vllm\"}.",
		}
	case s.VLLMLines == 0:
		return contentCheck{
			Found: fmt.Sprintf("None of %s is vLLM's", count(s.Lines, "log line")),
			Fix:   "set the log selector to the streams of vLLM, such as {container=\"vllm\"}.",
		}
	case s.IDLines == 0:
		return contentCheck{
			Found: "No log line names a request" + lastHour,
			Fix:   "start vLLM with --enable-log-requests (off by default since 0.10.1).",
		}
	default:
		return contentCheck{OK: true, Found: "Logs with " + count(s.IDLines, "line") + " that name a request"}
	}
}

func (d diagnosis) requestSpans() contentCheck {
	span := d.settings.VLLM.SpanName
	switch {
	case len(d.services) == 0:
		return contentCheck{
			Found: "No service has spans named " + span,
			Fix: "start vLLM (0.10.2 or later) with --otlp-traces-endpoint http://<collector>:4317, and OTEL_SERVICE_NAME in its " +
				"environment. The variable OTEL_EXPORTER_OTLP_TRACES_ENDPOINT alone brings no request spans, and " +
				"--disable-log-stats excludes tracing.",
		}
	case len(d.spans) == 0:
		return contentCheck{
			Found: fmt.Sprintf("No %s spans of %s%s", span, strings.Join(d.services, ", "), lastHour),
			Fix: "send a request; if one was sent, look at OTEL_TRACES_SAMPLER of vLLM and at the callers' sampling: a caller " +
				"that does not sample suppresses the span.",
		}
	default:
		return contentCheck{OK: true, Found: "Spans of " + count(len(d.services), "service") + ": " + strings.Join(d.services, ", ")}
	}
}

// serviceNames finds engines that nobody named: the OpenTelemetry SDK calls all of them the same.
func (d diagnosis) serviceNames() (contentCheck, bool) {
	unnamed := slices.ContainsFunc(d.services, func(s string) bool { return strings.HasPrefix(s, "unknown_service") })
	return contentCheck{
		Check: "service_name",
		Found: "Engines without a name of their own trace as unknown_service",
		Fix:   "set OTEL_SERVICE_NAME in the environment of vLLM.",
	}, unnamed
}

// count says a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
