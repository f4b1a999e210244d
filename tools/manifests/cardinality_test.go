package manifests

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// dropped is what a scrape throws away: the operator's two forms and the plain one say the same.
func dropped(t *testing.T) *regexp.Regexp {
	t.Helper()
	var all []string
	for _, monitor := range of[monitoring.ServiceMonitor](build(t, "deploy/kubernetes/overlays/operator")) {
		if monitor.Name == "vllm" {
			all = append(all, monitor.Spec.Endpoints[0].MetricRelabelConfigs[0].Regex)
		}
	}
	for _, monitor := range of[monitoring.PodMonitor](build(t, "deploy/kubernetes/overlays/podmonitor")) {
		if monitor.Name == "vllm" {
			all = append(all, monitor.Spec.PodMetricsEndpoints[0].MetricRelabelConfigs[0].Regex)
		}
	}
	var plain struct {
		ScrapeConfigs []struct {
			JobName              string                           `json:"job_name"`
			MetricRelabelConfigs []struct{ Action, Regex string } `json:"metric_relabel_configs"`
		} `json:"scrape_configs"`
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy/kubernetes/components/prometheus/prometheus-config.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &plain))
	require.Equal(t, "vllm", plain.ScrapeConfigs[0].JobName)
	require.Equal(t, "drop", plain.ScrapeConfigs[0].MetricRelabelConfigs[0].Action)
	all = append(all, plain.ScrapeConfigs[0].MetricRelabelConfigs[0].Regex)
	require.Equal(t, []string{all[0], all[0], all[0]}, all)
	return regexp.MustCompile("^(?:" + all[0] + ")$") // as Prometheus anchors it
}

// series are the names of a recorded /metrics, one for each series.
func series(t *testing.T, recording string) (names []string) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "tools/recordings", recording, "metrics-last.prom"))
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			name, _, _ := strings.Cut(line, " ")
			name, _, _ = strings.Cut(name, "{")
			names = append(names, name)
		}
	}
	require.NoError(t, lines.Err())
	return names
}

func TestTheDocsSayHowMuchIsSaved(t *testing.T) {
	drop := dropped(t)
	docs, err := os.ReadFile(filepath.Join(root, "docs/kubernetes.md"))
	require.NoError(t, err)
	for _, recording := range []string{"vllm-0.32.0", "vllm-0.32.0/variants/data-parallel"} {
		names := series(t, recording)
		created, others := 0, 0
		for _, name := range names {
			switch {
			case strings.HasSuffix(name, "_created"):
				require.Regexp(t, drop, name)
				created++
			case drop.MatchString(name):
				others++
			}
		}
		kept := len(names) - created - others
		require.Contains(t, string(docs), fmt.Sprintf("| %d | %d | %d | %d | %d %% |",
			len(names), created, others, kept, (100*(created+others)+len(names)/2)/len(names)), recording)
	}
}

// Nothing of ours asks for what is thrown away.
func TestNothingAsksForWhatIsDropped(t *testing.T) {
	drop := dropped(t)
	gone := map[string]bool{}
	for _, name := range series(t, "vllm-0.32.0") {
		if drop.MatchString(name) {
			gone[name] = true
		}
	}
	require.NotEmpty(t, gone)
	word := regexp.MustCompile(`[a-z_][a-z0-9_:]+`)
	asked := 0
	for _, pattern := range []string{"dashboards/*.json", "provisioning/prometheus/vllm-rules.yml", "provisioning/alerting/*", "pkg/vllm/metrics_table.go", "pkg/figures/*.go", "pkg/events/*.go"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			// An application has HTTP metrics of its own, under the names that vLLM's have.
			if filepath.Base(path) == "vllm-rag.json" {
				continue
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, name := range word.FindAllString(string(text), -1) {
				require.False(t, gone[name], "%s asks for %s", path, name)
				asked++
			}
		}
	}
	require.NotZero(t, asked)
}
