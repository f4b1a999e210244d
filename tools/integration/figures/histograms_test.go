//go:build integration && unix

package figures_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
)

// latencies are what each replica measures a hundred times a second, all day: between 0.2 and 4 s.
var latencies = func() (out []float64) {
	for i := range 100 {
		out = append(out, 0.2*math.Pow(20, float64(i)/99))
	}
	return out
}()

// exposes is how a replica's histogram comes into the store.
type exposes func(name string, counts func(low, high float64) uint64, sum float64, count uint64) []ship.Sample

func classic(bounds []float64) exposes {
	return func(name string, counts func(low, high float64) uint64, sum float64, count uint64) (out []ship.Sample) {
		for _, b := range bounds {
			out = append(out, engine(name+"_bucket", float64(counts(math.Inf(-1), b)), "le", spelled(b)))
		}
		return append(out, engine(name+"_bucket", float64(count), "le", "+Inf"), engine(name+"_sum", sum), engine(name+"_count", float64(count)))
	}
}

// spelled is a bound as vLLM's Python client writes it.
func spelled(bound float64) string {
	text := strconv.FormatFloat(bound, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// native encodes prometheus.Histogram of the remote write protocol: with custom buckets, or exponential ones of a schema.
func native(schema int64, bounds []float64, custom bool) exposes {
	return func(name string, counts func(low, high float64) uint64, sum float64, count uint64) []ship.Sample {
		encode := func(ms int64) (b []byte) {
			number := func(field protowire.Number, v uint64) {
				b = protowire.AppendTag(b, field, protowire.VarintType)
				b = protowire.AppendVarint(b, v)
			}
			double := func(field protowire.Number, v float64) {
				b = protowire.AppendTag(b, field, protowire.Fixed64Type)
				b = protowire.AppendFixed64(b, math.Float64bits(v))
			}
			packed := func(field protowire.Number, content []byte) {
				b = protowire.AppendTag(b, field, protowire.BytesType)
				b = protowire.AppendBytes(b, content)
			}
			number(1, count)
			double(3, sum)
			number(4, protowire.EncodeZigZag(schema))
			edges, offset := append(append([]float64{math.Inf(-1)}, bounds...), math.Inf(1)), int64(0)
			if !custom { // bucket i is (2^((i-1)/2^schema), 2^(i/2^schema)]
				number(6, 0)
				edges, offset = bounds, int64(math.Round(math.Log2(bounds[1])*math.Exp2(float64(schema))))
			}
			var span, deltas []byte
			span = protowire.AppendTag(span, 1, protowire.VarintType)
			span = protowire.AppendVarint(span, protowire.EncodeZigZag(offset))
			span = protowire.AppendTag(span, 2, protowire.VarintType)
			span = protowire.AppendVarint(span, uint64(len(edges)-1))
			packed(11, span)
			before := int64(0)
			for i := range edges[1:] {
				n := int64(counts(edges[i], edges[i+1]))
				deltas = protowire.AppendVarint(deltas, protowire.EncodeZigZag(n-before))
				before = n
			}
			packed(12, deltas)
			number(15, uint64(ms))
			if custom {
				var values []byte
				for _, v := range bounds {
					values = protowire.AppendFixed64(values, math.Float64bits(v))
				}
				packed(16, values)
			}
			return b
		}
		s := engine(name, 0)
		s.Histogram = encode
		return []ship.Sample{s}
	}
}

// replica measures latencies and exposes them so, as time to first token and end to end.
func replica(n int, length time.Duration, ttft, e2e exposes) target {
	return target{
		labels: map[string]string{"pod": fmt.Sprintf("vllm-%d", n), "instance": fmt.Sprintf("10.0.0.%d:8000", n)}, to: length,
		samples: func(at time.Duration) []ship.Sample {
			rounds := uint64(at / time.Second)
			counts := func(low, high float64) (n uint64) {
				for _, l := range latencies {
					if l > low && l <= high {
						n += rounds
					}
				}
				return n
			}
			sum := 0.0
			for _, l := range latencies {
				sum += l * float64(rounds)
			}
			out := []ship.Sample{engine("vllm:num_requests_running", 10), engine("vllm:generation_tokens_total", float64(rounds))}
			out = append(out, ttft("vllm:time_to_first_token_seconds", counts, sum, 100*rounds)...)
			return append(out, e2e("vllm:e2e_request_latency_seconds", counts, sum, 100*rounds)...)
		},
	}
}

func own(metric string) []float64 {
	m, _ := vllm.LookupMetric(metric)
	return m.Buckets
}

func without(bounds []float64, some ...float64) []float64 {
	return slices.DeleteFunc(slices.Clone(bounds), func(b float64) bool { return slices.Contains(some, b) })
}

// exponential bounds of schema 3, over what is measured.
func exponential() (bounds []float64) {
	for i := -20; i <= 17; i++ {
		bounds = append(bounds, math.Exp2(float64(i)/8))
	}
	return bounds
}

var (
	classicOwn = [2]exposes{classic(own(vllm.TTFT)), classic(own(vllm.E2E))}
	nhcb       = [2]exposes{native(-53, own(vllm.TTFT), true), native(-53, own(vllm.E2E), true)}
	expo       = [2]exposes{native(3, exponential(), false), native(3, exponential(), false)}
	lacking    = [2]exposes{classic(without(own(vllm.TTFT), 1)), classic(without(own(vllm.E2E), 1, 2.5, 5))}
	otherOne   = [2]exposes{classic([]float64{0.5, 0.9, 2.5, 10}), classic([]float64{0.5, 0.9, 2.5, 10})}
)

var (
	latencyFigures = figures.Spec{Metrics: []string{"ttft", "ttft_mean", "e2e", "e2e_mean"}, Quantiles: []float64{0.5, 0.95}}
	limits         = slo.Objectives{{Model: "*", TTFT: time.Second, E2E: 3 * time.Second}}
)

func within(limit float64) float64 {
	n := 0.0
	for _, l := range latencies {
		if l <= limit {
			n++
		}
	}
	return n / float64(len(latencies))
}

func TestTheSameFiguresByEitherTypeOfHistogram(t *testing.T) {
	truth, mean := func(q float64) float64 { return latencies[int(q*100)-1] }, 0.0
	for _, l := range latencies {
		mean += l / 100
	}
	const length = 30 * time.Minute
	alone := map[string]float64{}
	for _, tc := range []struct {
		name     string
		replicas [][2]exposes
		same     bool   // as classic ones alone, to the digit
		finding  string // of Save & test
	}{
		{"classic", [][2]exposes{classicOwn, classicOwn}, true, ""},
		{"native, from classic ones", [][2]exposes{nhcb, nhcb}, true, "histogram_types"},
		{"both types", [][2]exposes{classicOwn, nhcb}, true, "histogram_types"},
		{"exponential", [][2]exposes{expo, expo}, false, "histogram_types"},
		{"exponential and classic", [][2]exposes{expo, classicOwn}, false, "histogram_types"},
		{"one replica without some of the bounds", [][2]exposes{classicOwn, lacking}, false, "histogram_bounds"},
		{"one replica with bounds of its own", [][2]exposes{classicOwn, otherOne}, false, "histogram_bounds"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := described{length: length}
			for i, r := range tc.replicas {
				d.targets = append(d.targets, replica(i+1, length, r[0], r[1]))
			}
			s := write(t, d)
			client := s.client(t)
			got := s.table(t, client, "m", latencyFigures)
			near(t, map[string]float64{"ttft_mean": mean, "e2e_mean": mean}, got, 0.001)
			near(t, map[string]float64{"ttft_mean": mean}, s.table(t, client, "m", figures.Spec{Metrics: []string{"ttft_mean"}}), 0.001)
			for _, metric := range []string{"ttft", "e2e"} {
				for _, q := range []float64{0.5, 0.95} {
					name := fmt.Sprintf("%s_p%g", metric, 100*q)
					t.Logf("%s: %.4g (%.4g to %.4g), truly %.4g", name, got[name], got[name+"_low"], got[name+"_high"], truth(q))
					require.LessOrEqual(t, got[name+"_low"], truth(q))
					require.GreaterOrEqual(t, got[name+"_high"], truth(q))
					require.GreaterOrEqual(t, got[name], got[name+"_low"])
					require.LessOrEqual(t, got[name], got[name+"_high"])
				}
			}
			shares := s.shares(t)
			for _, h := range []string{"ttft", "e2e"} {
				limit := shares[h+"_limit"]
				t.Logf("%s: %.3f (%.3f) within %g s by bound %g s; truly %.3f", h, shares[h+"_attainment"], shares[h+"_attainment_low"], limit, shares[h+"_bound"], within(limit))
				require.GreaterOrEqual(t, shares[h+"_attainment"], within(limit)-1e-6)
				require.LessOrEqual(t, shares[h+"_attainment_low"], within(limit)+1e-6)
				if bound := shares[h+"_bound"]; !math.IsNaN(bound) { // exponential ones and classic ones have none in common
					require.InDelta(t, within(bound), shares[h+"_attainment"], 1e-3, "the bound that is named")
				}
			}
			over := s.ask(t, client, figures.Spec{Metrics: []string{"ttft"}, Quantiles: []float64{0.95}, Form: figures.TimeSeries})
			require.InEpsilon(t, got["ttft_p95"], over.Values[0][0][len(over.Times)/2], 0.02, "over time, too")
			pods := s.ask(t, client, figures.Spec{Metrics: []string{"e2e"}, Quantiles: []float64{0.95}, Form: figures.TimeSeries, GroupBy: []string{figures.ByPod}})
			require.Len(t, pods.Groups, len(tc.replicas))
			for i := range pods.Groups {
				p95 := pods.Values[i][0][len(over.Times)/2]
				require.True(t, p95 >= 2.5 && p95 <= 10, "by pod it is the store's own, within its bucket: %g", p95)
			}
			findings, _, err := fetch.HistogramFindings(t.Context(), client, limits, s.window)
			require.NoError(t, err)
			var checks []string
			for _, f := range findings {
				t.Log(f.Found)
				checks = append(checks, f.Check)
			}
			require.Equal(t, tc.finding, strings.Join(checks, ","))
			if tc.name == "classic" {
				alone = got
			}
			if tc.same {
				require.InDeltaMapValues(t, alone, got, 1e-6)
			}
		})
	}
}

// Prometheus does not add exponential buckets to custom ones. It says so, and then neither a panel nor a rule takes the sum.
func TestWhatPrometheusCannotAddUpIsNoFigure(t *testing.T) {
	d := described{length: 10 * time.Minute, targets: []target{replica(1, 10*time.Minute, expo[0], expo[1]), replica(2, 10*time.Minute, nhcb[0], nhcb[1])}}
	s := write(t, d)
	_, calls, err := fetch.Figures(t.Context(), s.client(t), latencyFigures, s.window, 0, vllm.Scope{}, figures.Price{})
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(calls, func(c evidence.Call) bool { return strings.Contains(c.Partial, "exponential and custom") }))
}

// shares asks for the attainment of single limits over the range.
func (s store) shares(t *testing.T) map[string]float64 {
	t.Helper()
	client := s.client(t)
	spec := attainment.Spec{Metrics: []string{"ttft_attainment", "e2e_attainment"}}.WithDefaults()
	steps, length := figures.Grid(spec.Form, s.window, 0, 15*time.Second)
	grid := attainment.Grid{Times: steps.Times(), Step: steps.Step, Length: length}
	buckets, _, err := fetch.Buckets(t.Context(), client, spec, limits, vllm.Scope{}, steps, grid)
	require.NoError(t, err)
	r := attainment.Result(spec, grid, attainment.Requests{}, buckets)
	for _, n := range r.Notices {
		t.Log("notice:", n)
	}
	require.Len(t, r.Groups, 1)
	out := map[string]float64{}
	for c, column := range r.Columns {
		out[column.Name] = r.Values[0][c][0]
	}
	return out
}
