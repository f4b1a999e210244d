package plugin

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// needs is the error of a query whose one store is not configured.
func needs(store evidence.Store, what string) error {
	return fmt.Errorf("%s: %s is %w", what, upstream.Title(store), errNotConfigured)
}

// logs answers with vLLM's log lines, or their volume by level.
func (d *Datasource) logs(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.loki == nil {
		return nil, needs(evidence.Loki, "log lines")
	}
	spec := q.Logs
	filter := lineFilter(spec)
	if spec.Volume {
		step := prometheus.Step(q.Interval, time.Second, time.Second, q.Range.Duration())
		volume, report := d.loki.Volume(ctx, q.Range, step, q.Scope, filter)
		if report.Err != nil && len(volume) == 0 {
			return nil, report.Err
		}
		return withStore(frames.LogVolume(volume, step), report, "part of the volume"), nil
	}
	limit := min(spec.Limit, d.settings.Limits.LogLines)
	lines, report := d.loki.Lines(ctx, q.Range, q.Scope, filter, limit, loki.Order(spec.Oldest))
	if report.Err != nil && len(lines) == 0 {
		return nil, report.Err
	}
	frame := frames.Logs(lines, limit)
	if spec.Live {
		d.follow(frame, q, lineKeys(frame), frames.Follow{Sort: frames.LogTime, Desc: !spec.Oldest, Limit: limit})
	}
	return withStore(data.Frames{frame}, report, "the rest of the lines"), nil
}

// lineFilter is what a query for lines asks of Loki.
func lineFilter(spec *query.LogsSpec) loki.LineFilter {
	filter := loki.LineFilter{
		Process: spec.Process, Logger: spec.Logger, RequestID: spec.RequestID, Contains: spec.Contains, Regex: spec.Regex,
	}
	for _, level := range spec.Levels {
		filter.Levels = append(filter.Levels, vllm.LogLevel(level))
	}
	return filter
}

// lineKeys are the ids of a frame of lines.
func lineKeys(frame *data.Frame) []string {
	field, _ := frame.FieldByName(frames.LogID)
	keys := make([]string, field.Len())
	for i := range keys {
		keys[i] = field.At(i).(string)
	}
	return keys
}

// trace answers with one trace.
func (d *Datasource) trace(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.jaeger == nil {
		return nil, needs(evidence.Jaeger, "a trace")
	}
	spans, report := d.jaeger.GetTrace(ctx, q.Trace.TraceID)
	if report.Err != nil && len(spans) == 0 {
		return nil, report.Err
	}
	fs := withStore(data.Frames{frames.Trace(spans)}, report, "the rest of the trace")
	if len(spans) == 0 {
		fs[0].AppendNotices(data.Notice{
			Severity: data.NoticeSeverityInfo,
			Text:     "Jaeger does not know this trace: it was not sampled, has not arrived yet (vLLM exports every 5 s), or is past retention.",
		})
	}
	return fs, nil
}

// dollar finds Grafana variables that nobody filled in: alert rules run without the browser that does it.
var dollar = regexp.MustCompile(`\$\{?[A-Za-z_]\w*`)

// promql answers with any PromQL, so that a dashboard needs this data source only.
func (d *Datasource) promql(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.prometheus == nil {
		return nil, needs(evidence.Prometheus, "PromQL")
	}
	spec := q.PromQL
	minimum := time.Duration(0)
	if spec.MinStep != "" {
		minimum, _ = time.ParseDuration(spec.MinStep) // checked by package query
	}
	step := prometheus.Step(q.Interval, minimum, d.settings.VLLM.ScrapeInterval, q.Range.Duration())
	expr := prometheus.Expand(spec.Expr, q.Range, step, d.settings.VLLM.ScrapeInterval)
	if left := dollar.FindString(expr); left != "" && q.FromAlert {
		return nil, &query.FieldError{Field: "promql.expr", Err: fmt.Errorf("%s is a dashboard variable: an alert rule has none", left)}
	}
	options := frames.PromQLOptions{Legend: spec.Legend, Alert: q.FromAlert}
	var answer prometheus.Answer
	var call evidence.Call
	var err error
	if spec.Instant {
		answer, call, err = d.prometheus.Query(ctx, expr, q.Range.To)
	} else {
		options.Step = step
		answer, call, err = d.prometheus.QueryRange(ctx, expr, prometheus.Align(q.Range.From, q.Range.To, step))
	}
	if err != nil {
		return nil, err
	}
	return withExecuted(frames.PromQL(answer, options), []evidence.StoreReport{{Store: evidence.Prometheus, Calls: []evidence.Call{call}}}), nil
}

// withStore adds what the one store said about its answer: the executed query, a failure half-way, a cut.
func withStore(fs data.Frames, report evidence.StoreReport, missing string) data.Frames {
	fs = withExecuted(fs, []evidence.StoreReport{report})
	if len(fs) == 0 {
		return fs
	}
	if report.Err != nil {
		fs[0].AppendNotices(frames.Missing(report.Err, missing))
	}
	if report.Truncated {
		fs[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: report.Reason})
	}
	return fs
}
