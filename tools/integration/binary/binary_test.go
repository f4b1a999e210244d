//go:build unix && integration

package binary

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func binary(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return repo.PluginBinary(root)
}

func start(t *testing.T, settings pluginhost.Settings) *pluginhost.Host {
	t.Helper()
	var log bytes.Buffer
	host, err := pluginhost.Start(t.Context(), pluginhost.Options{Binary: binary(t), Settings: settings, Log: &log})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, host.Close())
		if t.Failed() {
			t.Logf("the plugin's log:\n%s", log.String())
		}
	})
	return host
}

// unreachable is a loopback port on which nobody can listen.
const unreachable = "127.0.0.1:1"

func window() backend.TimeRange {
	to := time.Now()
	return backend.TimeRange{From: to.Add(-time.Hour), To: to}
}

func TestHealthOfADataSourceWithoutStoresSaysSo(t *testing.T) {
	health, err := start(t, pluginhost.Stores("", "", "")).CheckHealth(t.Context())
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusError, health.Status)
	require.NotEmpty(t, health.Message)
}

func TestHealthIsThereWithinFiveSecondsWhateverTheStoresDo(t *testing.T) {
	host := start(t, pluginhost.Stores("http://"+unreachable, "http://"+unreachable, unreachable))
	begin := time.Now()
	health, err := host.CheckHealth(t.Context())
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusError, health.Status)
	// A second on top for a machine that builds servers meanwhile.
	require.Less(t, time.Since(begin), 6*time.Second)
}

func TestABadQueryIsAnErrorOnItsOwnRefID(t *testing.T) {
	host := start(t, pluginhost.Stores("", "", ""))
	bad, err := pluginhost.Query("A", map[string]any{"version": 1, "queryType": "no such kind"}, window())
	require.NoError(t, err)
	response, err := host.QueryData(t.Context(), bad)
	require.NoError(t, err)
	require.ErrorContains(t, response.Responses["A"].Error, "queryType")
	require.Equal(t, backend.StatusBadRequest, response.Responses["A"].Status)
}

func TestNewSettingsMakeANewInstance(t *testing.T) {
	host := start(t, pluginhost.Stores("", "", ""))
	before, err := host.CheckHealth(t.Context())
	require.NoError(t, err)
	require.NoError(t, host.Configure(pluginhost.Stores("http://"+unreachable, "", "")))
	after, err := host.CheckHealth(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, before.Message, after.Message)
}

func TestAnUnknownResourceIsNotFound(t *testing.T) {
	status, _, err := start(t, pluginhost.Stores("", "", "")).CallResource(t.Context(), "no/such/resource?a=b")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, status)
}

func TestClosingEndsTheProcess(t *testing.T) {
	host := start(t, pluginhost.Stores("", "", ""))
	require.False(t, host.Exited())
	require.NoError(t, host.Close())
	require.True(t, host.Exited())
	_, err := host.CheckHealth(t.Context())
	require.Error(t, err)
}

func TestAStartFromAShellExplainsItself(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, binary(t)).CombinedOutput()
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, string(output), "plugin")
}
