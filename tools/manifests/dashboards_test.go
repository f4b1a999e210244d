package manifests

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
)

var update = flag.Bool("update", false, "rewrite dashboards/kustomization.yaml")

// Kustomize takes files from its own folder only, and no wildcard: so the folder of dashboards names them, one ConfigMap each,
// because one of all would pass the limit of 1 MiB.
func TestEveryDashboardIsAConfigMap(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "dashboards/*.json")) // sorted
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	text := `# For deploy/kubernetes: each dashboard as a ConfigMap that Grafana's watcher finds by its label.
# Written by: cd tools/manifests && go test . -update
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
generatorOptions:
  disableNameSuffixHash: true
  labels: {grafana_dashboard: "1"}
  annotations: {grafana_folder: vLLM}
configMapGenerator:
`
	for _, path := range paths {
		file := filepath.Base(path)
		text += fmt.Sprintf("  - {name: grafana-dashboard-%s, files: [%s]}\n", strings.TrimSuffix(file, ".json"), file)
	}
	name := filepath.Join(root, "dashboards/kustomization.yaml")
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	written, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, text, string(written), "cd tools/manifests && go test . -update")

	maps := of[core.ConfigMap](build(t, "dashboards"))
	require.Len(t, maps, len(paths))
	for _, m := range maps {
		require.Equal(t, "1", m.Labels["grafana_dashboard"])
		for file, dashboard := range m.Data {
			require.Less(t, len(dashboard), 1<<20, file)
		}
	}
}
