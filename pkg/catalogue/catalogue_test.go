package catalogue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/catalogue"
)

type phase struct{ name, help string }

func (p phase) Key() string { return p.name }

func TestEntriesAreFoundByTheirKeysAndListedInOrder(t *testing.T) {
	phases := catalogue.Of[string, phase]{{"queue", "waits for the scheduler"}, {"prefill", "reads the prompt"}, {"decode", "writes the answer"}}
	require.Equal(t, []string{"queue", "prefill", "decode"}, phases.Keys())
	found, ok := phases.Find("prefill")
	require.True(t, ok)
	require.Equal(t, "reads the prompt", found.help)
	missing, ok := phases.Find("Prefill")
	require.False(t, ok)
	require.Zero(t, missing)
}
