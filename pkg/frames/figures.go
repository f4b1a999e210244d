package frames

import (
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
)

// Models shows figures in the form that was asked for.
func Models(r figures.Result, form figures.Form, source Source) data.Frames {
	return shaped(r, form, func() *data.Frame { return ModelTable(r, source) })
}

// shaped gives figures the form that was asked for, with their notices.
func shaped(r figures.Result, form figures.Form, table func() *data.Frame) data.Frames {
	var out data.Frames
	switch form {
	case figures.TimeSeries:
		out = Series(r)
	case figures.Numeric:
		out = Numbers(r)
	default:
		out = data.Frames{table()}
	}
	for _, text := range r.Notices {
		out[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityInfo, Text: text})
	}
	return out
}

// ModelTable is one row per group: its dimensions, then its figures over the whole range. A quantile is followed by the
// bounds of the histogram bucket that it fell into. Null means not known.
func ModelTable(r figures.Result, source Source) *data.Frame {
	return figureTable("models", r, source, figureLook)
}

func figureTable(name string, r figures.Result, source Source, drawn func(figures.Column) look) *data.Frame {
	frame := data.NewFrame(name)
	for i, dimension := range r.GroupBy {
		values := make([]string, len(r.Groups))
		for row, group := range r.Groups {
			values[row] = group[i]
		}
		frame.Fields = append(frame.Fields, configured(dimension, values, &data.FieldConfig{
			DisplayNameFromDS: dimension, Links: placeLinks(dimension, source), Custom: map[string]any{"minWidth": placeWidth(dimension)},
		}))
	}
	for i, column := range r.Columns {
		values := make([]*float64, len(r.Groups))
		for row := range r.Groups {
			if vector := r.Values[row][i]; len(vector) > 0 {
				values[row] = finite(vector[len(vector)-1])
			}
		}
		config := &data.FieldConfig{
			DisplayNameFromDS: column.Name, Unit: modelUnit(column.Unit, r.Currency), Description: description(column), NoValue: "–",
		}
		drawn(column).apply(config)
		frame.Fields = append(frame.Fields, configured(column.Name, values, config))
	}
	return frame.SetMeta(&data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable})
}

// figureLook is how a figure is drawn in a table: shares of something that can be full as gauges, since how full they are is
// what one looks for; the bounds of a quantile not at all, until somebody wants them.
func figureLook(c figures.Column) look {
	switch {
	case c.Part == figures.Low || c.Part == figures.High:
		return look{hidden: true}
	case strings.HasPrefix(c.Metric, "kv_cache_usage"):
		return look{minWidth: 140, cell: gaugeCell, steps: kvCacheSteps, share: true}
	case strings.HasSuffix(c.Metric, "attainment"), c.Metric == "share": // of kinds slo and requests, in a graph
		return look{share: true}
	case c.Metric == "prefix_cache_hit_ratio" || c.Metric == "gpu_utilization" || c.Metric == "spec_decode_acceptance_ratio":
		return look{minWidth: 140, cell: gaugeCell, share: true}
	}
	return look{}
}

// placeWidth is the least width of a column that names a place: those of models are long.
func placeWidth(dimension string) int {
	if dimension == figures.ByModel {
		return 220
	}
	return 104
}

// description is a column's help; a bound says of what.
func description(c figures.Column) string {
	switch c.Part {
	case figures.Low:
		return "lower bound of the histogram bucket that the quantile fell into"
	case figures.High:
		return "upper bound of the histogram bucket that the quantile fell into; none above the last bucket"
	default:
		return c.Help
	}
}

// modelUnit is Grafana's id of a figure's unit. Without currency, money is a bare number.
func modelUnit(u figures.Unit, currency string) string {
	switch u {
	case figures.Seconds:
		return "s"
	case figures.Ratio:
		return "percentunit"
	case figures.RequestsPerSecond:
		return "reqps"
	case figures.EventsPerSecond:
		return "cps"
	case figures.TokensPerSecond:
		return "suffix: tok/s"
	case figures.Bytes:
		return "bytes"
	case figures.Multiple:
		return "suffix:×"
	case figures.Watts:
		return "watt"
	case figures.Joules:
		return "joule"
	case figures.Money:
		if currency != "" {
			return "currency:" + currency
		}
	}
	return "short" // tokens and requests are counts, and means of counts
}
