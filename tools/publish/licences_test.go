package publish

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyPermissiveCodeIsBundled(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"dist/module.js.map":                            `{"sources": ["webpack://x/../node_modules/@a/b/dist/i.js", "webpack://x/./datasource.ts"]}`,
		"dist/156.js.map":                               `{"sources": ["webpack://x/../node_modules/@a/b/node_modules/c/i.js"]}`,
		"node_modules/@a/b/package.json":                `{"name": "@a/b", "version": "1.0.0", "license": "MIT"}`,
		"node_modules/@a/b/node_modules/c/package.json": `{"name": "c", "version": "2.0.0", "license": "ISC"}`,
		"node_modules/unused/package.json":              `{"name": "unused", "license": "AGPL-3.0"}`,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	bundled := func() ([]Package, error) {
		return Bundled(filepath.Join(dir, "dist"), filepath.Join(dir, "node_modules"))
	}
	packages, err := bundled()
	require.NoError(t, err)
	require.Equal(t, []Package{{"@a/b", "1.0.0", "MIT"}, {"c", "2.0.0", "ISC"}}, packages)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "node_modules/@a/b/node_modules/c/package.json"), []byte(`{"license": "AGPL-3.0-only"}`), 0o600))
	_, err = bundled()
	require.ErrorContains(t, err, `c is in the bundle under "AGPL-3.0-only"`)
}
