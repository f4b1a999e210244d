package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
)

// variable is how a provisioned file takes a value from Grafana's environment.
var variable = regexp.MustCompile(`\$VLLM_[A-Z_]+`)

// A plugin that Grafana fetches when it starts, and cannot, keeps it from starting; and nothing is published. So it is put onto a
// volume that outlives the pod.
func TestGrafanaStartsWithoutAPluginAndKeepsTheOnePutThere(t *testing.T) {
	const plugins = "/var/lib/grafana/plugins"
	docs, err := os.ReadFile(filepath.Join(root, "docs/kubernetes.md"))
	require.NoError(t, err)
	require.Contains(t, string(docs), "exec -i deployment/grafana -c grafana -- sh -c 'mkdir -p "+plugins+" && tar -x -C "+plugins+"'")
	eachOverlay(t, func(t *testing.T, all objects) {
		pod, grafana := all.grafana(t)
		for _, variable := range grafana.Env {
			if variable.Name != "GF_PLUGINS_PREINSTALL_DISABLED" { // it fetches none at all
				require.NotContains(t, variable.Name, "PREINSTALL")
			}
		}
		mount := slices.IndexFunc(grafana.VolumeMounts, func(m core.VolumeMount) bool { return strings.HasPrefix(plugins, m.MountPath+"/") })
		require.GreaterOrEqual(t, mount, 0)
		volume := slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == grafana.VolumeMounts[mount].Name })
		require.NotNil(t, pod.Volumes[volume].PersistentVolumeClaim)
	})
}

// Grafana's alerts are those of compose: every file of provisioning/alerting, and every variable that one asks for. What keeps
// Grafana from starting without its key is a sample there, and not in the ConfigMap.
func TestGrafanaHasItsAlerts(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "provisioning/alerting/*.yml"))
	require.NoError(t, err)
	eachOverlay(t, func(t *testing.T, all objects) {
		pod, grafana := all.grafana(t)
		mount := slices.IndexFunc(grafana.VolumeMounts, func(m core.VolumeMount) bool { return m.MountPath == "/etc/grafana/provisioning/alerting" })
		require.GreaterOrEqual(t, mount, 0)
		volume := slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == grafana.VolumeMounts[mount].Name })
		files := named(t, all, pod.Volumes[volume].ConfigMap.Name, func(m *core.ConfigMap) string { return m.Name }).Data
		require.Len(t, files, len(paths))
		asked := 0
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(text), files[filepath.Base(path)], path)
			for _, name := range variable.FindAllString(string(text), -1) {
				i := slices.IndexFunc(grafana.Env, func(v core.EnvVar) bool { return "$"+v.Name == name })
				require.GreaterOrEqual(t, i, 0, name)
				require.True(t, *grafana.Env[i].ValueFrom.SecretKeyRef.Optional, name)
				asked++
			}
		}
		require.NotZero(t, asked)
	})
}

func (all objects) grafana(t *testing.T) (core.PodSpec, core.Container) {
	t.Helper()
	i := slices.IndexFunc(all.workloads(), func(w workload) bool { return w.name == "grafana" })
	require.GreaterOrEqual(t, i, 0)
	pod := all.workloads()[i].pod.Spec
	c := slices.IndexFunc(pod.Containers, func(c core.Container) bool { return c.Name == "grafana" })
	require.GreaterOrEqual(t, c, 0)
	return pod, pod.Containers[c]
}
