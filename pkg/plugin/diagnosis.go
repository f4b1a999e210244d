package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// diagnosis is what a check-up found. What follows from it is said by pure functions: same findings, same words.
type diagnosis struct {
	settings              settings.Settings
	metrics, logs, traces storeState

	targets  []evidence.Target      // engines that the metrics know
	sample   loki.Sample            // of the newest log lines
	services []string               // Jaeger's services that have the request span
	spans    []evidence.RequestSpan // some of the newest
}

// storeLine and contentCheck are the details that the editor shows, and a script can read.
type (
	storeLine struct {
		Store      evidence.Store `json:"store"`
		Configured bool           `json:"configured"`
		OK         bool           `json:"ok"`
		Version    string         `json:"version,omitempty"`
		Error      string         `json:"error,omitempty"`
	}
	contentCheck struct {
		Check string `json:"check"`
		OK    bool   `json:"ok"`
		Found string `json:"found"`
		Fix   string `json:"fix,omitempty"`
	}
)

// result is ERROR when a configured store cannot be asked, when none is configured, and when there is nothing of vLLM in
// any of them. With part of the content missing the data source works with what it has, and says what is missing.
func (d diagnosis) result() *backend.CheckHealthResult {
	stores, content := d.stores(), d.content()
	configured, broken, found := 0, 0, 0
	var lines, fixes []string
	for _, s := range stores {
		lines = append(lines, s.line())
		switch {
		case !s.Configured:
		case s.OK:
			configured++
		default:
			configured, broken = configured+1, broken+1
		}
	}
	for _, c := range content {
		lines = append(lines, c.line())
		if c.OK {
			found++
		} else if c.Fix != "" {
			fixes = append(fixes, c.Fix)
		}
	}
	status, summary := backend.HealthStatusOk, strings.Join(fixes, "\n")
	switch {
	case configured == 0:
		status, summary = backend.HealthStatusError, "Set the URL of at least one store: Prometheus, Loki or Jaeger."
		lines = []string{"No store is configured. " + summary}
	case broken > 0 || found == 0:
		status = backend.HealthStatusError
	}
	if summary == "" {
		summary = "Everything that the configured stores can bring is there."
	}
	details, err := json.Marshal(struct {
		Message string         `json:"message"`
		Verbose string         `json:"verboseMessage"`
		Stores  []storeLine    `json:"stores"`
		Content []contentCheck `json:"content"`
	}{summary, strings.Join(lines, "\n"), stores, content})
	if err != nil { // strings and bools always encode
		details = nil
	}
	return &backend.CheckHealthResult{Status: status, Message: strings.Join(lines, "\n"), JSONDetails: details}
}

func (d diagnosis) stores() []storeLine {
	lines := make([]storeLine, 0, 3)
	for _, s := range []struct {
		store evidence.Store
		state storeState
	}{{evidence.Prometheus, d.metrics}, {evidence.Loki, d.logs}, {evidence.Jaeger, d.traces}} {
		line := storeLine{
			Store: s.store, Configured: s.state.configured, OK: s.state.configured && s.state.reach == nil, Version: s.state.version,
		}
		if s.state.configured && s.state.reach != nil {
			line.Error = reason(s.store, s.state.reach)
		}
		lines = append(lines, line)
	}
	return lines
}

func (s storeLine) line() string {
	title := upstream.Title(s.Store)
	switch {
	case !s.Configured:
		return title + ": not configured"
	case !s.OK:
		return title + ": " + s.Error
	case s.Version != "":
		return title + ": ok, version " + s.Version
	default:
		return title + ": ok"
	}
}

func (c contentCheck) line() string {
	if c.OK || c.Fix == "" {
		return c.Found
	}
	return c.Found + " → " + c.Fix
}

// reason is a store's failure without the store's name in front, which stands there already.
func reason(store evidence.Store, err error) string {
	if errors.Is(err, upstream.ErrTimeout) {
		return "did not answer in time"
	}
	return strings.TrimPrefix(err.Error(), upstream.Title(store)+" ")
}

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

// instanceNaming compares the instances that the stores name. The join needs one word, pod or instance, on which two stores
// agree; without, engine state and logs cannot be put beside a span.
func (d diagnosis) instanceNaming() (contentCheck, bool) {
	sides := d.sides()
	if len(sides) < 2 {
		return contentCheck{}, false
	}
	check := contentCheck{Check: "instance_naming", OK: true, Found: "Instances have the same names in " + titles(sides)}
	var found, fixes []string
	for _, s := range sides {
		if len(s.names) == 0 {
			found = append(found, upstream.Title(s.store)+" names neither pod nor instance")
			fixes = append(fixes, s.fix(d.settings))
		}
	}
	for i, a := range sides {
		for _, b := range sides[i+1:] {
			if len(a.names) > 0 && len(b.names) > 0 && !overlap(a.names, b.names) {
				found = append(found, fmt.Sprintf("%s says %s where %s says %s",
					upstream.Title(a.store), a.names[0], upstream.Title(b.store), b.names[0]))
				fixes = append(fixes, a.fix(d.settings), b.fix(d.settings))
			}
		}
	}
	if len(found) > 0 {
		slices.Sort(fixes)
		check.OK = false
		check.Found = "Instances do not match: " + strings.Join(found, "; ")
		check.Fix = strings.Join(slices.Compact(fixes), "; ") + "."
	}
	return check, true
}

// side is how one store names the instances it has signals of.
type side struct {
	store evidence.Store
	names []string
	fix   func(settings.Settings) string
}

// sides are the stores that can be compared: those with content.
func (d diagnosis) sides() []side {
	var sides []side
	if d.metrics.readable() && len(d.targets) > 0 {
		s := side{store: evidence.Prometheus, fix: func(s settings.Settings) string {
			return "give the scrape job a " + placeLabel(s.Prometheus.Labels) + " label with the pod's name"
		}}
		for _, t := range d.targets {
			s.add(t.Origin)
		}
		sides = append(sides, s)
	}
	if d.logs.readable() && len(d.sample.Origins) > 0 {
		s := side{store: evidence.Loki, fix: func(s settings.Settings) string {
			return "let the log shipper set a " + placeLabel(s.Loki.Labels) + " label with the pod's name"
		}}
		for _, o := range d.sample.Origins {
			s.add(o)
		}
		sides = append(sides, s)
	}
	if d.traces.readable() && len(d.spans) > 0 {
		s := side{store: evidence.Jaeger, fix: func(s settings.Settings) string {
			var pairs []string
			for _, name := range []string{s.Jaeger.Labels.Instance, s.Jaeger.Labels.Pod} {
				if name != "" {
					pairs = append(pairs, name+"=$(POD_NAME)")
				}
			}
			return "set OTEL_RESOURCE_ATTRIBUTES=" + strings.Join(pairs, ",") + " in the environment of vLLM"
		}}
		for _, span := range d.spans {
			if span.Origin != nil {
				s.add(*span.Origin)
			}
		}
		sides = append(sides, s)
	}
	return sides
}

// add notes the words by which the join would know the place: the pod, the instance, and the instance without its port.
func (s *side) add(o evidence.Origin) {
	host, _, _ := strings.Cut(o.Instance, ":")
	for _, name := range []string{o.Pod, o.Instance, host} {
		if name != "" && !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

func placeLabel(l vllm.LabelNames) string {
	if l.Pod != "" {
		return l.Pod
	}
	return l.Instance
}

func titles(sides []side) string {
	names := make([]string, len(sides))
	for i, s := range sides {
		names[i] = upstream.Title(s.store)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// count says a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
