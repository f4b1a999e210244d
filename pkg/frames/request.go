package frames

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Phases divides one request's time, from the caller's call to its end: one row per phase with its beginning relative to
// arrival. Phases that the evidence does not tell are left out, never drawn as zero.
func Phases(r *join.Request) *data.Frame {
	names, starts, durations, shares := []string{}, []*float64{}, []*float64{}, []*float64{}
	e2e := evidence.NaN
	if r.Span != nil {
		e2e = r.Span.E2E
	}
	add := func(name string, start, duration float64) {
		if duration-duration != 0 {
			return
		}
		names = append(names, name)
		starts, durations = append(starts, finite(start)), append(durations, finite(duration))
		shares = append(shares, finite(duration/e2e))
	}
	if r.Caller != nil && r.Span != nil {
		add("outside the engine", r.Caller.Start.Sub(r.Time).Seconds(), r.OutsideEngine)
	}
	if s := r.Span; s != nil {
		add("pre-queue", 0, r.PreQueue)
		add("queue", s.TTFT-s.Prefill-s.Queue, s.Queue)
		add("prefill", s.TTFT-s.Prefill, s.Prefill)
		add("decode", s.TTFT, s.Decode)
		add("unaccounted", s.TTFT+s.Decode, r.Unaccounted)
	}
	seconds := func(name string, values []*float64, description string) *data.Field {
		f := data.NewField(name, nil, values)
		f.Config = (&data.FieldConfig{Unit: "s", Description: description}).SetDecimals(3)
		return f
	}
	share := data.NewField("share", nil, shares)
	share.Config = (&data.FieldConfig{
		Unit: "percentunit", Description: "Share of e2e", Custom: map[string]any{"cellOptions": map[string]any{"type": "gauge", "mode": "basic"}},
	}).SetMin(0).SetMax(1)
	frame := data.NewFrame("phases",
		data.NewField("phase", nil, names), seconds("start", starts, "After arrival at the API server"),
		seconds("duration", durations, "Length of the phase"), share)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable}
	return frame
}

// engineStateMetrics are the series shown around a request, with their names and units.
var engineStateMetrics = []struct{ metric, name, unit string }{
	{vllm.NumRequestsRunning, "running", "short"},
	{vllm.NumRequestsWaiting, "waiting", "short"},
	{vllm.KVCacheUsage, "kv_cache_usage", "percentunit"},
	{vllm.GPUUtilization, "gpu_utilization", "percentunit"},
	{vllm.GPUMemoryUsed, "gpu_memory_used", "bytes"},
}

// EngineState shows raw samples of an engine as they were scraped: timeseries-multi. engine narrows to one data-parallel
// rank; empty shows all.
func EngineState(series []evidence.Series, engine string) data.Frames {
	var out data.Frames
	for _, m := range engineStateMetrics {
		for i := range series {
			s := &series[i]
			if s.Metric != m.metric || s.Origin == nil || (engine != "" && s.Origin.Engine != "" && s.Origin.Engine != engine) {
				continue
			}
			times, values := make([]time.Time, len(s.Samples)), make([]*float64, len(s.Samples))
			for k, sample := range s.Samples {
				times[k], values[k] = time.UnixMilli(sample.UnixMilli).UTC(), finite(sample.Value)
			}
			f := data.NewField(m.name, originLabels(s.Origin), values)
			f.Config = &data.FieldConfig{Unit: m.unit, DisplayNameFromDS: stateName(m.name, s.Origin)}
			frame := typed(data.NewFrame(m.name, data.NewField("time", nil, times), f), data.FrameTypeTimeSeriesMulti)
			frame.Meta.PreferredVisualization = data.VisTypeGraph
			out = append(out, frame)
		}
	}
	return out
}

// stateName is short: all series around a request are of one instance, so only the rank tells them apart.
func stateName(metric string, o *evidence.Origin) string {
	if o.Engine == "" {
		return metric
	}
	return metric + ", engine " + o.Engine
}

func originLabels(o *evidence.Origin) data.Labels {
	labels := data.Labels{}
	for name, value := range map[string]string{
		"model": o.Model, "namespace": o.Namespace, "pod": o.Pod, "instance": o.Instance, "engine": o.Engine,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	return labels
}
