package frames

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/prometheus"
)

// PromQLOptions say how an answer is shown.
type PromQLOptions struct {
	Legend string        // {{label}} is replaced; empty = the series as PromQL writes it
	Step   time.Duration // of a range query; 0 for an instant one
	Alert  bool          // an instant answer as numbers, one frame each, instead of a table
}

// metricName is the label that holds a series' name.
const metricName = "__name__"

// PromQL shows an answer: a range query's as time series, an instant one's as a table, or as numbers in an alert.
func PromQL(answer prometheus.Answer, o PromQLOptions) data.Frames {
	var out data.Frames
	switch {
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

func matrix(series []prometheus.Series, o PromQLOptions) data.Frames {
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
		frame := data.NewFrame(seriesName(s.Labels, o.Legend), time, valueField(s.Labels, o.Legend, values))
		out = append(out, frame.SetMeta(seriesMeta()))
	}
	return orEmpty(out, seriesMeta())
}

// numbers leaves out what is no number: an alert would otherwise get an instance without a value.
func numbers(series []prometheus.Series, o PromQLOptions) data.Frames {
	var out data.Frames
	for _, s := range series {
		value := finite(s.Samples[len(s.Samples)-1].Value)
		if value == nil {
			continue
		}
		field := valueField(s.Labels, o.Legend, []*float64{value})
		out = append(out, data.NewFrame(seriesName(s.Labels, o.Legend), field).SetMeta(numberMeta()))
	}
	return orEmpty(out, numberMeta())
}

// vectorTable has a column for the time, one per label, sorted, and one for the value.
func vectorTable(series []prometheus.Series) *data.Frame {
	labels := map[string]bool{}
	for _, s := range series {
		for name := range s.Labels {
			labels[name] = true
		}
	}
	times := make([]time.Time, len(series))
	values := make([]*float64, len(series))
	for i, s := range series {
		last := s.Samples[len(s.Samples)-1]
		times[i], values[i] = moment(last), finite(last.Value)
	}
	frame := data.NewFrame("", data.NewField(data.TimeSeriesTimeFieldName, nil, times))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		column := make([]string, len(series))
		for i, s := range series {
			column[i] = s.Labels[name]
		}
		frame.Fields = append(frame.Fields, data.NewField(name, nil, column))
	}
	frame.Fields = append(frame.Fields, data.NewField(data.TimeSeriesValueFieldName, nil, values))
	return frame.SetMeta(&data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable})
}

func valueField(labels map[string]string, format string, values []*float64) *data.Field {
	name := labels[metricName]
	if name == "" {
		name = data.TimeSeriesValueFieldName
	}
	dimensions := data.Labels(maps.Clone(labels))
	delete(dimensions, metricName)
	field := data.NewField(name, dimensions, values)
	field.SetConfig(&data.FieldConfig{DisplayNameFromDS: seriesName(labels, format)})
	return field
}

// placeholder is {{label}} in a legend.
var placeholder = regexp.MustCompile(`\{\{\s*([^{}\s]+)\s*\}\}`)

// seriesName is what a graph's legend shows: the user's format, or the series as PromQL writes it.
func seriesName(labels map[string]string, format string) string {
	if format != "" {
		return placeholder.ReplaceAllStringFunc(format, func(match string) string {
			return labels[placeholder.FindStringSubmatch(match)[1]]
		})
	}
	var matchers []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != metricName {
			matchers = append(matchers, prometheus.Matcher{Label: name, Op: "=", Value: labels[name]}.String())
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
