package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
)

func TestAPodMayDoNoMoreThanItNeeds(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		for _, w := range all.workloads() {
			pod := w.pod.Spec
			require.False(t, pod.HostNetwork || pod.HostPID || pod.HostIPC, w.name)
			require.Equal(t, core.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type, w.name)
			for _, volume := range pod.Volumes {
				require.False(t, volume.HostPath != nil && w.name != "collector", "%s sees the node's %s", w.name, volume.Name)
			}
			for _, container := range w.containers() {
				limits := container.SecurityContext
				require.False(t, *limits.AllowPrivilegeEscalation, w.name)
				require.True(t, *limits.ReadOnlyRootFilesystem, w.name)
				require.Equal(t, []core.Capability{"ALL"}, limits.Capabilities.Drop, w.name)
				require.Empty(t, limits.Capabilities.Add, w.name)
				if w.name == "collector" { // the logs are root's; see collector.yaml
					require.Zero(t, *limits.RunAsUser)
				} else {
					require.True(t, *pod.SecurityContext.RunAsNonRoot, w.name)
					require.NotZero(t, *pod.SecurityContext.RunAsUser, w.name)
				}
				require.False(t, container.Resources.Limits.Memory().IsZero(), w.name)
			}
		}
	})
}

// pinned is a whole version.
var pinned = regexp.MustCompile(`:v?\d+\.\d+\.\d+$`)

// What compose has too runs here in the same version: the one that the tests run.
func TestImagesArePinnedAndThoseOfCompose(t *testing.T) {
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	eachOverlay(t, func(t *testing.T, all objects) {
		for _, w := range all.workloads() {
			for _, container := range w.containers() {
				require.Regexp(t, pinned, container.Image)
				image, _, _ := strings.Cut(container.Image, ":")
				if strings.Contains(string(compose), "image: "+image+":") {
					require.Contains(t, string(compose), "image: "+container.Image+"\n")
				}
			}
		}
	})
}

func TestVLLMIsCalledAlikeInAllStoresAndStopsGently(t *testing.T) {
	eachOverlay(t, func(t *testing.T, all objects) {
		require.NotEmpty(t, all.engines())
		for _, engine := range all.engines() {
			calledAlikeAndStopsGently(t, engine.pod)
		}
	})
}

func calledAlikeAndStopsGently(t *testing.T, pod core.PodTemplateSpec) {
	t.Helper()
	container := pod.Spec.Containers[slices.IndexFunc(pod.Spec.Containers, func(c core.Container) bool { return c.Name == "vllm" })]
	require.Equal(t, "service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME),k8s.namespace.name=$(NAMESPACE),"+
		"deployment.environment.name=$(ENVIRONMENT),gen_ai.request.model=$(MODEL)", environment(t, container, "OTEL_RESOURCE_ATTRIBUTES"))
	i := slices.IndexFunc(container.Env, func(v core.EnvVar) bool { return v.Name == "OTEL_SERVICE_NAME" })
	require.Equal(t, "metadata.labels['"+nameLabel+"']", container.Env[i].ValueFrom.FieldRef.FieldPath)
	for _, annotation := range []string{"model", "environment"} {
		require.NotEmpty(t, pod.Annotations[annotation])
	}
	for _, flag := range []string{"--otlp-traces-endpoint=http://collector:4317", "--enable-log-requests", "--enable-request-id-headers"} {
		require.Contains(t, container.Args, flag)
	}
	require.False(t, *pod.Spec.EnableServiceLinks, "VLLM_PORT would be the Service's")

	drain := 0
	for _, arg := range container.Args {
		if seconds, ok := strings.CutPrefix(arg, "--shutdown-timeout="); ok {
			var err error
			drain, err = strconv.Atoi(seconds)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, drain)
	require.Greater(t, *pod.Spec.TerminationGracePeriodSeconds, container.Lifecycle.PreStop.Sleep.Seconds+int64(drain))
	started := container.StartupProbe
	require.GreaterOrEqual(t, started.PeriodSeconds*started.FailureThreshold, int32(1800), "a first start downloads the model")
}
