package publish

import (
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// TestTwoBuildsInTwoFoldersGiveTheSameArchive builds the sources as they are in two folders at two times and packs both. The frontend
// is a stand-in: it is built by another tool, in minutes.
func TestTwoBuildsInTwoFoldersGiveTheSameArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the plugin twice")
	}
	root, err := repo.Root()
	require.NoError(t, err)
	var archives [2][]byte
	folders := [2]string{checkout(t, root), checkout(t, root)} // at once, lest the sources change meanwhile
	for i, folder := range folders {
		build := exec.CommandContext(t.Context(), "go", "tool", "mage", "build:custom", "linux", "amd64")
		build.Dir = folder
		build.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1790000000", "COMMIT=0123456789abcdef", "GOWORK=off")
		said, err := build.CombinedOutput()
		require.NoError(t, err, string(said))
		built := filepath.Join(folder, "dist")
		binary := filepath.Join(built, "gpx_vllm_linux_amd64")
		info, err := buildinfo.ReadFile(binary)
		require.NoError(t, err)
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		require.Equal(t, "true", settings["-trimpath"])
		require.Contains(t, settings, "GOARCH")
		content, err := os.ReadFile(binary)
		require.NoError(t, err)
		require.NotContains(t, string(content), folder, "a path of this machine")
		require.Contains(t, string(content), "0123456789abcdef", "the commit")
		require.NoError(t, os.Rename(binary, filepath.Join(built, "gpx_b_linux_amd64")))
		whole := dist(t, "gpx_b_linux_amd64", content)
		manifest, err := os.ReadFile(filepath.Join(built, "go_plugin_build_manifest"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(whole, "go_plugin_build_manifest"), manifest, 0o600))
		file, err := Pack(whole, t.TempDir())
		require.NoError(t, err)
		archives[i], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	require.True(t, string(archives[0]) == string(archives[1]), "the two archives differ")
}

// checkout copies what the backend is built from.
func checkout(t *testing.T, root string) string {
	t.Helper()
	folder := t.TempDir()
	list, err := exec.CommandContext(context.Background(), "git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard",
		"pkg", "go.mod", "go.sum", "Magefile.go", "package.json", "plugin.json").Output()
	require.NoError(t, err)
	for name := range strings.Lines(string(list)) {
		name = strings.TrimSpace(name)
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) { // removed, not yet committed
			continue
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(folder, "src"), 0o755))
	require.NoError(t, os.Symlink("../plugin.json", filepath.Join(folder, "src", "plugin.json")))
	return folder
}
