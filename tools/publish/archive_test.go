package publish

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const manifest = `{"id": "a-b-datasource", "executable": "gpx_b", "languages": ["en-US"],
	"info": {"version": "1.2.3", "updated": "2026-01-02", "logos": {"small": "img/logo.svg", "large": "img/logo.svg"}},
	"includes": [{"type": "dashboard", "path": "dashboards/x.json"}]}`

// dist is a built plugin with everything in its place, changed by one file: nil removes it.
func dist(t *testing.T, name string, content []byte) string {
	dir := t.TempDir()
	files := map[string][]byte{"plugin.json": []byte(manifest), "query.generated.json": []byte("{}")}
	for _, name := range []string{
		"module.js", "module.js.map", "156.js", "README.md", "query_help.md", "CHANGELOG.md", "LICENSE", "go_plugin_build_manifest", "gpx_b_linux_amd64",
		"gpx_b_windows_amd64.exe", "img/logo.svg", "dashboards/x.json", "locales/en-US/a-b-datasource.json",
	} {
		files[name] = []byte("x")
	}
	files[name] = content
	for name, content := range files {
		if content != nil {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
	}
	return dir
}

func TestAnArchiveIsTheFolderOfThePlugin(t *testing.T) {
	file, err := Pack(dist(t, "module.js", []byte("code")), t.TempDir())
	require.NoError(t, err)
	require.Equal(t, "a-b-datasource-1.2.3.zip", filepath.Base(file))
	r, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer r.Close()
	modes := map[string]os.FileMode{}
	for _, entry := range r.File {
		modes[entry.Name] = entry.Mode()
	}
	require.Equal(t, os.FileMode(0o755), modes["a-b-datasource/gpx_b_linux_amd64"])
	require.Equal(t, os.FileMode(0o644), modes["a-b-datasource/locales/en-US/a-b-datasource.json"])
	require.NotContains(t, modes, "a-b-datasource/query.generated.json", "it is in module.js")
}

func TestTheSameBuildGivesTheSameArchive(t *testing.T) {
	first, err := Pack(dist(t, "module.js", []byte("code")), t.TempDir())
	require.NoError(t, err)
	second, err := Pack(dist(t, "module.js", []byte("code")), t.TempDir())
	require.NoError(t, err)
	one, err := os.ReadFile(first)
	require.NoError(t, err)
	other, err := os.ReadFile(second)
	require.NoError(t, err)
	require.Equal(t, one, other)
}

func TestAnArchiveThatTheCatalogueWouldRefuseIsNotWritten(t *testing.T) {
	for name, content := range map[string][]byte{
		"gpx_b_linux_amd64":                 nil,
		"LICENSE":                           nil,
		"CHANGELOG.md":                      {},
		"img/logo.svg":                      nil,
		"dashboards/x.json":                 nil,
		"locales/en-US/a-b-datasource.json": nil,
		"go_plugin_build_manifest":          nil,
		"standalone.txt":                    []byte("127.0.0.1:1"),
		"pid.txt":                           []byte("1"),
		"gpx_b_linux_mips":                  []byte("x"),
		"img/.DS_Store":                     []byte("x"),
		"src/plugin.json":                   []byte(manifest),
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			_, err := Pack(dist(t, name, content), folder)
			require.ErrorContains(t, err, filepath.Base(name))
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
