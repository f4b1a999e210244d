package compose_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return root
}

// load reads the file as an engine would; a key that the specification does not know is an error.
func load(t *testing.T, profiles []string, env ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root(t), "docker-compose.yml")},
		cli.WithProfiles(profiles), cli.WithEnv(env))
	require.NoError(t, err)
	return options.LoadProject(t.Context())
}

func project(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	p, err := load(t, profiles, "GRAFANA_ADMIN_PASSWORD=a-password")
	require.NoError(t, err)
	return p
}

func everything(t *testing.T) *types.Project {
	t.Helper()
	return project(t, "*")
}

// always is what runs whatever the profile.
var always = []string{"grafana", "prometheus", "loki", "jaeger", "jaeger-volume", "alertmanager", "alerts", "collector"}

func TestEachProfileIsWhole(t *testing.T) {
	for profile, adds := range map[string][]string{
		"sim": {"simulator"},
		"gpu": {"vllm", "dcgm-exporter"},
		"cpu": {"vllm-cpu"},
		"rag": {"rag-app", "rag-load"},
	} {
		t.Run(profile, func(t *testing.T) {
			require.ElementsMatch(t, slices.Concat(always, adds), project(t, profile).ServiceNames())
		})
	}
}

func TestThereIsNoDefaultPassword(t *testing.T) {
	_, err := load(t, nil)
	require.ErrorContains(t, err, "choose a password")
	_, err = load(t, nil, "GRAFANA_ADMIN_PASSWORD=")
	require.ErrorContains(t, err, "choose a password")
}

func TestNobodyEntersGrafanaUnnamed(t *testing.T) {
	grafana := everything(t).Services["grafana"].Environment
	require.Equal(t, "false", *grafana["GF_AUTH_ANONYMOUS_ENABLED"])
	require.Equal(t, "false", *grafana["GF_USERS_ALLOW_SIGN_UP"])
}

// What provisioning takes from Grafana's environment must be there: Grafana itself takes a missing one for empty.
func TestGrafanaHasEveryVariableOfItsProvisioning(t *testing.T) {
	environment := everything(t).Services["grafana"].Environment
	found := 0
	for _, folder := range []string{"alerting", "dashboards", "datasources"} {
		paths, err := filepath.Glob(filepath.Join(root(t), "provisioning", folder, "*.yml"))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, match := range regexp.MustCompile(`\$\{?(VLLM_[A-Z_]+)`).FindAllStringSubmatch(string(text), -1) {
				require.Contains(t, environment, match[1], path)
				found++
			}
		}
	}
	require.NotZero(t, found)
}

// dist is what the build makes.
const dist = "dist"

// host is what a service may see of the machine itself.
var host = map[string]string{"collector": "/var/lib/docker/containers"}

func TestEverythingMountedIsThereAndReadOnly(t *testing.T) {
	root := root(t)
	for _, service := range everything(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			require.True(t, volume.ReadOnly, "%s can write to %s", service.Name, volume.Source)
			if volume.Source == filepath.Join(root, dist) || volume.Source == host[service.Name] {
				continue
			}
			require.True(t, strings.HasPrefix(volume.Source, root), "%s mounts %s, which is not of this repository", service.Name, volume.Source)
			_, err := os.Stat(volume.Source)
			require.NoError(t, err, service.Name)
		}
		if service.Build != nil {
			require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
		}
	}
}

func TestEveryStoreHasAVolumeAndEveryVolumeAUser(t *testing.T) {
	p := everything(t)
	users := map[string][]string{}
	for _, service := range p.Services {
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeVolume {
				users[volume.Source] = append(users[volume.Source], service.Name)
			}
		}
	}
	require.ElementsMatch(t, p.VolumeNames(), slices.Collect(maps.Keys(users)))
	for _, store := range []string{"grafana", "prometheus", "loki", "jaeger", "alertmanager", "collector"} {
		require.Contains(t, users[store], store)
	}
}

func TestStoresForgetAfterOneTime(t *testing.T) {
	services := everything(t).Services
	require.Contains(t, services["prometheus"].Command, "--storage.tsdb.retention.time=168h")
	require.Contains(t, services["alertmanager"].Command, "--data.retention=168h")
	require.Equal(t, "168h", *services["loki"].Environment["RETENTION"])
	require.Equal(t, "168h", *services["jaeger"].Environment["RETENTION"])
	for _, service := range services {
		require.Equal(t, "json-file", service.Logging.Driver, service.Name)
		require.NotEmpty(t, service.Logging.Options["max-size"], service.Name)
		require.NotEmpty(t, service.Logging.Options["max-file"], service.Name)
	}
}

func TestOnlyThisMachineReachesIt(t *testing.T) {
	for _, service := range everything(t).Services {
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, service.Name)
			require.Contains(t, []string{"grafana", "alerts", "vllm", "vllm-cpu", "rag-app"}, service.Name, "publishes a port")
		}
	}
}

// allowed is what a service has beyond the least, with the reason in docker-compose.yml.
var (
	writable     = []string{"alertmanager", "vllm", "vllm-cpu", "dcgm-exporter"}
	capabilities = map[string][]string{"jaeger-volume": {"CHOWN"}, "dcgm-exporter": {"SYS_ADMIN"}}
	asRoot       = []string{"jaeger-volume", "collector"}
)

func TestAServiceHasNoMoreThanItNeeds(t *testing.T) {
	for _, service := range everything(t).Services {
		require.Equal(t, []string{"ALL"}, service.CapDrop, service.Name)
		require.Equal(t, capabilities[service.Name], service.CapAdd, service.Name)
		require.Equal(t, []string{"no-new-privileges:true"}, service.SecurityOpt, service.Name)
		require.Equal(t, !slices.Contains(writable, service.Name), service.ReadOnly, service.Name)
		require.Equal(t, slices.Contains(asRoot, service.Name), service.User != "", service.Name)
		require.False(t, service.Privileged, service.Name)
		require.Empty(t, service.Ipc+service.Pid, service.Name)
		require.NotNil(t, service.Deploy, service.Name)
		require.NotNil(t, service.Deploy.Resources.Limits, service.Name)
		require.NotZero(t, service.Deploy.Resources.Limits.MemoryBytes, service.Name)
		// An engine refuses to put a secret from .env into a read-only container.
		if len(service.Secrets) > 0 {
			require.False(t, service.ReadOnly, service.Name)
		}
	}
}

// silent are one whose work ends, one whose image has nothing to ask with, and one that nobody asks.
var silent = []string{"jaeger-volume", "collector", "rag-load"}

func TestWhoeverIsWaitedForSaysWhenItIsReady(t *testing.T) {
	p := everything(t)
	for _, service := range p.Services {
		for name, dependency := range service.DependsOn {
			if dependency.Condition == types.ServiceConditionHealthy {
				require.NotNil(t, p.Services[name].HealthCheck, "%s waits for %s", service.Name, name)
			}
		}
		if !slices.Contains(silent, service.Name) {
			require.NotNil(t, service.HealthCheck, service.Name)
		}
	}
}

// What comes out of the three signals must name an instance alike: spans by the environment, series by prometheus.yml, and lines
// by collector.yaml, which makes it of the service's name, as these do.
func TestAnInstanceIsCalledAlikeInAllStores(t *testing.T) {
	services, scraped := everything(t).Services, scrapedLabels(t)
	for _, name := range []string{"vllm", "vllm-cpu", "rag-app"} {
		environment := services[name].Environment
		require.Equal(t, name, *environment["OTEL_SERVICE_NAME"])
		spans := map[string]string{}
		for pair := range strings.SplitSeq(*environment["OTEL_RESOURCE_ATTRIBUTES"], ",") {
			attribute, value, _ := strings.Cut(pair, "=")
			spans[attribute] = value
		}
		require.Equal(t, map[string]string{
			"service.instance.id": name + "-0", "k8s.pod.name": name + "-0",
			"k8s.namespace.name": "compose", "deployment.environment.name": "development",
		}, spans)
		require.Equal(t, map[string]string{
			"instance": name + "-0", "pod": name + "-0", "namespace": "compose", "environment": "development",
		}, scraped[name], name)
	}
	for _, service := range services {
		require.Equal(t, "vllm-datasource", service.Logging.Options["tag"], "collector.yaml looks for it")
		require.Equal(t, "com.docker.compose.service", service.Logging.Options["labels"], service.Name)
	}
}

// scrapedLabels are what prometheus.yml gives the series of each service that it finds by DNS.
func scrapedLabels(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "deploy/compose/prometheus.yml"))
	require.NoError(t, err)
	var file struct {
		Jobs []struct {
			DNS []struct {
				Names []string
			} `yaml:"dns_sd_configs"`
			Relabeling []struct {
				Sources     []string `yaml:"source_labels"`
				Regex       string
				Target      string `yaml:"target_label"`
				Replacement string
			} `yaml:"relabel_configs"`
		} `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	labels := map[string]map[string]string{}
	for _, job := range file.Jobs {
		for _, dns := range job.DNS {
			for _, name := range dns.Names {
				labels[name] = map[string]string{}
				for _, step := range job.Relabeling {
					require.Equal(t, []string{"__meta_dns_name"}, step.Sources)
					labels[name][step.Target] = regexp.MustCompile("^(?:"+step.Regex+")$").ReplaceAllString(name, step.Replacement)
				}
			}
		}
	}
	return labels
}

// pinned is a whole version: v1.2.3 or 1.2.3, or NVIDIA's pair of them.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?\d+\.\d+\.\d+(-\d+\.\d+\.\d+-ubuntu22\.04)?$`)

func TestImagesArePinnedToTheVersionsThatTheTestsRun(t *testing.T) {
	images := map[string]string{}
	for _, service := range everything(t).Services {
		images[service.Name] = service.Image
		if service.Build == nil {
			require.Regexp(t, pinned, service.Image, service.Name)
		}
	}
	// Prometheus' module is 0.315.0 where its release is 3.15.0; Jaeger 2.13 lives in the module of 1.76.
	require.Equal(t, "prom/prometheus:v3.15.0", images["prometheus"])
	require.Regexp(t, `github.com/prometheus/prometheus v0\.315\.0 `, module(t, "prometheus"))
	require.Equal(t, "jaegertracing/jaeger:2.13.0", images["jaeger"])
	require.Equal(t, images["jaeger"], images["jaeger-volume"])
	require.Regexp(t, `github.com/jaegertracing/jaeger v1\.76\.0 `, module(t, "jaeger"))
	_, version, _ := strings.Cut(images["loki"], ":")
	require.Contains(t, module(t, "loki"), "github.com/grafana/loki/v3 v"+version+" ")
	_, version, _ = strings.Cut(images["alertmanager"], ":")
	require.Contains(t, module(t, "alertmanager"), "github.com/prometheus/alertmanager "+version+" ")
	_, version, _ = strings.Cut(images["collector"], ":")
	require.Contains(t, module(t, "collector"), "contrib/receiver/filelogreceiver v"+version+"\n")
}

func module(t *testing.T, server string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "tools", "servers", server, "go.mod"))
	require.NoError(t, err)
	return string(text)
}

// variable is how docker-compose.yml takes a value from .env; secret, how it takes a secret.
var (
	variable = regexp.MustCompile(`\$\{([A-Z_]+)`)
	secret   = regexp.MustCompile(`\{environment: ([A-Z_]+)\}`)
)

func TestTheExampleExplainsEveryVariable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docker-compose.yml"))
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join(root(t), ".env.example"))
	require.NoError(t, err)
	taken := map[string]bool{"COMPOSE_PROFILES": true} // docker compose's own
	for _, match := range append(variable.FindAllStringSubmatch(string(text), -1), secret.FindAllStringSubmatch(string(text), -1)...) {
		taken[match[1]] = true
		require.Regexp(t, `(?m)^`+match[1]+`=`, string(example), "not in .env.example")
	}
	for line := range strings.Lines(string(example)) {
		if name, _, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			require.True(t, taken[name], ".env.example explains %s, which nothing takes", name)
		}
	}
}

// A default that stands in both files must be one.
func TestTheExampleShowsTheDefaults(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docker-compose.yml"))
	require.NoError(t, err)
	example, err := os.ReadFile(filepath.Join(root(t), ".env.example"))
	require.NoError(t, err)
	for _, match := range regexp.MustCompile(`\$\{([A-Z_]+):-([^}]*)\}`).FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, string(example), "\n"+match[1]+"="+match[2]+"\n")
	}
}
