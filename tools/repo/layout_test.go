package repo_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

// plugin.json and dashboards/ stand at the top, where people look; the tools
// of Grafana look below src. Links serve both, as long as they are links.
func TestSourcesLinkToTheTop(t *testing.T) {
	root := root(t)
	if _, err := os.Stat(filepath.Join(root, "plugin.json")); err != nil {
		t.Skip("there is no plugin.json yet")
	}
	for link, target := range map[string]string{"src/plugin.json": "../plugin.json", "src/dashboards": "../dashboards"} {
		got, err := os.Readlink(filepath.Join(root, link))
		require.NoError(t, err, "%s must be a link; a checkout without symbolic links has a text file there", link)
		require.Equal(t, target, got)
		_, err = os.Stat(filepath.Join(root, link))
		require.NoError(t, err, "%s leads nowhere", link)
	}
}

func TestNamesAgree(t *testing.T) {
	root := root(t)
	text, err := os.ReadFile(filepath.Join(root, "plugin.json"))
	if err != nil {
		t.Skip("there is no plugin.json yet")
	}
	var manifest struct {
		ID, Name, Executable string
		Includes             []struct{ Type, Path string }
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	require.Equal(t, "llmserving-vllm-datasource", manifest.ID)
	require.Equal(t, "gpx_vllm", manifest.Executable)
	require.NotEqual(t, manifest.ID, manifest.Name)
	for _, include := range manifest.Includes {
		if include.Type == "dashboard" {
			require.FileExists(t, filepath.Join(root, include.Path), "plugin.json includes it")
		}
	}
	for _, file := range []string{"pkg/main.go", "provisioning/datasources/vllm.yml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Contains(t, string(text), manifest.ID, file)
	}
}
