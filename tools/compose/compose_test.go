package compose_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

// load reads the file with all profiles, as an engine would; a key that the specification does not know is an error.
func load(t *testing.T, env ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root(t), "docker-compose.yml")},
		cli.WithProfiles([]string{"*"}), cli.WithEnv(env))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

func project(t *testing.T) *types.Project {
	t.Helper()
	p, err := load(t, "GRAFANA_ADMIN_PASSWORD=a-password")
	require.NoError(t, err)
	return p
}

func TestItIsWhatTheSpecificationSays(t *testing.T) {
	p := project(t)
	require.ElementsMatch(t, []string{"grafana", "prometheus", "loki", "jaeger", "simulator", "vllm", "collector"}, p.ServiceNames())
}

func TestThereIsNoDefaultPassword(t *testing.T) {
	_, err := load(t)
	require.ErrorContains(t, err, "choose a password")
	_, err = load(t, "GRAFANA_ADMIN_PASSWORD=")
	require.ErrorContains(t, err, "choose a password")
}

// dist is what the build makes.
const dist = "dist"

func TestEverythingMountedIsThere(t *testing.T) {
	root := root(t)
	for _, service := range project(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind || volume.Source == filepath.Join(root, dist) {
				continue
			}
			require.True(t, strings.HasPrefix(volume.Source, root), "%s mounts %s, which is not of this repository", service.Name, volume.Source)
			require.True(t, volume.ReadOnly, "%s can write to %s", service.Name, volume.Source)
			_, err := os.Stat(volume.Source)
			require.NoError(t, err, service.Name)
		}
		if service.Build != nil {
			require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
		}
	}
}

func TestEveryNamedVolumeIsUsed(t *testing.T) {
	p := project(t)
	used := map[string]bool{}
	for _, service := range p.Services {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeVolume {
				used[volume.Source] = true
			}
		}
	}
	for name := range p.Volumes {
		require.True(t, used[name], "nothing mounts the volume %s", name)
	}
}

func TestOnlyThisMachineReachesIt(t *testing.T) {
	for _, service := range project(t).Services {
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, service.Name)
			require.Contains(t, []string{"grafana", "vllm"}, service.Name, "publishes a port")
		}
	}
}

func TestOnesThatAreWaitedForSayWhenTheyAreReady(t *testing.T) {
	p := project(t)
	for _, service := range p.Services {
		for name, dependency := range service.DependsOn {
			if dependency.Condition == types.ServiceConditionHealthy {
				require.NotNil(t, p.Services[name].HealthCheck, "%s waits for %s", service.Name, name)
			}
		}
	}
}

// pinned is a whole version: v1.2.3 or 1.2.3.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+\.\d+$`)

func TestImagesArePinnedToTheVersionsThatTheTestsRun(t *testing.T) {
	images := map[string]string{}
	for _, service := range project(t).Services {
		images[service.Name] = service.Image
		if service.Build == nil {
			require.Regexp(t, pinned, service.Image, service.Name)
		}
	}
	// Prometheus' module is 0.315.0 where its release is 3.15.0; Jaeger 2.13 lives in the module of 1.76.
	require.Equal(t, "prom/prometheus:v3.15.0", images["prometheus"])
	require.Regexp(t, `github.com/prometheus/prometheus v0\.315\.0 `, module(t, "prometheus"))
	require.Equal(t, "jaegertracing/jaeger:2.13.0", images["jaeger"])
	require.Regexp(t, `github.com/jaegertracing/jaeger v1\.76\.0 `, module(t, "jaeger"))
	_, version, _ := strings.Cut(images["loki"], ":")
	require.Contains(t, module(t, "loki"), "github.com/grafana/loki/v3 v"+version+" ")
}

func module(t *testing.T, server string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "tools", "servers", server, "go.mod"))
	require.NoError(t, err)
	return string(text)
}

// variable is how docker-compose.yml takes a value from .env.
var variable = regexp.MustCompile(`\$\{([A-Z_]+)`)

func TestTheExampleExplainsEveryVariable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docker-compose.yml"))
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join(root(t), ".env.example"))
	require.NoError(t, err)
	taken := map[string]bool{"COMPOSE_PROFILES": true} // docker compose's own
	for _, match := range variable.FindAllStringSubmatch(string(text), -1) {
		taken[match[1]] = true
		require.Regexp(t, `(?m)^`+match[1]+`=`, string(example), "not in .env.example")
	}
	for line := range strings.Lines(string(example)) {
		if name, _, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			require.True(t, taken[name], ".env.example explains %s, which nothing takes", name)
		}
	}
}
