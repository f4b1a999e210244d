package manifests

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
)

// The generator of the dashboards writes their kustomization.yaml (tools/dashboards/files.ts).
func TestEveryDashboardIsAConfigMap(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "dashboards/*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	maps := of[core.ConfigMap](build(t, "dashboards"))
	require.Len(t, maps, len(paths))
	for _, m := range maps {
		require.Equal(t, "1", m.Labels["grafana_dashboard"])
		for file, dashboard := range m.Data {
			require.Less(t, len(dashboard), 1<<20, file)
		}
	}
}
