package attainment_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/attainment"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

var (
	noon   = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	hour   = attainment.Grid{Times: []time.Time{noon}, Step: time.Hour, Length: time.Hour}
	limits = slo.Objectives{{Model: "llama", TTFT: time.Second, TPOT: 50 * time.Millisecond, E2E: 10 * time.Second}}
)

// request began so long before noon.
func request(model string, before time.Duration, ttft, tpot, e2e float64, tokens int64) evidence.RequestSpan {
	at := noon.Add(-before)
	return evidence.RequestSpan{
		TraceID: model + before.String(), SpanID: before.String(), RequestID: "cmpl-" + before.String(), Start: at,
		TTFT: ttft, E2E: e2e, Decode: tpot * float64(tokens-1),
		Queue: math.NaN(), Prefill: math.NaN(), Temperature: math.NaN(), TopP: math.NaN(),
		CompletionTokens: tokens, PromptTokens: 1, CachedTokens: evidence.Unknown, MaxTokens: evidence.Unknown,
		Model: model,
	}
}

func joined(spans ...evidence.RequestSpan) []join.Request {
	return join.Requests(join.Input{
		Window: evidence.Window{From: noon.Add(-time.Hour), To: noon}, Spans: spans, SLO: limits,
	}).Rows
}

// figures of one group and one time, of all names.
func figuresOf(t *testing.T, requests attainment.Requests, model string) map[string]float64 {
	t.Helper()
	spec := attainment.Spec{}.WithDefaults()
	r := attainment.Result(spec, hour, requests, attainment.Buckets{})
	for g, group := range r.Groups {
		if group[0] != model {
			continue
		}
		out := map[string]float64{}
		for c, column := range r.Columns {
			if v := r.Values[g][c][0]; !math.IsNaN(v) {
				out[column.Name] = v
			}
		}
		return out
	}
	require.FailNow(t, "no such group", model)
	return nil
}

func TestARequestCountsOnceAndForWhatItMissed(t *testing.T) {
	rows := joined(
		request("llama", time.Minute, 0.5, 0.02, 3, 100),
		request("llama", 2*time.Minute, 1, 0.05, 10, 50), // equal is kept
		request("llama", 3*time.Minute, 1.1, 0.02, 3, 100),
		request("llama", 4*time.Minute, 1.1, 0.06, 11, 100), // misses three at once, and is one request
		request("llama", 5*time.Minute, math.NaN(), 0.02, 3, 100),
		request("llama", 6*time.Minute, 0.5, math.NaN(), 3, 1), // no second token was waited for
	)
	got := figuresOf(t, attainment.Count(rows, attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, hour), "llama")
	require.InDeltaMapValues(t, map[string]float64{
		"attainment": 0.6, "burn_rate": 40, "error_budget_left": -39,
	}, only(got, "attainment", "burn_rate", "error_budget_left"), 1e-9)
	require.NotContains(t, got, "goodput", "not all requests were seen, as far as we were told")

	requests := attainment.Count(rows, attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, hour)
	requests.Whole = true
	got = figuresOf(t, requests, "llama")
	require.InDeltaMapValues(t, map[string]float64{
		"attainment": 0.6, "burn_rate": 40, "error_budget_left": -39,
		"goodput": 3.0 / 3600, "goodput_tokens": 151.0 / 3600,
		"requests": 6, "met": 3, "missed": 2, "failed": 0, "ttft_missed": 2, "tpot_missed": 1, "e2e_missed": 1, "not_judged": 1,
	}, got, 1e-9)
}

func TestFailuresAreMissed(t *testing.T) {
	rows := joined(request("llama", time.Minute, 0.5, 0.02, 3, 100), request("llama", 2*time.Minute, 0.5, 0.02, 3, 100))
	rows[1].Status, rows[1].SLOMet = join.StatusAborted, slo.Missed
	requests := attainment.Count(rows, attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, hour)
	requests.Whole = true
	got := figuresOf(t, requests, "llama")
	require.InDeltaMapValues(t, map[string]float64{"attainment": 0.5, "missed": 1, "failed": 1, "ttft_missed": 0},
		only(got, "attainment", "missed", "failed", "ttft_missed"), 1e-9)
}

func TestWhatHasNoLimitsIsNotJudgedAndSaidSo(t *testing.T) {
	rows := joined(request("qwen", time.Minute, 0.5, 0.02, 3, 100))
	requests := attainment.Count(rows, attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, hour)
	requests.Whole = true
	require.Equal(t, map[string]float64{"requests": 1, "not_judged": 1}, figuresOf(t, requests, "qwen"))
	r := attainment.Result(attainment.Spec{}.WithDefaults(), hour, requests, attainment.Buckets{})
	require.Equal(t, []string{"No SLO limits are set for qwen: see SLO limits in the data source's settings."}, r.Notices)
}

func TestAMomentBelongsToEveryTimeWithinALength(t *testing.T) {
	grid := attainment.Grid{Step: time.Minute, Length: 2 * time.Minute}
	for i := range 5 {
		grid.Times = append(grid.Times, noon.Add(time.Duration(i-4)*time.Minute))
	}
	rows := joined(
		request("llama", 3*time.Minute+30*time.Second, 0.5, 0.02, 3, 100),
		request("llama", 2*time.Minute, 2, 0.02, 3, 100),  // on a time: it began not before it
		request("llama", 50*time.Minute, 2, 0.02, 3, 100), // before all of them
	)
	requests := attainment.Count(rows, attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, grid)
	requests.Whole = true
	spec := attainment.Spec{Metrics: []string{"requests", "goodput", "attainment"}, Form: figures.TimeSeries}.WithDefaults()
	r := attainment.Result(spec, grid, requests, attainment.Buckets{})
	require.Equal(t, []float64{0, 1, 1, 1, 1}, r.Values[0][0])
	require.Equal(t, []float64{0, 1. / 120, 1. / 120, 0, 0}, r.Values[0][1], "nothing came: that is 0 and known")
	require.True(t, math.IsNaN(r.Values[0][2][0]), "but what share of nothing was good, is not")
	require.Equal(t, []float64{1, 1, 0, 0}, r.Values[0][2][1:])
	require.Equal(t, evidence.Window{From: noon.Add(-6 * time.Minute), To: noon}, grid.Window())
}

func only(all map[string]float64, names ...string) map[string]float64 {
	out := map[string]float64{}
	for _, name := range names {
		if v, ok := all[name]; ok {
			out[name] = v
		}
	}
	return out
}

func TestAShareLeavesOutWhatNobodyKnows(t *testing.T) {
	rows := joined(
		request("llama", time.Minute, 2, 0.02, 3, 100),
		request("llama", 2*time.Minute, 0.5, 0.02, 3, 100),
		request("llama", 3*time.Minute, math.NaN(), 0.02, 3, 100), // may have been slow to begin
		request("llama", 4*time.Minute, math.NaN(), 0.02, 1, 100), // was not: one filter surely fails
		request("qwen", 5*time.Minute, math.NaN(), 0.02, 3, 100),
	)
	filters := []join.Filter{{Column: "ttft", Op: join.Greater, Value: "1s"}, {Column: "e2e", Op: join.Greater, Value: "2s"}}
	r, err := attainment.Share(rows, attainment.Asked{Filters: filters, GroupBy: []string{figures.ByModel}}, hour)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"llama"}}, r.Groups, "of the other model nothing is known")
	require.InDelta(t, 1./3, r.Values[0][0][0], 1e-9)

	r, err = attainment.Share(rows, attainment.Asked{Filters: []join.Filter{{Column: "ttft", Op: join.IsNull}}, GroupBy: []string{figures.ByModel}}, hour)
	require.NoError(t, err)
	require.InDelta(t, 0.5, r.Values[0][0][0], 1e-9, "not to be known is known")
	require.InDelta(t, 1, r.Values[1][0][0], 1e-9)
}

// A status that nobody knows is neither ok nor a failure: it leaves a share, and too many of it leave nothing to decide on.
func TestAStatusThatIsNotKnownIsInNoShare(t *testing.T) {
	failed := []join.Filter{{Column: "status", Op: join.Match, Value: "error|rejected"}}
	for name, c := range map[string]struct {
		unknown   int // of forty
		filters   []join.Filter
		share     float64
		decidable bool
	}{
		"all are known":                        {0, failed, 0.25, true},
		"one is not":                           {1, failed, 10.0 / 39, true},
		"a quarter is not":                     {10, failed, 10.0 / 30, false},
		"a quarter is not, and is not not ok":  {10, []join.Filter{{Column: "status", Op: join.NotEqual, Value: "ok"}}, 10.0 / 30, false},
		"a quarter is not, and is asked for":   {10, []join.Filter{{Column: "status", Op: join.Equal, Value: "unknown"}}, 0.25, true},
		"a quarter is not, and is left out":    {10, []join.Filter{{Column: "status", Op: join.NotEqual, Value: "unknown"}}, 0.75, true},
		"a quarter is not, of a pattern's own": {10, []join.Filter{{Column: "status", Op: join.Match, Value: "error|unknown"}}, 0.5, true},
	} {
		t.Run(name, func(t *testing.T) {
			var spans []evidence.RequestSpan
			for i := range 40 {
				spans = append(spans, request("llama", time.Duration(10+i)*time.Minute, 0.5, 0.02, 3, 100))
			}
			rows := joined(spans...)
			for i := range rows {
				switch {
				case i < 10:
					rows[i].Status = join.StatusError
				case i < 10+c.unknown:
					rows[i].Status, rows[i].Span = join.StatusUnknown, nil
				}
			}
			got, err := attainment.Share(rows, attainment.Asked{Filters: c.filters, GroupBy: []string{figures.ByModel}, Objectives: limits}, hour)
			require.NoError(t, err)
			require.InDelta(t, c.share, got.Values[0][0][0], 1e-9)
			require.Equal(t, c.decidable, got.Decidable == nil, "%v", got.Decidable)
		})
	}
}

func TestTooManyRequestsWithoutAVerdictLeaveNothingToDecideOn(t *testing.T) {
	for name, c := range map[string]struct {
		before    time.Duration // noon, they began
		unknown   int           // of twenty
		decidable bool
	}{
		"one of twenty":                          {30 * time.Minute, 1, true},
		"half of them":                           {30 * time.Minute, 10, false},
		"half of them, which may still run":      {20 * time.Second, 10, true},
		"half of them, which should be over now": {40 * time.Second, 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			var spans []evidence.RequestSpan
			for i := range 20 {
				spans = append(spans, request("llama", c.before+time.Duration(i)*time.Millisecond, 0.5, 0.02, 3, 100))
			}
			rows := joined(spans...)
			for i := range c.unknown {
				rows[i].Status, rows[i].Span, rows[i].SLOMet = join.StatusUnknown, nil, slo.CannotTell
			}
			counted := attainment.Count(rows, attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, hour)
			require.Equal(t, c.decidable, counted.Decidable() == nil, "%v", counted.Decidable())
		})
	}
}

func TestWhatOnlyGaugesTellIsNotJudgedAndNotDecidedOn(t *testing.T) {
	requests := attainment.Count(joined(request("llama", 30*time.Minute, 0.5, 0.02, 3, 100)), attainment.Asked{Objectives: limits, GroupBy: []string{figures.ByModel}}, hour)
	requests.Whole = true
	requests.AddStuck([]join.Stuck{{Origin: &evidence.Origin{Pod: "llama-0"}, Model: "llama", Since: noon.Add(-time.Minute), Requests: 3}}, []string{figures.ByModel}, hour)
	require.ErrorContains(t, requests.Decidable(), "llama on llama-0 holds 3 requests for longer than their limit")
	require.InDeltaMapValues(t, map[string]float64{"attainment": 1, "requests": 4, "missed": 0, "not_judged": 3},
		only(figuresOf(t, requests, "llama"), "attainment", "requests", "missed", "not_judged"), 1e-9)
}
