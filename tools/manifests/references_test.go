package manifests

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	rbac "k8s.io/api/rbac/v1"
)

// byOperator are pods that the Prometheus operator makes: their labels, and the ports that it names.
var byOperator = []struct{ labels, ports map[string]string }{
	{map[string]string{"prometheus": "vllm"}, map[string]string{"web": "9090", "grpc": "10901"}},
	{map[string]string{"alertmanager": "vllm"}, map[string]string{"web": "9093"}},
}

// elsewhere is what others bring: NVIDIA's GPU operator.
var elsewhere = map[string]bool{"dcgm-exporter": true}

func TestSelectorsFindPodsAndPortsAreThere(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		for _, w := range all.workloads() {
			if w.selector != nil {
				require.True(t, within(w.pod.Labels, w.selector), w.name)
			}
		}
		hasPort := func(selector map[string]string, port string) (found bool) {
			for _, w := range all.workloads() {
				found = found || within(w.pod.Labels, selector) && w.ports()[port]
			}
			for _, pod := range byOperator {
				found = found || within(pod.labels, selector) && pod.ports[port] != ""
			}
			return found
		}
		for _, service := range of[core.Service](all) {
			for _, port := range service.Spec.Ports {
				require.True(t, hasPort(service.Spec.Selector, port.TargetPort.StrVal), "service %s: nothing listens on %s", service.Name, port.TargetPort.StrVal)
			}
		}
		for _, monitor := range of[monitoring.ServiceMonitor](all) {
			found := elsewhere[monitor.Name]
			for _, service := range of[core.Service](all) {
				for _, port := range service.Spec.Ports {
					found = found || within(service.Labels, monitor.Spec.Selector.MatchLabels) && port.Name == monitor.Spec.Endpoints[0].Port
				}
			}
			require.True(t, found, "ServiceMonitor %s", monitor.Name)
		}
		for _, monitor := range of[monitoring.PodMonitor](all) {
			require.True(t, hasPort(monitor.Spec.Selector.MatchLabels, *monitor.Spec.PodMetricsEndpoints[0].Port), "PodMonitor %s", monitor.Name)
		}
		for _, policy := range of[networking.NetworkPolicy](all) {
			require.True(t, hasPort(policy.Spec.PodSelector.MatchLabels, policy.Spec.Ingress[0].Ports[0].Port.StrVal), policy.Name)
		}
	})
}

func TestProbesAskAPortOfTheirContainer(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		for _, w := range all.workloads() {
			for _, container := range w.pod.Spec.Containers {
				if len(container.Ports) == 0 {
					continue // a watcher of files, or a job
				}
				require.NotNil(t, container.ReadinessProbe, w.name)
				require.NotNil(t, container.LivenessProbe, w.name)
				for _, probe := range []*core.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
					if probe != nil {
						require.True(t, w.ports()[probe.HTTPGet.Port.StrVal], "%s: %v", w.name, probe.HTTPGet)
					}
				}
			}
		}
	})
}

// file is how an argument names a configuration.
var file = regexp.MustCompile(`/etc/[a-z/-]+\.ya?ml`)

func TestWhatIsMountedAndReadIsThere(t *testing.T) {
	docs, err := os.ReadFile(filepath.Join(root, "docs/kubernetes.md"))
	require.NoError(t, err)
	eachOverlay(t, func(t *testing.T, all objects) {
		maps := map[string]*core.ConfigMap{}
		for _, m := range of[core.ConfigMap](all) {
			maps[m.Name] = m
		}
		claims := map[string]bool{}
		for _, claim := range of[core.PersistentVolumeClaim](all) {
			claims[claim.Name] = true
		}
		secret := func(name string) { t.Helper(); require.Contains(t, string(docs), "create secret generic "+name+" ") }
		for _, w := range all.workloads() {
			// What each volume holds, by its path in the volume; nil where that is not ours to say.
			volumes := map[string]map[string]bool{}
			addMap := func(volume, name string, items []core.KeyToPath) {
				t.Helper()
				require.Contains(t, maps, name, "%s mounts it", w.name)
				for key := range maps[name].Data {
					if items == nil {
						volumes[volume][key] = true
					}
				}
				for _, item := range items {
					require.Contains(t, maps[name].Data, item.Key, name)
					volumes[volume][item.Path] = true
				}
			}
			for _, volume := range w.pod.Spec.Volumes {
				volumes[volume.Name] = map[string]bool{}
				if volume.ConfigMap != nil {
					addMap(volume.Name, volume.ConfigMap.Name, volume.ConfigMap.Items)
				}
				if volume.Projected != nil {
					for _, source := range volume.Projected.Sources {
						if source.ConfigMap == nil || source.ConfigMap.Name == "kube-root-ca.crt" { // Kubernetes' own
							continue
						}
						addMap(volume.Name, source.ConfigMap.Name, source.ConfigMap.Items)
					}
				}
				if volume.PersistentVolumeClaim != nil {
					require.True(t, claims[volume.PersistentVolumeClaim.ClaimName], w.name)
				}
				if volume.Secret != nil {
					secret(volume.Secret.SecretName)
				}
			}
			for _, claim := range w.claims {
				volumes[claim.Name] = map[string]bool{}
			}
			for _, container := range w.containers() {
				files := map[string]bool{}
				for _, mount := range container.VolumeMounts {
					require.Contains(t, volumes, mount.Name, "%s mounts it", w.name)
					for name := range volumes[mount.Name] {
						files[path.Join(mount.MountPath, name)] = true
					}
					for _, other := range container.VolumeMounts {
						require.False(t, len(volumes[mount.Name]) > 0 && strings.HasPrefix(other.MountPath, mount.MountPath+"/"),
							"%s: a ConfigMap is read-only, no mount point can be made within it: %s", w.name, other.MountPath)
					}
				}
				for _, arg := range container.Args {
					for _, name := range file.FindAllString(arg, -1) {
						require.True(t, files[name], "%s reads %s", w.name, name)
					}
				}
				for _, variable := range container.Env {
					if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
						secret(from.SecretKeyRef.Name)
						require.Contains(t, string(docs), "--from-literal="+from.SecretKeyRef.Key+"=")
					}
				}
			}
		}
	})
}

func TestAccountsAndRolesAreThere(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		accounts, roles := map[string]bool{}, map[string]bool{}
		for _, account := range of[core.ServiceAccount](all) {
			accounts[account.Name] = true
		}
		for _, role := range of[rbac.Role](all) {
			roles["Role "+role.Name] = true
		}
		for _, role := range of[rbac.ClusterRole](all) {
			roles["ClusterRole "+role.Name] = true
		}
		for _, w := range all.workloads() {
			if name := w.pod.Spec.ServiceAccountName; name != "" {
				require.True(t, accounts[name], w.name)
			} else {
				require.NotNil(t, w.pod.Spec.AutomountServiceAccountToken, "%s has a token that it does not need", w.name)
				require.False(t, *w.pod.Spec.AutomountServiceAccountToken, w.name)
			}
		}
		bound := func(role rbac.RoleRef, subjects []rbac.Subject) {
			t.Helper()
			require.True(t, roles[role.Kind+" "+role.Name], role.Name)
			for _, subject := range subjects {
				require.True(t, accounts[subject.Name], subject.Name)
				require.Equal(t, "vllm", subject.Namespace)
			}
		}
		for _, binding := range of[rbac.RoleBinding](all) {
			bound(binding.RoleRef, binding.Subjects)
		}
		for _, binding := range of[rbac.ClusterRoleBinding](all) {
			bound(binding.RoleRef, binding.Subjects)
		}
	})
}

// address is host:port of a Service of this namespace.
var address = regexp.MustCompile(`(?:^|[/"\[ ])([a-z][a-z-]+):(\d{4,5})\b`)

// others are stores that their variant's user brings.
var others = map[string]bool{"elasticsearch:9200": true, "cassandra:9042": true}

func TestEveryAddressIsAServicesPort(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		ports := map[string]bool{}
		for _, service := range of[core.Service](all) {
			for _, port := range service.Spec.Ports {
				ports[service.Name+":"+strconv.Itoa(int(port.Port))] = true
			}
		}
		var texts []string
		for _, m := range of[core.ConfigMap](all) {
			for name, text := range m.Data {
				if !strings.HasSuffix(name, ".json") && name != "vllm-rules.yml" && !strings.HasSuffix(name, ".tmpl") && name != "alertmanager.yml" {
					texts = append(texts, text)
				}
			}
		}
		for _, w := range all.workloads() {
			for _, container := range w.containers() {
				texts = append(texts, container.Args...)
			}
		}
		found := 0
		for _, text := range texts {
			for _, match := range address.FindAllStringSubmatch(text, -1) {
				at := match[1] + ":" + match[2]
				require.True(t, ports[at] || others[at], at)
				found++
			}
		}
		require.Greater(t, found, 5)
	})
}
