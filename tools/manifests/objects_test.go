package manifests

import (
	"testing"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
)

// objects are what one overlay makes, each of a type in kinds.
type objects []any

// of gives those of one type.
func of[T any](all objects) (some []*T) {
	for _, object := range all {
		if typed, ok := object.(*T); ok {
			some = append(some, typed)
		}
	}
	return some
}

// workload is what makes pods.
type workload struct {
	name     string
	selector map[string]string // nil: a Job makes its own
	pod      core.PodTemplateSpec
	claims   []core.PersistentVolumeClaim
}

func (all objects) workloads() (some []workload) {
	for _, w := range of[apps.Deployment](all) {
		some = append(some, workload{w.Name, w.Spec.Selector.MatchLabels, w.Spec.Template, nil})
	}
	for _, w := range of[apps.DaemonSet](all) {
		some = append(some, workload{w.Name, w.Spec.Selector.MatchLabels, w.Spec.Template, nil})
	}
	for _, w := range of[apps.StatefulSet](all) {
		some = append(some, workload{w.Name, w.Spec.Selector.MatchLabels, w.Spec.Template, w.Spec.VolumeClaimTemplates})
	}
	for _, w := range of[batch.CronJob](all) {
		some = append(some, workload{w.Name, nil, w.Spec.JobTemplate.Spec.Template, nil})
	}
	return some
}

// containers are all of a pod, those that run first as well.
func (w workload) containers() []core.Container {
	return append(append([]core.Container{}, w.pod.Spec.InitContainers...), w.pod.Spec.Containers...)
}

// ports are the named ports of the containers.
func (w workload) ports() map[string]bool {
	names := map[string]bool{}
	for _, container := range w.containers() {
		for _, port := range container.Ports {
			names[port.Name] = true
		}
	}
	return names
}

// environment is a variable of a container, as written.
func environment(t *testing.T, container core.Container, name string) string {
	t.Helper()
	for _, variable := range container.Env {
		if variable.Name == name {
			return variable.Value
		}
	}
	require.Fail(t, "no variable "+name)
	return ""
}

func within(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}
