package frames

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// frameTypeHeatmapRows is Grafana's name for a frame with one field per bucket, which its heatmap panel draws. The SDK has no
// constant for the name.
const frameTypeHeatmapRows = data.FrameType("heatmap-rows")

// bucketLabel is the upper bound of a bucket of a Prometheus histogram.
const bucketLabel = "le"

// heatmap turns cumulative buckets into one frame per histogram: a time field and one field per bucket, in the order of the
// bounds, that counts what lies between the bound below and its own. Series without a bucket stay time series.
func heatmap(series []promql.Series, o PromQLOptions) data.Frames {
	type histogram struct {
		labels  map[string]string
		buckets []bucket
	}
	var order []string
	histograms := map[string]*histogram{}
	var others []promql.Series
	for _, s := range series {
		bound, err := strconv.ParseFloat(s.Labels[bucketLabel], 64)
		if err != nil || math.IsNaN(bound) {
			others = append(others, s)
			continue
		}
		labels := maps.Clone(s.Labels)
		delete(labels, bucketLabel)
		key := data.Labels(labels).String()
		h, known := histograms[key]
		if !known {
			h = &histogram{labels: labels}
			histograms[key], order = h, append(order, key)
		}
		h.buckets = append(h.buckets, bucket{bound: bound, text: s.Labels[bucketLabel], series: s})
	}
	var out data.Frames
	for _, key := range order {
		h := histograms[key]
		slices.SortStableFunc(h.buckets, func(a, b bucket) int {
			switch {
			case a.bound < b.bound:
				return -1
			case a.bound > b.bound:
				return 1
			}
			return 0
		})
		out = append(out, heatmapFrame(h.labels, h.buckets, o))
	}
	if len(others) > 0 || len(out) == 0 {
		out = append(out, matrix(others, o)...)
	}
	return out
}

// bucket is one bucket of a histogram over time.
type bucket struct {
	bound  float64
	text   string // the bound as the store writes it
	series promql.Series
}

func heatmapFrame(labels map[string]string, buckets []bucket, o PromQLOptions) *data.Frame {
	moments := map[int64]bool{}
	for _, b := range buckets {
		for _, sample := range b.series.Samples {
			moments[sample.UnixMilli] = true
		}
	}
	grid := slices.Sorted(maps.Keys(moments))
	times := make([]time.Time, len(grid))
	for i, ms := range grid {
		times[i] = time.UnixMilli(ms).UTC()
	}
	at := data.NewField(data.TimeSeriesTimeFieldName, nil, times)
	at.SetConfig(&data.FieldConfig{Interval: stepMilliseconds(o.Step)})
	frame := data.NewFrame(seriesName(labels, o), at)
	below := make([]float64, len(grid)) // what the buckets with lower bounds have counted
	for _, b := range buckets {
		values := make([]*float64, len(grid))
		next := 0
		for _, sample := range b.series.Samples {
			for grid[next] < sample.UnixMilli {
				next++
			}
			if v := finite(sample.Value); v != nil {
				// A bucket is scraped a moment after the one below, so a difference may be a little below zero.
				own := max(*v-below[next], 0)
				values[next], below[next] = &own, max(*v, below[next])
			}
		}
		field := data.NewField(b.text, data.Labels{bucketLabel: b.text}, values)
		frame.Fields = append(frame.Fields, field.SetConfig(&data.FieldConfig{DisplayNameFromDS: b.text}))
	}
	return frame.SetMeta(&data.FrameMeta{Type: frameTypeHeatmapRows})
}
