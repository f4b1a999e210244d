package figures

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// rungs makes a histogram at one moment from cumulative rates by bound.
func rungs(sum float64, cumulative map[string]float64) *ladder {
	l := &ladder{rungs: map[float64][]float64{}}
	for le, rate := range cumulative {
		l.add(le, []float64{rate})
	}
	l.add("", []float64{sum})
	return l
}

func TestQuantileLiesBetweenTheBoundsOfItsBucket(t *testing.T) {
	nan := math.NaN()
	latency := map[string]float64{"0.3": 50, "0.5": 90, "1.0": 98, "+Inf": 100}
	for name, tc := range map[string]struct {
		buckets          map[string]float64
		q                float64
		value, low, high float64
	}{
		"the median below the lowest bound can be anything down to 0": {latency, 0.5, 0.3, 0, 0.3},
		"a quarter is interpolated from 0":                            {latency, 0.25, 0.15, 0, 0.3},
		"p90 ends a bucket":                                           {latency, 0.9, 0.5, 0.3, 0.5},
		"p95 lies within one":                                         {latency, 0.95, 0.8125, 0.5, 1},
		"p99 above the last finite bound has no upper one":            {latency, 0.99, 1, 1, nan},
		"no traffic has no quantile":                                  {map[string]float64{"0.3": 0, "+Inf": 0}, 0.5, nan, nan, nan},
		"no finite bound has none either":                             {map[string]float64{"+Inf": 5}, 0.5, nan, nan, nan},
		"a rate that dips by extrapolation is lifted":                 {map[string]float64{"1": 10, "2": 9.999, "4": 20, "+Inf": 20}, 0.75, 3, 2, 4},
		"one bound in two spellings is one bucket":                    {map[string]float64{"1": 5, "1.0": 5, "+Inf": 10}, 0.5, 0.5, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := rungs(1, tc.buckets)
			for part, want := range map[Part]float64{Value: tc.value, Low: tc.low, High: tc.high} {
				got := l.quantile(tc.q, part)[0]
				if math.IsNaN(want) {
					require.True(t, math.IsNaN(got), "%s is %v", part, got)
				} else {
					require.InDelta(t, want, got, 1e-9, string(part))
				}
			}
		})
	}
	require.Nil(t, (*ladder)(nil).quantile(0.5, Value))
	require.Nil(t, rungs(1, map[string]float64{"1": 5}).quantile(0.5, Value), "without +Inf the total is not known")
}

func TestMean(t *testing.T) {
	n := need{kind: buckets, metric: vllm.Prefill}
	mean := func(guarded bool, models ...*ladder) float64 {
		g := newGroup(0)
		g.ladders[n] = map[string]*ladder{}
		for i, l := range models {
			g.ladders[n][string(rune('a'+i))] = l
		}
		return g.mean(n, guarded)[0]
	}
	fast, slow := rungs(2, map[string]float64{"0.3": 9, "1": 10, "+Inf": 10}), rungs(30, map[string]float64{"0.3": 0, "2": 10, "+Inf": 10})
	require.InDelta(t, 0.2, mean(true, fast), 1e-12)
	require.InDelta(t, 1.6, mean(true, fast, slow), 1e-12, "of models whose buckets cannot be added up")
	require.True(t, math.IsNaN(mean(false, rungs(0, map[string]float64{"1": 0, "+Inf": 0}))), "no traffic")
	uptime := rungs(90000, map[string]float64{"0.3": 9, "7680": 9, "+Inf": 10})
	require.True(t, math.IsNaN(mean(true, uptime)), "an aborted request put the host's uptime into the sum")
	require.InDelta(t, 9000, mean(false, uptime), 1e-9, "a mean that is not guarded is the same beside quantiles as alone")
	require.Nil(t, newGroup(0).mean(n, true))
}

func TestHistogramsOfModelsAreAddedOnlyWhenTheirBoundsAreEqual(t *testing.T) {
	n := need{kind: buckets, metric: "x"}
	g := newGroup(0)
	g.ladders[n] = map[string]*ladder{
		"a": rungs(1, map[string]float64{"1": 5, "+Inf": 5}), "b": rungs(2, map[string]float64{"1": 3, "+Inf": 5}),
	}
	require.Equal(t, []float64{8}, g.histogram(n).rungs[1])
	require.Equal(t, []float64{3}, g.histogram(n).sum)
	require.False(t, g.mixed())

	g.ladders[n]["c"] = rungs(1, map[string]float64{"1": 1, "2": 1, "+Inf": 1})
	require.Nil(t, g.histogram(n))
	require.True(t, g.mixed())
}

// FuzzQuantile checks that a quantile lies within its bucket, whatever the counts.
func FuzzQuantile(f *testing.F) {
	f.Add(0.95, 1.0, 5.0, 2.0, 0.0)
	f.Add(0.5, 0.0, 0.0, 0.0, 1.0)
	f.Add(0.001, 1e-300, 1e300, 1.0, 0.0)
	f.Fuzz(func(t *testing.T, q, a, b, c, d float64) {
		if !(q > 0 && q < 1) {
			return
		}
		l := rungs(0, map[string]float64{"0.3": a, "0.5": b, "1": c, "+Inf": d})
		value, low, high := l.quantile(q, Value)[0], l.quantile(q, Low)[0], l.quantile(q, High)[0]
		if math.IsNaN(value) {
			return
		}
		require.GreaterOrEqual(t, value, low)
		if !math.IsNaN(high) {
			require.LessOrEqual(t, value, high+1e-12)
		}
	})
}
