//go:build unix

package grafana

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
)

// The test binary plays a Grafana.
func TestMain(m *testing.M) {
	if os.Getenv("GRAFANA_TEST_SERVE") == "1" {
		http.HandleFunc("/api/health", func(http.ResponseWriter, *http.Request) {})
		_ = http.ListenAndServe(os.Getenv("GF_SERVER_HTTP_ADDR")+":"+os.Getenv("GF_SERVER_HTTP_PORT"), nil)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestItStartsWithTheBuiltPluginAndEnds(t *testing.T) {
	t.Setenv("GRAFANA_TEST_SERVE", "1")
	root, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "dist"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "dist", "plugin.json"), []byte("{}"), 0o644))
	server, err := Start(t.Context(), Options{Installation: Installation{Binary: os.Args[0]}, Root: root, Dir: dir})
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "plugins", pluginhost.PluginID, "plugin.json"))
	require.NoError(t, server.Close())
	<-server.Done()
	_, err = http.Get(server.URL + "/api/health")
	require.Error(t, err)
}

func TestAGrafanaThatEndsAtOnceIsAnError(t *testing.T) {
	_, err := Start(t.Context(), Options{Installation: Installation{Binary: "false"}, Root: t.TempDir(), Dir: t.TempDir()})
	require.ErrorContains(t, err, "process ended")
}
