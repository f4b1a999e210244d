package loki

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

func TestOnlyARefusalOfTheLimitLowersTheLimit(t *testing.T) {
	for _, test := range []struct {
		name, message string
		want          int
	}{
		{"a refusal", "max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 1000)", 1000},
		{"a refusal of an older Loki", "max entries limit per query exceeded, limit > max_entries_limit (5000 > 1000)\n", 1000},
		{"a limit below the floor", "max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 2)", leastLinesPerCall},
		{"a message that quotes a viewer's filter",
			"parse error at line 1, col 20: syntax error: |~ `max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 2)`", 5000},
		{"a filter at the end of the message", "cannot parse x: max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 2)", 5000},
		{"numbers that were not asked", "max entries limit per query exceeded, limit > max_entries_limit_per_query (7 > 2)", 5000},
		{"a limit above what was asked", "max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 9000)", 5000},
		{"a number that fits nowhere", "max entries limit per query exceeded, limit > max_entries_limit_per_query (5000 > 99999999999999999999)", 5000},
	} {
		t.Run(test.name, func(t *testing.T) {
			bound := memo.NewBound(keptLimit, 5000, leastLinesPerCall, settings.Store{})
			require.Equal(t, test.want < 5000, lowerLimit(bound.Of(t.Context()), &upstream.Error{Status: 400, Message: test.message}, 5000))
			require.Equal(t, test.want, bound.Of(t.Context()).Value())
		})
	}
}
