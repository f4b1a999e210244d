package frames

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// requestMeta is what travels with the rows besides the columns: the join report, the source of the models, the calls.
func requestMeta(rows []join.Request, r join.Report) map[string]any {
	models := map[string]int{}
	for i := range rows {
		models[cmp.Or(string(rows[i].ModelSource), "unknown")]++
	}
	meta := map[string]any{"modelSource": models, "report": reportMeta(r), "calls": callsMeta(r.Stores)}
	return meta
}

func reportMeta(r join.Report) map[string]any {
	m := map[string]any{"from": r.Looked.From, "to": r.Looked.To}
	for _, c := range join.CoverageMetrics {
		m[c.Name] = finite(c.Value(r, r.Explained))
	}
	return m
}

// callsMeta lists every sub-query with its time, bytes and rows: what the inspector shows of a joined query's cost.
func callsMeta(stores []evidence.StoreReport) []map[string]any {
	var out []map[string]any
	for _, s := range stores {
		for _, c := range s.Calls {
			call := map[string]any{
				"store": c.Store, "query": c.Text, "milliseconds": float64(c.Duration.Microseconds()) / 1000, "bytes": c.Bytes, "rows": c.Rows,
			}
			if c.Err != "" {
				call["error"] = c.Err
			}
			out = append(out, call)
		}
	}
	return out
}

// reportStats are the numbers under Inspect → Stats.
func reportStats(r join.Report) []data.QueryStat {
	var out []data.QueryStat
	for _, c := range join.CoverageMetrics {
		if v := finite(c.Value(r, r.Explained)); v != nil {
			out = append(out, data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: c.Description, Unit: c.Unit}, Value: *v})
		}
	}
	for _, s := range r.Stores {
		calls, total, bytes, rows := s.Cost()
		if calls == 0 {
			continue
		}
		name := s.Store.Title()
		out = append(out,
			data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: name + " calls"}, Value: float64(calls)},
			data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: name + " time", Unit: "ms"}, Value: float64(total.Microseconds()) / 1000},
			data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: name + " bytes", Unit: "bytes"}, Value: float64(bytes)},
			data.QueryStat{FieldConfig: data.FieldConfig{DisplayName: name + " rows"}, Value: float64(rows)},
		)
	}
	return out
}

// losses says what is missing from a row when a store is.
var losses = map[evidence.Store]string{
	evidence.Prometheus: "engine state at arrival, models known by instance, and coverage against the engines' counters",
	evidence.Loki:       "log lines, and requests known only from them (aborted, crashed)",
	evidence.Jaeger:     "latency phases, tokens and callers; only requests named in logs are shown",
}

// reportNotices are the sentences above a panel: each store that failed, was cut or is absent, and the doubts of the join.
func reportNotices(r join.Report) []data.Notice {
	var out []data.Notice
	warn := func(format string, args ...any) {
		out = append(out, data.Notice{Severity: data.NoticeSeverityWarning, Text: fmt.Sprintf(format, args...)})
	}
	info := func(format string, args ...any) {
		out = append(out, data.Notice{Severity: data.NoticeSeverityInfo, Text: fmt.Sprintf(format, args...)})
	}
	for _, s := range r.Stores {
		switch {
		case !s.Configured:
			info("%s is not configured: without it there are no %s.", s.Store.Title(), losses[s.Store])
		default:
			out = appendMissing(out, s, losses[s.Store])
		}
		if s.Truncated {
			warn("%s", cmp.Or(s.Reason, s.Store.Title()+" answered only in part."))
		}
	}
	for _, f := range r.Findings {
		warn("%s", findingText(f))
	}
	if r.Dropped > 0 {
		info("%d more requests match and are not shown: the limit of this query is reached.", r.Dropped)
	}
	if r.Ambiguous > 0 {
		info("%d rows are marked ambiguous: further evidence fits them and another request, and was given to neither.", r.Ambiguous)
	}
	if r.Unread > 0 {
		info("%d rows are marked ambiguous because clients may use their ids again, and not all of this range was read: it holds more than the data source's limits on requests and log lines. Shorten the range, or raise the limits.", r.Unread)
	}
	return out
}

// findingText is a finding as one text: what was found, then how to mend it.
func findingText(f evidence.Finding) string {
	return strings.TrimSpace(f.Found + " " + f.Fix)
}

// appendMissing adds the notice of a store that failed, or says itself that a part of it did.
func appendMissing(out []data.Notice, s evidence.StoreReport, what string) []data.Notice {
	if trouble := s.Trouble(); trouble != "" {
		out = append(out, Missing(errors.New(trouble), what))
	}
	return out
}

// Missing is the notice of a failure that leaves something out of an answer.
func Missing(err error, what string) data.Notice {
	return data.Notice{
		Severity: data.NoticeSeverityWarning, Text: strings.TrimRight(err.Error(), ". ") + ". Missing: " + what + ".",
	}
}

func finite(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}

// Coverage is the join report as a table: one row per model and instance, with the window's own numbers in each.
func Coverage(r join.Report, source Source) *data.Frame {
	rows := r.ByInstance
	if len(rows) == 0 {
		rows = []join.Explained{{}}
	}
	model, namespace, instance := make([]*string, len(rows)), make([]*string, len(rows)), make([]*string, len(rows))
	for i := range rows {
		model[i], namespace[i], instance[i] = join.NullText(&rows[i].Model), join.NullText(&rows[i].Namespace), join.NullText(&rows[i].Instance)
	}
	fields := []*data.Field{
		configured("model", model, &data.FieldConfig{Links: placeLinks("model", source), Custom: map[string]any{"minWidth": placeWidth("model")}}),
	}
	fields = append(fields, areas(rows)...)
	fields = append(fields,
		configured("namespace", namespace, &data.FieldConfig{Custom: map[string]any{"minWidth": placeWidth("namespace")}}),
		configured("instance", instance, &data.FieldConfig{Description: "Pod, or address where no pod is known", Custom: map[string]any{"minWidth": 160}}),
	)
	for _, m := range join.CoverageMetrics {
		cells := make([]*float64, len(rows))
		for i := range rows {
			cells[i] = finite(m.Value(r, rows[i]))
		}
		config := &data.FieldConfig{Unit: m.Unit, Description: m.Description, NoValue: "–"}
		coverageLook(m).apply(config)
		fields = append(fields, configured(m.Name, cells, config))
	}
	frame := data.NewFrame("coverage", fields...)
	frame.Meta = &data.FrameMeta{
		Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, Stats: reportStats(r), Notices: reportNotices(r),
		Custom: map[string]any{"report": reportMeta(r), "calls": callsMeta(r.Stores)},
	}
	return frame
}

// coverageLook marks what says by itself that something is missing.
func coverageLook(m join.CoverageMetric) look {
	switch m.Name {
	case "stores_failed":
		return look{width: 124, cell: colouredText, steps: steps(at(1, "red"))}
	case "stores_truncated", "ambiguous", "dropped":
		return look{width: 140, cell: colouredText, steps: steps(at(1, "orange"))}
	}
	if m.Unit == "percentunit" {
		return look{minWidth: 140, cell: gaugeCell, share: true}
	}
	return look{minWidth: 104}
}

// StoreNotices puts what the stores failed at on the first frame, where a panel looks, of an answer that has none yet.
func StoreNotices(fs data.Frames, r join.Report) data.Frames {
	if len(fs) > 0 {
		fs[0].AppendNotices(reportNotices(r)...)
	}
	return fs
}

// CoverageNumbers is one number of the report in the form that an alert rule reads: numeric-multi, labelled by model and
// instance where the number is theirs. Without a known value there is no data.
func CoverageNumbers(r join.Report, m join.CoverageMetric) data.Frames {
	numeric := func(labels data.Labels, v float64) *data.Frame {
		f := data.NewField(m.Name, labels, []*float64{finite(v)})
		f.Config = &data.FieldConfig{Unit: m.Unit}
		return typed(data.NewFrame(m.Name, f), data.FrameTypeNumericMulti)
	}
	if !m.ByInstance {
		return data.Frames{numeric(nil, m.Value(r, r.Explained))}
	}
	var out data.Frames
	for _, e := range r.ByInstance {
		out = append(out, numeric(instanceLabels(e), m.Value(r, e)))
	}
	if len(out) == 0 {
		return data.Frames{typed(data.NewFrame(m.Name), data.FrameTypeNumericMulti)}
	}
	return out
}

// CoverageSeries graphs numbers of the report over time: timeseries-multi, one series per number and, where the number is
// theirs, per model and instance.
func CoverageSeries(slices []join.Sliced, metrics []join.CoverageMetric) data.Frames {
	var out data.Frames
	for _, m := range metrics {
		if !m.ByInstance {
			values := make([]*float64, len(slices))
			for i, s := range slices {
				values[i] = finite(m.Value(s.Report, s.Report.Explained))
			}
			out = append(out, coverageSeries(slices, m, nil, values))
			continue
		}
		values := map[join.Explained][]*float64{} // by name
		var names []join.Explained
		for i, s := range slices {
			for _, e := range s.Report.ByInstance {
				name := join.Explained{
					Model: e.Model, Environment: e.Environment, Cluster: e.Cluster, Namespace: e.Namespace, Instance: e.Instance,
				}
				if values[name] == nil {
					values[name] = make([]*float64, len(slices))
					names = append(names, name)
				}
				values[name][i] = finite(m.Value(s.Report, e))
			}
		}
		for _, name := range names {
			out = append(out, coverageSeries(slices, m, instanceLabels(name), values[name]))
		}
	}
	if len(out) == 0 {
		return data.Frames{typed(data.NewFrame("coverage"), data.FrameTypeTimeSeriesMulti)}
	}
	return out
}

// areas are the columns of environment and cluster, each where any instance has one: instances of the same name differ in them.
func areas(rows []join.Explained) (fields []*data.Field) {
	for _, area := range []struct {
		name string
		of   func(*join.Explained) *string
	}{
		{"environment", func(e *join.Explained) *string { return &e.Environment }},
		{"cluster", func(e *join.Explained) *string { return &e.Cluster }},
	} {
		cells, named := make([]*string, len(rows)), false
		for i := range rows {
			cells[i] = join.NullText(area.of(&rows[i]))
			named = named || cells[i] != nil
		}
		if named {
			fields = append(fields, configured(area.name, cells, &data.FieldConfig{Custom: map[string]any{"minWidth": 104}}))
		}
	}
	return fields
}

func coverageSeries(slices []join.Sliced, m join.CoverageMetric, labels data.Labels, values []*float64) *data.Frame {
	times := make([]time.Time, len(slices))
	for i, s := range slices {
		times[i] = s.Time
	}
	time := data.NewField("time", nil, times)
	if len(slices) > 1 {
		time.SetConfig(&data.FieldConfig{Interval: stepMilliseconds(times[1].Sub(times[0]))})
	}
	f := data.NewField(m.Name, labels, values).SetConfig(&data.FieldConfig{
		Unit: m.Unit, Description: m.Description, DisplayNameFromDS: strings.TrimPrefix(labels["instance"]+" "+m.Name, " "),
	})
	frame := typed(data.NewFrame(m.Name, time, f), data.FrameTypeTimeSeriesMulti)
	frame.Meta.PreferredVisualization = data.VisTypeGraph
	return frame
}

func instanceLabels(e join.Explained) data.Labels {
	labels := data.Labels{}
	for name, value := range map[string]string{
		"model": e.Model, "environment": e.Environment, "cluster": e.Cluster, "namespace": e.Namespace, "instance": e.Instance,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	return labels
}

// typed states a frame's data-plane type, without which alert rules guess.
func typed(f *data.Frame, t data.FrameType) *data.Frame {
	f.Meta = &data.FrameMeta{Type: t, TypeVersion: data.FrameTypeVersion{0, 1}}
	return f
}
