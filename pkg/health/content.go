package health

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// contentCheck is one finding about what the stores hold.
type contentCheck struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

// content checks what the stores that can be asked hold.
func (d diagnosis) content() []contentCheck {
	checks := make([]contentCheck, 0, 5)
	for _, c := range []struct {
		store settings.Store
		state storeState
		check string
		look  func() contentCheck
	}{
		{d.settings.Prometheus, d.metrics, "vllm_metrics", d.vllmMetrics},
		{d.settings.Loki, d.logs, "request_ids_in_logs", d.requestIDs},
		{d.settings.Jaeger, d.traces, "request_spans", d.requestSpans},
	} {
		switch {
		case !c.state.configured || c.state.reach != nil: // its own line says so
			continue
		case c.state.content != nil:
			checks = append(checks, contentCheck{
				Found: c.store.Name.Title() + "'s content is not known: it " + reason(c.store.Name, c.state.content),
				Fix:   storeFix(c.store, c.state.content),
			})
		default:
			checks = append(checks, c.look())
		}
		checks[len(checks)-1].Check = c.check
	}
	if d.metrics.partial != "" {
		checks = append(checks, contentCheck{
			Check: "partial_answer",
			Found: sentence(upstream.Partial(evidence.Prometheus, d.metrics.partial).Error()),
			Fix:   "see which of its stores or shards does not answer: until then alert rules are errors.",
		})
	}
	if d.logs.readable() {
		for _, f := range d.sample.Reading.Findings() {
			checks = append(checks, contentCheck{Check: f.Check, Found: f.Found, Fix: f.Fix})
		}
	}
	if names, ok := d.serviceNames(); ok {
		checks = append(checks, names)
	}
	if naming, ok := d.instanceNaming(); ok {
		checks = append(checks, naming)
	}
	if shared, ok := d.sharedNames(); ok {
		checks = append(checks, shared)
	}
	if limits, ok := d.unusedLimits(); ok {
		checks = append(checks, limits)
	}
	return d.withFindings(checks)
}

// withFindings adds what the trial join measured. A check of the same name that already stands there and failed says it.
func (d diagnosis) withFindings(checks []contentCheck) []contentCheck {
	for _, f := range evidence.MergeFindings(d.findings, d.measured) {
		at := slices.IndexFunc(checks, func(c contentCheck) bool { return c.Check == f.Check })
		found := contentCheck{Check: f.Check, Found: f.Found, Fix: f.Fix}
		switch {
		case at < 0:
			checks = append(checks, found)
		case checks[at].OK:
			checks[at] = found
		}
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
	return contentCheck{OK: true, Found: "Metrics of " + count(d.engines(), "engine") + ", " + count(len(models), "model")}
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
	case s.IDLines == 0 && s.Reading.Unread > 0: // they may name some: lines_unread says what is the matter
		return contentCheck{OK: true, Found: "Log lines of vLLM, of which " + count(s.Reading.Unread, "line") + " cannot be read"}
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

// unusedLimits finds SLO limits that are no model's: their name is mistyped, or an entry before them takes all their models.
func (d diagnosis) unusedLimits() (contentCheck, bool) {
	if !d.metrics.readable() || len(d.targets) == 0 {
		return contentCheck{}, false // no model is known to compare with
	}
	objectives := d.settings.VLLM.SLO
	used := make([]bool, len(objectives))
	var models []string
	for _, t := range d.targets {
		if i := objectives.Index(t.Origin.Model); i >= 0 {
			used[i] = true
		}
		if !slices.Contains(models, t.Origin.Model) {
			models = append(models, t.Origin.Model)
		}
	}
	var unused []string
	for i, o := range objectives {
		if !used[i] {
			unused = append(unused, o.Model)
		}
	}
	slices.Sort(models)
	return contentCheck{
		Check: "slo_limits",
		Found: "No model has the SLO limits of " + inWords(shortened(unused)),
		Fix:   "compare with the models of the last hour, " + inWords(shortened(models)) + "; a model has the limits of the first entry that names it.",
	}, len(unused) > 0
}

// maxNamed is how many names a sentence bears.
const maxNamed = 5

// shortened names the first of many and counts the others.
func shortened(names []string) []string {
	if len(names) <= maxNamed {
		return names
	}
	return append(slices.Clone(names[:maxNamed]), fmt.Sprintf("%d others", len(names)-maxNamed))
}
