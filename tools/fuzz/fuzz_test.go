//go:build unix

package fuzz

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestEveryFuzzTestIsFound(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	targets, err := Targets(root)
	require.NoError(t, err)
	require.Greater(t, len(targets), 10)
	require.Contains(t, targets, Target{"pkg/vllm", "FuzzMatchersMeanTheirConditions"})
}

func TestAFailureIsSaidAndTheOthersStillRun(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module example.com/m\n\ngo 1.26\n",
		"pkg/a/a_test.go": "package a\nimport \"testing\"\nfunc FuzzBad(f *testing.F) { f.Fuzz(func(t *testing.T, a int8) { if a > 3 { t.Fatal(\"more than three\") } }) }\n",
		"pkg/b/b_test.go": "package b\nimport \"testing\"\nfunc FuzzGood(f *testing.F) { f.Fuzz(func(t *testing.T, a []byte) {}) }\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	targets, err := Targets(root)
	require.NoError(t, err)
	require.Equal(t, []Target{{"pkg/a", "FuzzBad"}, {"pkg/b", "FuzzGood"}}, targets)
	var out strings.Builder
	require.EqualError(t, Run(t.Context(), root, targets, 200*time.Millisecond, &out), "1 of 2 fuzz tests failed")
	require.Contains(t, out.String(), "FAILED pkg/a.FuzzBad")
	require.Contains(t, out.String(), "more than three")
	require.Contains(t, out.String(), "FuzzGood")
}
