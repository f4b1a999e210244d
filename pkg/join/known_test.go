package join_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
)

// A client writes any text as the model into its span. Rows keep it; what groups are named by is what engines and settings know.
func TestAModelIsCountedUnderANameThatEnginesOrSettingsKnow(t *testing.T) {
	refused := func(model string) evidence.CallerSpan {
		return evidence.CallerSpan{TraceID: "r", SpanID: "r", Start: at(5), Duration: 0.1, Model: model, HTTPStatus: 404, Inference: true, VLLM: true}
	}
	metrics := []evidence.Target{{Origin: evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama"}}}
	named := span("chatcmpl-n", 0, &evidence.Origin{Pod: "qwen-0", Model: "qwen"})
	for _, c := range []struct {
		says, asks, counted string
		ours                bool
		in                  join.Input
	}{
		{"a model of the metrics", "llama", "llama", true, join.Input{Targets: metrics}},
		{"a model of the metrics as a router writes it", "hosted_vllm/llama", "llama", true, join.Input{Targets: metrics}},
		{"a model that an engine's span names", "qwen", "qwen", true, join.Input{Spans: []evidence.RequestSpan{named}}},
		{"an alias of the settings", "support-bot", "support-bot", true, join.Input{Targets: metrics, ModelAliases: []string{"support-bot"}}},
		{"a model with limits of its own", "mistral", "mistral", true, join.Input{Targets: metrics, SLO: slo.Objectives{{Model: "mistral"}}}},
		{"an invented one", "<https://evil|Reset your password> <!channel>", "other", false, join.Input{Targets: metrics}},
		{"an invented one that a pattern of the limits fits", "mistral<!channel>", "other", false, join.Input{Targets: metrics, SLO: slo.Objectives{{Model: "mistral*"}}}},
		{"none at all", "", "other", false, join.Input{Targets: metrics}},
		{"an invented one that is called as the group is", "other", "other", false, join.Input{Targets: metrics}},
		{"an invented one, where an engine serves a model of the group's name", "evil", "(other)", false,
			join.Input{Targets: []evidence.Target{{Origin: evidence.Origin{Pod: "a", Model: "other"}}}}},
		{"one where nobody names any model: nothing tells ours apart", "evil", "other", true, join.Input{}},
	} {
		t.Run(c.says, func(t *testing.T) {
			c.in.Callers = []evidence.CallerSpan{refused(c.asks)}
			joined := join.Requests(c.in)
			row := joined.Rows[len(joined.Rows)-1]
			require.Nil(t, row.Span)
			model, ours := joined.Known().Of(&row)
			require.Equal(t, c.counted, model)
			require.Equal(t, c.ours, ours)
			require.Equal(t, c.asks, row.Model, "the row keeps what its client said")
			model, ours = join.Known{}.Of(&row)
			require.Equal(t, c.asks, model)
			require.True(t, ours)
		})
	}
	t.Run("what an engine served is ours, whatever its client calls the model", func(t *testing.T) {
		served := span("chatcmpl-s", 1, &evidence.Origin{Pod: "elsewhere-0"})
		served.Caller = &evidence.CallerSpan{Start: at(0.9), Duration: 1.8, Model: "evil", Inference: true}
		served.Call = served.Caller
		joined := join.Requests(join.Input{Targets: append(metrics, evidence.Target{Origin: evidence.Origin{Pod: "b", Model: "qwen"}}), Spans: []evidence.RequestSpan{served}})
		model, ours := joined.Known().Of(&joined.Rows[0])
		require.Equal(t, "other", model)
		require.True(t, ours)
	})
}
