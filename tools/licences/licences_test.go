package licences

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestAModuleIsJudgedByAllItsLicences(t *testing.T) {
	for name, c := range map[string]struct {
		licences []string
		refused  string
	}{
		"one that goes with ours":  {[]string{"MIT"}, ""},
		"several":                  {[]string{"Apache-2.0", "BSD-3-Clause"}, ""},
		"none":                     {nil, "no licence was found"},
		"the AGPL":                 {[]string{"AGPL-3.0"}, "AGPL-3.0"},
		"the GPL beside another":   {[]string{"GPL-2.0", "MIT"}, "GPL-2.0"},
		"a text that nobody knows": {[]string{"unknown (LICENSE)"}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Module{Path: "example.com/m", Version: "v1", Licences: c.licences}.Judge()
			if c.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.refused)
			}
		})
	}
}

// TestLicencesAreToldByTheirTexts reads our own licence and, from the sources of the classifier, those that must be refused.
func TestLicencesAreToldByTheirTexts(t *testing.T) {
	if testing.Short() {
		t.Skip("the classifier takes seconds to start")
	}
	texts, err := NewTexts()
	require.NoError(t, err)
	root, err := repo.Root()
	require.NoError(t, err)
	names, err := texts.In(root)
	require.NoError(t, err)
	require.Equal(t, []string{"Apache-2.0"}, names)

	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/licenseclassifier/v2").Output()
	require.NoError(t, err)
	for _, name := range []string{"AGPL-3.0", "GPL-2.0", "GPL-3.0"} {
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "assets", "License", name, "*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		text, err := os.ReadFile(files[0])
		require.NoError(t, err)
		found := texts.Of(text)
		require.NotEmpty(t, found)
		require.Error(t, Module{Path: "m", Licences: found}.Judge(), "%s: %v", name, found)
	}
	require.Empty(t, texts.Of([]byte("All rights reserved.")))
}
