package frames

import (
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
)

// dataplane is the version at which Grafana's expressions trust a frame's type instead of guessing it.
var dataplane = data.FrameTypeVersion{0, 1}

// Series is one frame per group and figure, in Grafana's form timeseries-multi. Unknown values are null, so that a graph
// shows a gap and an alert no data. A figure without any value in a group has no frame; without any frame there is one
// empty frame of the type, which is how an alert sees no data.
func Series(r figures.Result) data.Frames {
	// One field for all frames: they share their times, and a copy for each of 500 engines would be most of the memory.
	times := data.NewField(data.TimeSeriesTimeFieldName, nil, r.Times)
	times.SetConfig(&data.FieldConfig{Interval: stepMilliseconds(r.Step)})
	var out data.Frames
	for g, group := range r.Groups {
		for c, column := range r.Columns {
			values, some := nullable(r.Values[g][c])
			if !some {
				continue
			}
			frame := data.NewFrame(column.Name, times, figureField(r, group, column, values))
			out = append(out, frame.SetMeta(seriesMeta()))
		}
	}
	return orEmpty(out, seriesMeta())
}

// Numbers is one frame per group and figure, in Grafana's form numeric-multi: what an alert rule compares.
func Numbers(r figures.Result) data.Frames {
	var out data.Frames
	for g, group := range r.Groups {
		for c, column := range r.Columns {
			values, some := nullable(r.Values[g][c])
			if !some {
				continue
			}
			field := figureField(r, group, column, values[len(values)-1:])
			out = append(out, data.NewFrame(column.Name, field).SetMeta(numberMeta()))
		}
	}
	return orEmpty(out, numberMeta())
}

// figureField is the value field of one figure of one group. Its labels are the group's dimensions and nothing else, so
// that an alert's instances stay the same from one evaluation to the next.
func figureField(r figures.Result, group []string, column figures.Column, values []*float64) *data.Field {
	labels := make(data.Labels, len(group))
	for i, dimension := range r.GroupBy {
		labels[dimension] = group[i]
	}
	field := data.NewField(column.Name, labels, values)
	config := &data.FieldConfig{DisplayNameFromDS: legend(r, group, column), Unit: modelUnit(column.Unit, r.Currency), Description: column.Help}
	look{share: figureLook(column).share}.apply(config)
	return field.SetConfig(config)
}

// legend is the group, and what tells its series apart: the quantile where all are of one figure, else the figure's name.
func legend(r figures.Result, group []string, column figures.Column) string {
	parts := make([]string, 0, len(group)+1)
	for _, value := range group {
		if value != "" {
			parts = append(parts, value)
		}
	}
	several := slices.ContainsFunc(r.Columns, func(c figures.Column) bool { return c.Metric != column.Metric })
	switch quantile, isQuantile := strings.CutPrefix(column.Name, column.Metric+"_"); {
	case several || len(parts) == 0:
		parts = append(parts, column.Name)
	case isQuantile && len(r.Columns) > 1:
		parts = append(parts, quantile)
	}
	return strings.Join(parts, " ")
}

// nullable points at the values that are known, without copying them: the Result must not change any more.
func nullable(vector []float64) (values []*float64, some bool) {
	values = make([]*float64, len(vector))
	for i := range vector {
		if x := vector[i]; x-x == 0 { // not for NaN and infinities, which poison reducers
			values[i], some = &vector[i], true
		}
	}
	return values, some
}

func orEmpty(frames data.Frames, meta *data.FrameMeta) data.Frames {
	if len(frames) == 0 {
		return data.Frames{data.NewFrame("").SetMeta(meta)}
	}
	return frames
}

func seriesMeta() *data.FrameMeta {
	return &data.FrameMeta{
		Type: data.FrameTypeTimeSeriesMulti, TypeVersion: dataplane, PreferredVisualization: data.VisTypeGraph,
	}
}

func numberMeta() *data.FrameMeta {
	return &data.FrameMeta{Type: data.FrameTypeNumericMulti, TypeVersion: dataplane}
}

// stepMilliseconds is what a time field carries as interval, so that a graph shows gaps.
func stepMilliseconds(step time.Duration) float64 { return float64(step.Milliseconds()) }
