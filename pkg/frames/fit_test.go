package frames

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

func manySeries(n, samples int) promql.Result {
	answer := promql.Result{Type: "matrix"}
	for i := range n {
		answer.Series = append(answer.Series, promql.Series{Labels: map[string]string{"pod": fmt.Sprint(i)}, Samples: make([]evidence.Sample, samples)})
	}
	return answer
}

func TestAnAnswerToPromQLIsCutToWhatMayBeShown(t *testing.T) {
	fit, _, cut := FitPromQL(manySeries(MaxSeriesShown+5, 1), PromQLOptions{}, 1<<40, 160<<20)
	require.Len(t, fit.Series, MaxSeriesShown)
	require.Contains(t, cut, "5 of 10005 series were left out")
	require.Contains(t, cut, "aggregate")

	fit, bytes, cut := FitPromQL(manySeries(100, 10_000), PromQLOptions{}, 10<<20, 160<<20)
	require.NotEmpty(t, fit.Series)
	require.Less(t, len(fit.Series), 20)
	require.LessOrEqual(t, bytes, int64(10<<20))
	require.Contains(t, cut, "160 MiB")
	require.InEpsilon(t, bytes, Cost(PromQL(fit, PromQLOptions{Step: time.Second})), 0.5, "the estimate is near what the frames are charged")

	fit, _, cut = FitPromQL(manySeries(3, 1), PromQLOptions{}, 1<<40, 160<<20)
	require.Len(t, fit.Series, 3)
	require.Empty(t, cut)
}

func TestFramesAreCutToWhatMayBeHeld(t *testing.T) {
	several := PromQL(manySeries(100, 100), PromQLOptions{Step: time.Second})
	fit := Fit(several, Cost(several)/2, 160<<20)
	require.InDelta(t, 50, len(fit), 2)
	require.Contains(t, fit[0].Meta.Notices[0].Text, "of 100 series or tables were left out")

	texts := make([]string, 10_000)
	for i := range texts {
		texts[i] = strings.Repeat("x", 100)
	}
	one := data.Frames{data.NewFrame("t", data.NewField("text", data.Labels{"a": "b"}, texts), data.NewField("n", nil, make([]*float64, len(texts))))}
	fit = Fit(one, Cost(one)/4, 160<<20)
	require.Len(t, fit, 1)
	require.InDelta(t, 2250, fit[0].Rows(), 10)
	require.Equal(t, data.Labels{"a": "b"}, fit[0].Fields[0].Labels)
	require.LessOrEqual(t, Cost(fit), Cost(one)/4)
	require.Contains(t, fit[0].Meta.Notices[0].Text, "of 10000 rows were left out")
	require.Empty(t, Fit(data.Frames{data.NewFrame("empty")}, 0, 0))
}
