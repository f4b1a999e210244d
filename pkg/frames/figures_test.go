package frames_test

import (
	"math"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// goldenFrames compares frames with a file under testdata; -update rewrites it.
func goldenFrames(t *testing.T, name string, frames data.Frames) {
	t.Helper()
	experimental.CheckGoldenJSONResponse(t, "testdata", name, &backend.DataResponse{Frames: frames}, *update)
}

var unknown = math.NaN()

// twoModels is a table's result: one model with traffic, one without.
func twoModels() figures.Result {
	return figures.Result{
		GroupBy: []string{figures.ByEnvironment, figures.ByModel},
		Groups:  [][]string{{"prod", "llama"}, {"prod", "qwen"}},
		Columns: []figures.Column{
			{Name: "request_rate", Metric: "request_rate", Unit: figures.RequestsPerSecond, Help: "finished sequences"},
			{Name: "error_ratio", Metric: "error_ratio", Unit: figures.Ratio, Help: "errors / requests"},
			{Name: "e2e_p95", Metric: "e2e", Quantile: 0.95, Unit: figures.Seconds, Help: "end-to-end latency"},
			{Name: "e2e_p95_low", Metric: "e2e", Quantile: 0.95, Part: figures.Low, Unit: figures.Seconds},
			{Name: "e2e_p95_high", Metric: "e2e", Quantile: 0.95, Part: figures.High, Unit: figures.Seconds},
			{Name: "generation_token_rate", Metric: "generation_token_rate", Unit: figures.TokensPerSecond},
			{Name: "gpu_memory_used", Metric: "gpu_memory_used", Unit: figures.Bytes},
			{Name: "gpu_power", Metric: "gpu_power", Unit: figures.Watts},
			{Name: "running", Metric: "running", Unit: figures.Requests},
			{Name: "preemption_rate", Metric: "preemption_rate", Unit: figures.EventsPerSecond},
			{Name: "cost_per_hour", Metric: "cost_per_hour", Unit: figures.Money},
		},
		Times: []time.Time{noon},
		Values: [][][]float64{
			{{4}, {0}, {0.2}, {0}, {0.3}, {512.5}, {8 << 30}, {700}, {12}, {0.01}, {14.4}},
			{{0}, {unknown}, {unknown}, {unknown}, {unknown}, {0}, {unknown}, {math.Inf(1)}, {0}, {0}, {unknown}},
		},
		Currency: "€",
		Notices:  []string{"tpot: the store has no vllm:request_time_per_output_token_seconds (vLLM 0.11.0 and newer)"},
	}
}

// running is one figure over three steps; the second model has a gap, the third nothing.
func running() figures.Result {
	return figures.Result{
		GroupBy: []string{figures.ByModel},
		Groups:  [][]string{{"llama"}, {"qwen"}, {"idle"}},
		Columns: []figures.Column{{Name: "running", Metric: "running", Unit: figures.Requests, Help: "requests in the batches"}},
		Times:   []time.Time{noon, noon.Add(time.Minute), noon.Add(2 * time.Minute)},
		Step:    time.Minute,
		Values:  [][][]float64{{{1, 2, 3}}, {{5, unknown, 0}}, {{unknown, unknown, unknown}}},
	}
}

func TestModels(t *testing.T) {
	t.Run("a table has a row per group and null for what is not known", func(t *testing.T) {
		goldenFrames(t, "models_table", frames.Models(twoModels(), figures.Table, here))
	})
	t.Run("a time series has a frame per group, with gaps as null", func(t *testing.T) {
		goldenFrames(t, "models_timeseries", frames.Models(running(), figures.TimeSeries, here))
	})
	t.Run("a number has a frame per group that has one", func(t *testing.T) {
		result := twoModels()
		result.Columns, result.Values = result.Columns[1:2], [][][]float64{{{0}}, {{unknown}}}
		goldenFrames(t, "models_numbers", frames.Models(result, figures.Numeric, here))
	})
	t.Run("no data is an empty frame of the type", func(t *testing.T) {
		empty := figures.Result{GroupBy: []string{figures.ByModel}, Notices: []string{"nothing there"}}
		goldenFrames(t, "models_no_numbers", frames.Models(empty, figures.Numeric, here))
		goldenFrames(t, "models_no_series", frames.Models(empty, figures.TimeSeries, here))
		goldenFrames(t, "models_no_rows", frames.Models(empty, figures.Table, here))
	})
}

func TestSeriesOfSeveralFiguresAreNamedByGroupAndFigure(t *testing.T) {
	var names []string
	for _, frame := range frames.Series(twoModels())[:2] {
		names = append(names, frame.Fields[1].Config.DisplayNameFromDS)
	}
	require.Equal(t, []string{"prod llama request_rate", "prod llama error_ratio"}, names)
}

func TestPromQL(t *testing.T) {
	matrix := promql.Result{Type: "matrix", Warnings: []string{"store b did not answer"}, Series: []promql.Series{
		{
			Labels:  map[string]string{"__name__": "vllm:num_requests_running", "model_name": "llama", "engine": "0"},
			Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: 1}, {UnixMilli: 1790000015500, Value: unknown}},
		},
		{Labels: map[string]string{}, Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: 2}}},
	}}
	vector := promql.Result{Type: "vector", Series: []promql.Series{
		{Labels: map[string]string{"model_name": "llama"}, Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: 1}}},
		{Labels: map[string]string{"pod": "p"}, Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: unknown}}},
	}}
	scalar := promql.Result{Type: "scalar", Series: []promql.Series{
		{Labels: map[string]string{}, Samples: []evidence.Sample{{UnixMilli: 1790000000500, Value: 2}}},
	}}
	for name, want := range map[string]data.Frames{
		"promql_matrix":    frames.PromQL(matrix, frames.PromQLOptions{Step: 15 * time.Second}),
		"promql_legend":    frames.PromQL(matrix, frames.PromQLOptions{Legend: "{{model_name}} / {{ engine }} / {{none}}"}),
		"promql_vector":    frames.PromQL(vector, frames.PromQLOptions{}),
		"promql_numbers":   frames.PromQL(vector, frames.PromQLOptions{Alert: true}),
		"promql_scalar":    frames.PromQL(scalar, frames.PromQLOptions{Alert: true}),
		"promql_auto":      frames.PromQL(matrix, frames.PromQLOptions{AutoLegend: true, Expr: "sum (up)"}),
		"promql_table":     frames.PromQL(matrix, frames.PromQLOptions{Table: true}),
		"promql_heatmap":   frames.PromQL(buckets(), frames.PromQLOptions{Heatmap: true, Legend: "{{model_name}}", Step: 15 * time.Second}),
		"promql_no_series": frames.PromQL(promql.Result{Type: "matrix"}, frames.PromQLOptions{}),
		"promql_no_vector": frames.PromQL(promql.Result{Type: "vector"}, frames.PromQLOptions{}),
		"promql_no_number": frames.PromQL(promql.Result{Type: "vector"}, frames.PromQLOptions{Alert: true}),
	} {
		t.Run(name, func(t *testing.T) { goldenFrames(t, name, want) })
	}
}

// buckets are histograms as a store lists them: bounds in the order of their text, a bound missing at times, and one series that
// is no bucket.
func buckets() promql.Result {
	sample := func(at int64, v float64) evidence.Sample {
		return evidence.Sample{UnixMilli: 1790000000000 + 15_000*at, Value: v}
	}
	series := func(model, le string, samples ...evidence.Sample) promql.Series {
		return promql.Series{Labels: map[string]string{"model_name": model, "le": le}, Samples: samples}
	}
	return promql.Result{Type: "matrix", Series: []promql.Series{
		series("llama", "+Inf", sample(0, 10), sample(1, 20), sample(2, 30)),
		series("llama", "0.5", sample(0, 4), sample(1, 6), sample(2, 9)),
		series("llama", "10.0", sample(0, 9), sample(1, 19), sample(2, 29)),
		series("llama", "2.5", sample(0, 8), sample(2, 8)),
		series("qwen", "1", sample(1, 3)),
		series("qwen", "+Inf", sample(1, 3)),
		{Labels: map[string]string{"model_name": "llama"}, Samples: []evidence.Sample{sample(0, 1)}},
	}}
}

func TestSeriesNameEscapesAsPromQLDoes(t *testing.T) {
	name := func(labels map[string]string, legend string) string {
		answer := promql.Result{Type: "matrix", Series: []promql.Series{{Labels: labels}}}
		return frames.PromQL(answer, frames.PromQLOptions{Legend: legend})[0].Name
	}
	require.Equal(t, `up{a="x\"}", b="1"}`, name(map[string]string{"__name__": "up", "b": "1", "a": `x"}`}, ""))
	require.Equal(t, "up", name(map[string]string{"__name__": "up"}, ""))
	require.Equal(t, `x"} {{b}}`, name(map[string]string{"a": `x"} {{b}}`, "b": "1"}, "{{a}}"), "a value is no format")
}

// BenchmarkModels frames one figure of 500 engines over a day of minutes: 720,000 points.
func BenchmarkModels(b *testing.B) {
	r := running()
	r.Groups, r.Values, r.Times = nil, nil, nil
	for i := range 1440 {
		r.Times = append(r.Times, noon.Add(time.Duration(i)*time.Minute))
	}
	for range 500 {
		vector := make([]float64, len(r.Times))
		for i := range vector {
			vector[i] = float64(i % 97)
		}
		r.Groups, r.Values = append(r.Groups, []string{"llama"}), append(r.Values, [][]float64{vector})
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := frames.Models(r, figures.TimeSeries, here); len(got) != 500 {
			b.Fatal(len(got))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/720_000, "ns/point")
}
