package attainment_test

import (
	"fmt"
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

// evil is a model that a client made up: a link, a mention, and what would break a page.
const evil = "<https://evil|Reset your password> <!channel>"

// refused is a caller's span of a request that no engine saw.
func refused(i, status int, model string) evidence.CallerSpan {
	return evidence.CallerSpan{
		TraceID: fmt.Sprint("refused", i), SpanID: fmt.Sprint(i), Start: noon.Add(-time.Duration(i+1) * time.Second), Duration: 0.1,
		Model: model, HTTPStatus: status, Inference: true, VLLM: true,
	}
}

// fleet is an hour in which an engine served so many requests of llama, all of them well, beside what callers say.
func fleet(served int, callers ...evidence.CallerSpan) join.Joined {
	in := join.Input{
		Window:  evidence.Window{From: noon.Add(-time.Hour), To: noon},
		Targets: []evidence.Target{{Origin: evidence.Origin{Pod: "llama-0", Model: "llama"}}},
		SLO:     slo.Objectives{{Model: "*", E2E: 10 * time.Second}},
		Callers: callers,
	}
	for i := range served {
		in.Spans = append(in.Spans, request("llama", time.Duration(i+1)*time.Minute, 0.5, 0.02, 3, 100))
	}
	return join.Requests(in)
}

var failed = []join.Filter{{Column: "status", Op: join.Match, Value: "error|rejected"}}

// failing is what VLLMRequestsFailed compares: a share per model.
func failing(t *testing.T, joined join.Joined, fewest float64) (map[string]float64, attainment.Shares) {
	t.Helper()
	shares, err := attainment.Share(joined.Rows, attainment.Asked{
		Filters: failed, GroupBy: []string{figures.ByModel}, Known: joined.Known(), Fewest: fewest,
		Samples: attainment.Survey(joined.Rows, joined.Report, nil, joined.Known()),
	}, hour)
	require.NoError(t, err)
	out := map[string]float64{}
	for g, group := range shares.Groups {
		if v := shares.Values[g][0][0]; !math.IsNaN(v) {
			out[group[0]] = v
		}
	}
	return out, shares
}

func TestARefusedRequestOfAnInventedModelIsNoShareThatARuleCompares(t *testing.T) {
	shares, told := failing(t, fleet(20, refused(0, 404, evil)), attainment.FewestInRule)
	require.Equal(t, map[string]float64{"llama": 0}, shares)
	require.NoError(t, told.Decidable)
	require.Contains(t, told.Notices, "Distinct model names that only clients give: 1, in 1 requests. They are one group, \"other\". "+
		"Names of yours go under Model aliases in the data source's settings. Of these requests, 1 reached no engine: no SLO limits apply to them.")
	require.Contains(t, told.Notices, "A share of fewer than 3 requests is none that a rule compares.")
	require.NotContains(t, fmt.Sprint(told.Notices, told.Groups), "evil")
}

func TestFiveHundredInventedModelsAreOneGroup(t *testing.T) {
	var callers []evidence.CallerSpan
	for i := range 500 {
		callers = append(callers, refused(i, 404, fmt.Sprint(evil, i)))
	}
	shares, told := failing(t, fleet(20, callers...), attainment.FewestInRule)
	require.Equal(t, map[string]float64{"llama": 0, "other": 1}, shares)
	require.NoError(t, told.Decidable, "nobody but an engine makes a rule an error")
	require.Contains(t, told.Notices[0], "Distinct model names that only clients give: 500, in 500 requests.")
}

func TestOneRefusedRequestOfAServedModelIsNoShare(t *testing.T) {
	shares, _ := failing(t, fleet(0, refused(0, 404, "llama")), attainment.FewestInRule)
	require.Empty(t, shares)
	shares, _ = failing(t, fleet(0, refused(0, 404, "llama")), 0)
	require.Equal(t, map[string]float64{"llama": 1}, shares, "a panel shows what there is")
	shares, _ = failing(t, fleet(0, refused(0, 503, "llama"), refused(1, 503, "llama"), refused(2, 503, "llama")), attainment.FewestInRule)
	require.Equal(t, map[string]float64{"llama": 1}, shares, "three of three are")
}

// A client's span that says 200 for a model which nobody serves must not turn rules into errors: it says of no engine that its spans are lost.
func TestAnInventedModelThatWasAnsweredTellsNothingOfSampling(t *testing.T) {
	var callers []evidence.CallerSpan
	for i := range 50 {
		callers = append(callers, refused(i, 200, evil))
	}
	shares, told := failing(t, fleet(20, callers...), attainment.FewestInRule)
	require.NoError(t, told.Decidable)
	require.Equal(t, map[string]float64{"llama": 0, "other": 0}, shares)
}

func TestAnInventedModelIsHeldToNoLimits(t *testing.T) {
	var callers []evidence.CallerSpan
	for i := range 7 {
		callers = append(callers, refused(i, 404, fmt.Sprint(evil, i)))
	}
	joined := fleet(20, callers...)
	requests := attainment.Count(joined.Rows, attainment.Asked{
		Objectives: slo.Objectives{{Model: "*", E2E: 10 * time.Second}}, GroupBy: []string{figures.ByModel}, Known: joined.Known(),
	}, hour)
	requests.Whole = true
	require.NoError(t, requests.Decidable())
	require.Equal(t, map[string]float64{"requests": 7, "not_judged": 7}, figuresOf(t, requests, "other"), "it burns no budget, and is counted")
	require.InDelta(t, 1, figuresOf(t, requests, "llama")["attainment"], 1e-9)
	r := attainment.Result(attainment.Spec{}.WithDefaults(), hour, requests, attainment.Buckets{})
	require.Len(t, r.Groups, 2)
	require.Contains(t, r.Notices[0], "Distinct model names that only clients give: 7,")
	require.NotContains(t, fmt.Sprint(r.Groups, r.Notices), "evil")

	t.Run("whatever the groups are", func(t *testing.T) {
		requests := attainment.Count(joined.Rows, attainment.Asked{
			Objectives: slo.Objectives{{Model: "*", E2E: 10 * time.Second}}, GroupBy: []string{figures.ByEnvironment}, Known: joined.Known(),
		}, hour)
		require.NoError(t, requests.Decidable())
		require.InDelta(t, 1, figuresOf(t, requests, "")["attainment"], 1e-9)
	})
}

// What an engine served counts in full, by the limits of the group it is in and not by those of the name that its client chose.
func TestAClientDoesNotChooseItsLimits(t *testing.T) {
	slow := request("", time.Minute, 0.5, 0.02, 30, 100)
	slow.Origin = &evidence.Origin{Pod: "elsewhere-0"}
	slow.Call = &evidence.CallerSpan{Start: slow.Start, Duration: 30, Model: "generous", Inference: true}
	slow.Caller = slow.Call
	objectives := slo.Objectives{{Model: "gener*", E2E: time.Minute}, {Model: "*", E2E: 10 * time.Second}}
	joined := join.Requests(join.Input{
		Window: evidence.Window{From: noon.Add(-time.Hour), To: noon}, Spans: []evidence.RequestSpan{slow}, SLO: objectives,
		Targets: []evidence.Target{{Origin: evidence.Origin{Pod: "llama-0", Model: "llama"}}, {Origin: evidence.Origin{Pod: "qwen-0", Model: "qwen"}}},
	})
	require.Equal(t, slo.Met, joined.Rows[0].SLOMet)
	requests := attainment.Count(joined.Rows, attainment.Asked{Objectives: objectives, GroupBy: []string{figures.ByModel}, Known: joined.Known()}, hour)
	require.InDelta(t, 0, figuresOf(t, requests, "other")["attainment"], 1e-9)
}

func TestARuleComparesHowManyRequestsPass(t *testing.T) {
	joined := fleet(20, refused(0, 503, "llama"), refused(1, 404, evil), refused(2, 404, evil+"2"))
	asked := attainment.Asked{Filters: failed, GroupBy: []string{figures.ByModel}, Figure: attainment.PassedFigure, Known: joined.Known(), Fewest: attainment.FewestInRule}
	r, err := attainment.Share(joined.Rows, asked, hour)
	require.NoError(t, err)
	require.Equal(t, [][]string{{"llama"}, {"other"}}, r.Groups)
	require.Equal(t, "passed", r.Columns[0].Name)
	require.InDelta(t, 1, r.Values[0][0][0], 0)
	require.InDelta(t, 2, r.Values[1][0][0], 0)
	asked.Cut = true
	r, err = attainment.Share(joined.Rows, asked, hour)
	require.NoError(t, err)
	require.True(t, math.IsNaN(r.Values[0][0][0]), "not all requests were read")
}

func TestARuleOnAttainmentHasFewerRequestsThanThreeForNone(t *testing.T) {
	joined := fleet(0, refused(0, 404, "llama"))
	asked := attainment.Asked{Objectives: slo.Objectives{{Model: "*", E2E: 10 * time.Second}}, GroupBy: []string{figures.ByModel}, Known: joined.Known()}
	require.InDelta(t, 100, figuresOf(t, attainment.Count(joined.Rows, asked, hour), "llama")["burn_rate"], 1e-9)
	asked.Fewest = attainment.FewestInRule
	got := figuresOf(t, attainment.Count(joined.Rows, asked, hour), "llama")
	require.NotContains(t, got, "burn_rate")
	require.NotContains(t, got, "attainment")
	require.NotContains(t, got, "error_budget_left")
	r := attainment.Result(attainment.Spec{}.WithDefaults(), hour, attainment.Count(joined.Rows, asked, hour), attainment.Buckets{})
	require.Contains(t, r.Notices, "A share of fewer than 3 requests is none that a rule compares.")
}
