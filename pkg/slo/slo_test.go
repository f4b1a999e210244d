package slo_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

func TestAnObjectiveNamesModelsExactlyOrWithStars(t *testing.T) {
	for pattern, models := range map[string]struct{ yes, no []string }{
		"qwen":           {[]string{"qwen"}, []string{"qwen2", "Qwen", ""}},
		"*":              {[]string{"qwen", "meta-llama/Llama-3.1-8B", ""}, nil},
		"meta-llama/*":   {[]string{"meta-llama/Llama-3.1-8B", "meta-llama/"}, []string{"meta-llama", "my/meta-llama/x"}},
		"*-8B*":          {[]string{"meta-llama/Llama-3.1-8B-Instruct", "x-8B"}, []string{"x-8b"}},
		"*Llama*8B*":     {[]string{"meta-llama/Llama-3.1-8B"}, []string{"8B-Llama"}},
		"a*a":            {[]string{"aa", "aba"}, []string{"a", "ab"}},
		"a*b*b":          {[]string{"abb", "axbxb"}, []string{"ab"}},
		"Llama-3.1-8B":   {[]string{"Llama-3.1-8B"}, []string{"Llama-301-8B"}},
		"":               {[]string{""}, []string{"qwen"}},
		"*DeepSeek-R1":   {[]string{"deepseek-ai/DeepSeek-R1"}, []string{"deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"}},
		"[a-z]+\\.*|x**": {[]string{"[a-z]+\\.|x", "[a-z]+\\..|xy"}, []string{"abc.x"}},
	} {
		for _, model := range models.yes {
			require.True(t, slo.Objective{Model: pattern}.Names(model), "%s names %q", pattern, model)
		}
		for _, model := range models.no {
			require.False(t, slo.Objective{Model: pattern}.Names(model), "%s does not name %q", pattern, model)
		}
	}
}

func TestTheFirstObjectiveThatNamesAModelIsItsOwn(t *testing.T) {
	some := slo.Objectives{{Model: "qwen"}, {Model: "q*"}, {Model: "*"}, {Model: "llama"}}
	require.Equal(t, 0, some.Index("qwen"))
	require.Equal(t, 1, some.Index("qwen2"))
	require.Equal(t, 2, some.Index("llama"), "an objective for every model hides those behind it")
	require.Equal(t, -1, some.Index(""), "a model that is not known may be qwen")
	require.Equal(t, -1, some[:2].Index("llama"))
	require.Equal(t, 0, slo.Objectives{{Model: "**"}}.Index(""), "what holds for every model holds for one that is not known")
	require.Equal(t, -1, slo.Objectives(nil).Index("qwen"))
}

func TestARequestKeepsAllOfItsLimitsOrMissesThem(t *testing.T) {
	all := slo.Objective{TTFT: 500 * time.Millisecond, TPOT: 50 * time.Millisecond, E2E: 10 * time.Second}
	unknown := math.NaN()
	for name, c := range map[string]struct {
		objective slo.Objective
		took      slo.Figures
		want      slo.Verdict
	}{
		"all below":                           {all, slo.Figures{TTFT: 0.4, TPOT: 0.04, E2E: 9}, slo.Met},
		"all equal":                           {all, slo.Figures{TTFT: 0.5, TPOT: 0.05, E2E: 10}, slo.Met},
		"the first token late":                {all, slo.Figures{TTFT: 0.501, TPOT: 0.04, E2E: 9}, slo.Missed},
		"the tokens slow":                     {all, slo.Figures{TTFT: 0.4, TPOT: 0.051, E2E: 9}, slo.Missed},
		"the end late":                        {all, slo.Figures{TTFT: 0.4, TPOT: 0.04, E2E: 10.1}, slo.Missed},
		"one not known":                       {all, slo.Figures{TTFT: 0.4, TPOT: unknown, E2E: 9}, slo.CannotTell},
		"one not known, and one late":         {all, slo.Figures{TTFT: unknown, TPOT: 0.04, E2E: 11}, slo.Missed},
		"none known":                          {all, slo.Figures{TTFT: unknown, TPOT: unknown, E2E: unknown}, slo.CannotTell},
		"what has no limit need not be known": {slo.Objective{TTFT: time.Second}, slo.Figures{TTFT: 1, TPOT: unknown, E2E: unknown}, slo.Met},
		"no limit at all":                     {slo.Objective{Model: "*"}, slo.Figures{}, slo.CannotTell},
	} {
		require.Equal(t, c.want, c.objective.Judge(c.took), name)
	}
}

func TestPresetsFindTheModelsThatTheyAreFor(t *testing.T) {
	served := []string{
		"meta-llama/Llama-2-70b-chat-hf", "meta-llama/Llama-3.1-405B-Instruct", "meta-llama/Llama-3.1-8B-Instruct",
		"mistralai/Mixtral-8x7B-Instruct-v0.1", "deepseek-ai/DeepSeek-R1", "openai/gpt-oss-120b",
	}
	found := map[string]int{}
	for _, p := range slo.MLPerf {
		require.True(t, p.TTFT > p.TPOT && p.TPOT > 0, p.Name)
		for _, model := range served {
			if p.Names(model) {
				found[model]++
			}
		}
	}
	require.Equal(t, map[string]int{served[0]: 2, served[1]: 2, served[2]: 2, served[3]: 1, served[4]: 2, served[5]: 2}, found)
}

func TestABoundStandsForALimitOnTheSideOfThoseWhoWereInTime(t *testing.T) {
	buckets := []float64{2.5, 0.5, 1}
	for name, c := range map[string]struct {
		limit        time.Duration
		bound, below float64
	}{
		"between two bounds":    {2 * time.Second, 2.5, 1},
		"a bound itself":        {time.Second, 1, 1},
		"below the first":       {100 * time.Millisecond, 0.5, math.NaN()},
		"above the last":        {time.Minute, math.NaN(), 2.5},
		"just above some bound": {1001 * time.Millisecond, 2.5, 1},
	} {
		bound, below := slo.Bound(c.limit, buckets)
		require.Equal(t, [2]string{fmt.Sprint(c.bound), fmt.Sprint(c.below)}, [2]string{fmt.Sprint(bound), fmt.Sprint(below)}, name)
	}
	require.Equal(t, []float64{2.5, 0.5, 1}, buckets, "what was given is left as it is")
}

func TestABudgetLastsAtBurnRateOne(t *testing.T) {
	require.InDelta(t, 1, slo.BurnRate(0.01, 0.99), 1e-9)
	require.InDelta(t, slo.FastBurn, slo.BurnRate(0.144, 0.99), 1e-9)
}

func TestOneLimitAtATime(t *testing.T) {
	all := slo.Objective{Model: "*", TTFT: 1, TPOT: 2, E2E: 3}
	for _, l := range slo.Limits {
		require.NotZero(t, all.Of(l))
		require.Equal(t, all.Of(l), all.Only(l).Of(l))
		for _, other := range slo.Limits {
			require.True(t, other == l || all.Only(l).Of(other) == 0)
		}
	}
}
