//go:build integration && unix

package integration_test

import (
	"encoding/json"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// TestEveryManagedRuleIsAnswered asks what Grafana's own rules ask, as its evaluation does: each gets numbers, of which no two
// have the same labels, with a model wherever the rule's words name one.
func TestEveryManagedRuleIsAnswered(t *testing.T) {
	f := wholeFleet(t)
	for _, rule := range alerts.ManagedAlerts() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, question := range rule.Ask {
				text, err := json.Marshal(question)
				require.NoError(t, err)
				var model map[string]any
				require.NoError(t, json.Unmarshal(text, &model))
				window := backend.TimeRange{From: f.window.To.Add(-question.Over), To: f.window.To}
				q, err := pluginhost.Query("A", model, window)
				require.NoError(t, err)
				response, err := f.plugin.QueryAlert(t.Context(), q)
				require.NoError(t, err)
				answer := response.Responses["A"]
				require.NoError(t, answer.Error)
				require.NotEmpty(t, answer.Frames)
				seen := map[string]bool{}
				for _, frame := range answer.Frames {
					require.Equal(t, data.FrameTypeNumericMulti, frame.Meta.Type)
					require.Len(t, frame.Fields, 1, "one number and its labels")
					labels := frame.Fields[0].Labels
					require.False(t, seen[labels.String()], "twice: %s", labels)
					seen[labels.String()] = true
					_, known := frame.Fields[0].ConcreteAt(0)
					require.True(t, known, "%s of %s", text, labels)
					require.True(t, rule.All || labels["model"] != "", "%s", labels)
				}
				t.Logf("%s over %s: %d numbers", q.QueryType, question.Over, len(answer.Frames))
			}
		})
	}
}
