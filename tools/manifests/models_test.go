package manifests

import (
	"slices"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
)

// nameLabel says which model's pods these are; what becomes of it is the service of spans and lines, and the job of series.
const nameLabel = "app.kubernetes.io/name"

// engines are the workloads that run vLLM.
func (all objects) engines() (some []workload) {
	for _, w := range all.workloads() {
		if slices.ContainsFunc(w.pod.Spec.Containers, func(c core.Container) bool { return c.Name == "vllm" }) {
			some = append(some, w)
		}
	}
	return some
}

// named gives the one of that name.
func named[T any](t *testing.T, all objects, name string, nameOf func(*T) string) *T {
	t.Helper()
	some := of[T](all)
	i := slices.IndexFunc(some, func(object *T) bool { return nameOf(object) == name })
	require.GreaterOrEqual(t, i, 0, name)
	return some[i]
}

// A second model stands beside the first in overlay two-models; what scrapes and guards the first in any overlay must find it as well.
func TestEveryModelIsScrapedAndGuardedAndAJobOfItsOwn(t *testing.T) {
	two := build(t, "deploy/kubernetes/overlays/two-models")
	engines := two.engines()
	require.Len(t, engines, 2)
	claims := map[string]bool{}
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			labels, name := engine.pod.Labels, engine.pod.Labels[nameLabel]
			require.Equal(t, engine.name, name)
			require.Contains(t, name, "vllm", "the alerts look for it")
			require.Equal(t, map[string]string{nameLabel: name}, engine.selector)

			var routed []string
			for _, service := range of[core.Service](two) {
				if within(labels, service.Spec.Selector) {
					routed = append(routed, service.Name)
				}
			}
			require.Equal(t, []string{name}, routed, "one Service, and no other model's")
			service := named(t, two, name, func(s *core.Service) string { return s.Name })

			eachOverlay(t, func(t *testing.T, all objects) {
				for _, monitor := range of[monitoring.ServiceMonitor](all) {
					if monitor.Name == "vllm" {
						require.True(t, within(service.Labels, monitor.Spec.Selector.MatchLabels))
						require.Equal(t, name, service.Labels[monitor.Spec.JobLabel])
					}
				}
				for _, monitor := range of[monitoring.PodMonitor](all) {
					if monitor.Name == "vllm" {
						require.True(t, within(labels, monitor.Spec.Selector.MatchLabels))
						require.Equal(t, name, labels[monitor.Spec.JobLabel])
					}
				}
				policy := named(t, all, "vllm", func(p *networking.NetworkPolicy) string { return p.Name })
				require.True(t, within(labels, policy.Spec.PodSelector.MatchLabels))
			})

			for _, volume := range engine.pod.Spec.Volumes {
				if volume.PersistentVolumeClaim != nil {
					require.False(t, claims[volume.PersistentVolumeClaim.ClaimName], "a volume of its own")
					claims[volume.PersistentVolumeClaim.ClaimName] = true
				}
			}
		})
	}
	require.Len(t, claims, 2)
}

// In a job that is fixed, models could not be told apart: neither monitor may set it again.
func TestNoMonitorGivesAllModelsOneJob(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		for _, monitor := range of[monitoring.ServiceMonitor](all) {
			for _, relabeling := range monitor.Spec.Endpoints[0].RelabelConfigs {
				require.False(t, monitor.Name == "vllm" && relabeling.TargetLabel == "job")
			}
		}
		for _, monitor := range of[monitoring.PodMonitor](all) {
			for _, relabeling := range monitor.Spec.PodMetricsEndpoints[0].RelabelConfigs {
				require.False(t, monitor.Name == "vllm" && relabeling.TargetLabel == "job")
			}
		}
	})
}
