package frames

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// engineStateMetrics are the series shown around a request, with their names and how they are drawn.
var engineStateMetrics = []struct {
	metric, name string
	config       data.FieldConfig
}{
	{vllm.NumRequestsRunning, "running", data.FieldConfig{Unit: "short", Description: "Requests in the batch"}},
	{vllm.NumRequestsWaiting, "waiting", data.FieldConfig{Unit: "short", Description: "Requests queued"}},
	{vllm.KVCacheUsage, "kv_cache_usage", *ratio("KV cache in use")},
	{vllm.GPUUtilization, "gpu_utilization", *ratio("Mean over the instance's GPUs")},
	// vLLM takes its memory at start, so that this says nothing of the request: it is there for who asks, and not drawn.
	{vllm.GPUMemoryUsed, "gpu_memory_used", data.FieldConfig{
		Unit: "bytes", Description: "Sum over the instance's GPUs", Custom: map[string]any{"hideFrom": map[string]any{"legend": true, "tooltip": true, "viz": true}},
	}},
}

// ratio is the configuration of a share between 0 and 1.
func ratio(description string) *data.FieldConfig {
	return (&data.FieldConfig{Unit: "percentunit", Description: description}).SetMin(0).SetMax(1)
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
			config := m.config
			config.DisplayNameFromDS = stateName(m.name, s.Origin)
			out = append(out, stateFrame(m.name, times, originLabels(s.Origin), values, &config))
		}
	}
	return out
}

// InFlight marks the time from a request's arrival to its end, for drawing behind the engine's state: a series of the value
// 1 with a scale of its own.
func InFlight(r *join.Request) *data.Frame {
	one := 1.0
	times, values := []time.Time{r.Time.UTC()}, []*float64{&one}
	if end := r.End(); end.After(r.Time) {
		times, values = append(times, end.UTC()), append(values, &one)
	}
	config := (&data.FieldConfig{
		DisplayNameFromDS: "this request", Description: "From its arrival to its end",
		Mappings: data.ValueMappings{data.ValueMapper{"1": {Text: "in flight"}}},
		Color:    map[string]any{"mode": "fixed", "fixedColor": "purple"},
		Custom:   map[string]any{"axisPlacement": "hidden", "drawStyle": "line", "lineWidth": 1, "fillOpacity": 25, "pointSize": 6, "showPoints": "always"},
	}).SetMin(0).SetMax(1)
	return stateFrame("this request", times, nil, values, config)
}

func stateFrame(name string, times []time.Time, labels data.Labels, values []*float64, config *data.FieldConfig) *data.Frame {
	frame := data.NewFrame(name, data.NewField("time", nil, times), data.NewField(name, labels, values).SetConfig(config))
	frame = typed(frame, data.FrameTypeTimeSeriesMulti)
	frame.Meta.PreferredVisualization = data.VisTypeGraph
	return frame
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
		"model": o.Model, "environment": o.Environment, "cluster": o.Cluster, "namespace": o.Namespace, "pod": o.Pod, "instance": o.Instance, "engine": o.Engine,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	return labels
}
