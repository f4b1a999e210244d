package docs_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/docs"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

var literalPrefix = regexp.MustCompile(`\bvllm:[a-z]`)

// A reader whose collector renames vLLM's metrics sets the prefix in the data source, and pastes an example as it is.
func TestExamplesFollowTheMetricPrefixOfTheSettings(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	pages, err := docs.Load(root)
	require.NoError(t, err)
	examples := 0
	for _, page := range pages {
		for _, block := range page.Blocks {
			if block.Language == "promql" || block.Language == "json" {
				require.NotRegexp(t, literalPrefix, block.Text, block.Where())
				examples++
			}
		}
	}
	require.NotZero(t, examples)
}
