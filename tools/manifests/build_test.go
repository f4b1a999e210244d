package manifests

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringalpha "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	rbac "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const root = "../.."

// kinds are the types that an object may have, by apiVersion and kind.
var kinds = map[string]func() any{
	"v1 Namespace":                                    func() any { return &core.Namespace{} },
	"v1 Service":                                      func() any { return &core.Service{} },
	"v1 ServiceAccount":                               func() any { return &core.ServiceAccount{} },
	"v1 ConfigMap":                                    func() any { return &core.ConfigMap{} },
	"v1 PersistentVolumeClaim":                        func() any { return &core.PersistentVolumeClaim{} },
	"apps/v1 Deployment":                              func() any { return &apps.Deployment{} },
	"apps/v1 StatefulSet":                             func() any { return &apps.StatefulSet{} },
	"apps/v1 DaemonSet":                               func() any { return &apps.DaemonSet{} },
	"batch/v1 CronJob":                                func() any { return &batch.CronJob{} },
	"networking.k8s.io/v1 NetworkPolicy":              func() any { return &networking.NetworkPolicy{} },
	"rbac.authorization.k8s.io/v1 Role":               func() any { return &rbac.Role{} },
	"rbac.authorization.k8s.io/v1 RoleBinding":        func() any { return &rbac.RoleBinding{} },
	"rbac.authorization.k8s.io/v1 ClusterRole":        func() any { return &rbac.ClusterRole{} },
	"rbac.authorization.k8s.io/v1 ClusterRoleBinding": func() any { return &rbac.ClusterRoleBinding{} },
	"monitoring.coreos.com/v1 Prometheus":             func() any { return &monitoring.Prometheus{} },
	"monitoring.coreos.com/v1 Alertmanager":           func() any { return &monitoring.Alertmanager{} },
	"monitoring.coreos.com/v1 ServiceMonitor":         func() any { return &monitoring.ServiceMonitor{} },
	"monitoring.coreos.com/v1 PodMonitor":             func() any { return &monitoring.PodMonitor{} },
	"monitoring.coreos.com/v1 PrometheusRule":         func() any { return &monitoring.PrometheusRule{} },
	// The only version in the operator's default definitions. v1beta1 is in its "full" ones alone and wants a webhook; there are Go
	// types of it all the same, so strict decoding would not tell.
	"monitoring.coreos.com/v1alpha1 AlertmanagerConfig": func() any { return &monitoringalpha.AlertmanagerConfig{} },
}

// overlays are the variants that one can apply.
func overlays(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "deploy/kubernetes/overlays"))
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.NotEmpty(t, names)
	return names
}

// eachOverlay runs a test on each variant's objects.
func eachOverlay(t *testing.T, test func(*testing.T, objects)) {
	for _, name := range overlays(t) {
		t.Run(name, func(t *testing.T) { test(t, build(t, filepath.Join("deploy/kubernetes/overlays", name))) })
	}
}

// built remembers, because most tests look at all overlays.
var built = map[string]objects{}

// build is what `kubectl kustomize` does, and then decodes: a field that its type does not have is an error. The objects are not
// to be changed.
func build(t *testing.T, dir string) (all objects) {
	t.Helper()
	if all, ok := built[dir]; ok {
		return all
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, dir))
	require.NoError(t, err)
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		require.NoError(t, err)
		name := resource.GetApiVersion() + " " + resource.GetKind()
		require.Contains(t, kinds, name)
		object := kinds[name]()
		require.NoError(t, yaml.UnmarshalStrict(text, object), "%s %s", name, resource.GetName())
		all = append(all, object)
	}
	built[dir] = all
	return all
}

func TestEveryOverlayIsMadeOfTheTypesThatThereAre(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) { require.Greater(t, len(all), 30) })
}

// A route's children are kept as free JSON: the type of their parent says nothing of them.
func TestRoutesBelowTheFirstAreRoutes(t *testing.T) {
	for _, config := range of[monitoringalpha.AlertmanagerConfig](build(t, "deploy/kubernetes/overlays/operator")) {
		require.Len(t, config.Spec.Route.Routes, 4)
		for _, child := range config.Spec.Route.Routes {
			require.NoError(t, yaml.UnmarshalStrict(child.Raw, &monitoringalpha.Route{}))
		}
	}
}

// What no overlay uses is built and tested by nobody.
func TestEveryComponentIsInAnOverlay(t *testing.T) {
	var used strings.Builder
	for _, name := range overlays(t) {
		text, err := os.ReadFile(filepath.Join(root, "deploy/kubernetes/overlays", name, "kustomization.yaml"))
		require.NoError(t, err)
		used.Write(text)
	}
	components, err := os.ReadDir(filepath.Join(root, "deploy/kubernetes/components"))
	require.NoError(t, err)
	for _, component := range components {
		require.Contains(t, used.String(), "../../components/"+component.Name()+"\n")
	}
}

// And what no kustomization.yaml names is not applied.
func TestEveryFileIsUsed(t *testing.T) {
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "deploy/kubernetes"), func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() || entry.Name() == "kustomization.yaml" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "kustomization.yaml"))
		require.NoError(t, err)
		require.True(t, bytes.Contains(text, []byte(entry.Name())), path)
		return nil
	}))
}
