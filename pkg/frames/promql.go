package frames

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// PromQLOptions say how an answer is shown.
type PromQLOptions struct {
	Legend string        // {{label}} is replaced; empty = the series as PromQL writes it
	Step   time.Duration // of a range query; 0 for an instant one
	Alert  bool          // an instant answer as numbers, one frame each, instead of a table
	// AutoLegend leaves the names of series to Grafana, which names them by the labels that differ. A series without labels is
	// named by Expr, the expression that was asked.
	AutoLegend bool
	Expr       string
	Table      bool // a range's samples as one table
	Heatmap    bool // a range's buckets of a histogram as rows of a heatmap
}

// metricName is the label that holds a series' name.
const metricName = "__name__"

// PromQL shows an answer: a range query's as time series, an instant one's as a table, or as numbers in an alert.
func PromQL(answer promql.Result, o PromQLOptions) data.Frames {
	var out data.Frames
	switch {
	case answer.Type == "matrix" && o.Heatmap:
		out = heatmap(answer.Series, o)
	case answer.Type == "matrix" && o.Table:
		out = data.Frames{samplesTable(answer.Series)}
	case answer.Type == "matrix":
		out = matrix(answer.Series, o)
	case o.Alert:
		out = numbers(answer.Series, o)
	default:
		out = data.Frames{vectorTable(answer.Series)}
	}
	for _, text := range answer.Warnings {
		out[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: "Prometheus: " + text})
	}
	return out
}

func matrix(series []promql.Series, o PromQLOptions) data.Frames {
	var out data.Frames
	for _, s := range series {
		times := make([]time.Time, len(s.Samples))
		numbers := make([]float64, len(s.Samples))
		for i, sample := range s.Samples {
			times[i], numbers[i] = moment(sample), sample.Value
		}
		values, _ := nullable(numbers)
		time := data.NewField(data.TimeSeriesTimeFieldName, nil, times)
		time.SetConfig(&data.FieldConfig{Interval: stepMilliseconds(o.Step)})
		frame := data.NewFrame(seriesName(s.Labels, o), time, valueField(s.Labels, o, values))
		out = append(out, frame.SetMeta(seriesMeta()))
	}
	return orEmpty(out, seriesMeta())
}

// numbers leaves out what is no number: an alert would otherwise get an instance without a value.
func numbers(series []promql.Series, o PromQLOptions) data.Frames {
	var out data.Frames
	for _, s := range series {
		value := finite(s.Samples[len(s.Samples)-1].Value)
		if value == nil {
			continue
		}
		field := valueField(s.Labels, o, []*float64{value})
		out = append(out, data.NewFrame(seriesName(s.Labels, o), field).SetMeta(numberMeta()))
	}
	return orEmpty(out, numberMeta())
}

// vectorTable has a row per series: a column for the time, one per label, sorted, and one for the value.
func vectorTable(series []promql.Series) *data.Frame {
	last := make([]promql.Series, len(series))
	for i, s := range series {
		last[i] = promql.Series{Labels: s.Labels, Samples: s.Samples[len(s.Samples)-1:]}
	}
	return samplesTable(last)
}

// samplesTable has a row per sample, series after series: a column for the time, one per label, sorted, and one for the value.
func samplesTable(series []promql.Series) *data.Frame {
	names, rows := map[string]bool{}, 0
	for _, s := range series {
		for name := range s.Labels {
			names[name] = true
		}
		rows += len(s.Samples)
	}
	labels := slices.Sorted(maps.Keys(names))
	times, values := make([]time.Time, 0, rows), make([]*float64, 0, rows)
	columns := make([][]string, len(labels))
	for _, s := range series {
		for _, sample := range s.Samples {
			times, values = append(times, moment(sample)), append(values, finite(sample.Value))
			for i, name := range labels {
				columns[i] = append(columns[i], s.Labels[name])
			}
		}
	}
	frame := data.NewFrame("", data.NewField(data.TimeSeriesTimeFieldName, nil, times))
	for i, name := range labels {
		if columns[i] == nil {
			columns[i] = []string{}
		}
		frame.Fields = append(frame.Fields, data.NewField(name, nil, columns[i]))
	}
	frame.Fields = append(frame.Fields, data.NewField(data.TimeSeriesValueFieldName, nil, values))
	return frame.SetMeta(&data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable})
}

func valueField(labels map[string]string, o PromQLOptions, values []*float64) *data.Field {
	name := labels[metricName]
	if name == "" {
		name = data.TimeSeriesValueFieldName
	}
	dimensions := data.Labels(maps.Clone(labels))
	delete(dimensions, metricName)
	field := data.NewField(name, dimensions, values)
	if !o.AutoLegend || len(dimensions) == 0 {
		field.SetConfig(&data.FieldConfig{DisplayNameFromDS: seriesName(labels, o)})
	}
	return field
}

// placeholder is {{label}} in a legend.
var placeholder = regexp.MustCompile(`\{\{\s*([^{}\s]+)\s*\}\}`)

// seriesName is what a graph's legend shows: the user's format, or the series as PromQL writes it.
func seriesName(labels map[string]string, o PromQLOptions) string {
	format := o.Legend
	if o.AutoLegend && o.Expr != "" && len(labels) == 0 {
		return o.Expr
	}
	if format != "" {
		return placeholder.ReplaceAllStringFunc(format, func(match string) string {
			return labels[placeholder.FindStringSubmatch(match)[1]]
		})
	}
	var matchers []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != metricName {
			matchers = append(matchers, promql.Matcher{Label: name, Op: "=", Value: labels[name]}.String())
		}
	}
	if len(matchers) == 0 {
		if labels[metricName] != "" {
			return labels[metricName]
		}
		return data.TimeSeriesValueFieldName
	}
	return labels[metricName] + "{" + strings.Join(matchers, ", ") + "}"
}

func moment(s evidence.Sample) time.Time { return time.UnixMilli(s.UnixMilli).UTC() }
