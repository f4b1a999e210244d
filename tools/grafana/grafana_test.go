//go:build unix

package grafana

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
)

func TestOnlyACompleteHomeIsAnInstallation(t *testing.T) {
	home := t.TempDir()
	t.Setenv("GRAFANA_HOME", home)
	_, ok := Find()
	require.False(t, ok)
	for _, name := range []string{"bin/grafana", "conf/defaults.ini", "public/index.html"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(home, name), nil, 0o755))
	}
	found, ok := Find()
	require.True(t, ok)
	require.Equal(t, Installation{Binary: filepath.Join(home, "bin/grafana"), Home: home}, found)
}

func TestItServesOnlyThisMachine(t *testing.T) {
	settings := environment(Options{Root: "/repo", Dir: "/tmp/g", Prometheus: "http://127.0.0.1:9090"}, &loopback.Port{Number: 3000})
	require.Contains(t, settings, "GF_SERVER_HTTP_ADDR=127.0.0.1")
	require.Contains(t, settings, "GF_PATHS_PROVISIONING=/repo/provisioning")
	require.Contains(t, settings, "VLLM_LOKI_URL=", "a store that is not there is told so, not inherited")
}

func TestWithAPasswordNobodyComesInWithoutIt(t *testing.T) {
	settings := environment(Options{AdminPassword: "secret"}, &loopback.Port{Number: 3000})
	require.Contains(t, settings, "GF_AUTH_ANONYMOUS_ENABLED=false")
	require.Contains(t, settings, "GF_SECURITY_ADMIN_PASSWORD=secret")
	require.NotContains(t, settings, "GF_AUTH_ANONYMOUS_ENABLED=true")
}
