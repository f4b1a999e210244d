//go:build unix

package stack

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Ports and folders of the goldens are fixed: the files are for reading.
func TestConfigurations(t *testing.T) {
	store := func(name string, ports ...int) *Store {
		s := &Store{name: name, dir: "/data/" + name}
		for _, number := range ports {
			s.ports = append(s.ports, &loopback.Port{Number: number})
		}
		return s
	}
	prometheus := &Prometheus{Store: store("prometheus", 9090), URL: "http://127.0.0.1:9090", interval: "5s"}
	require.NoError(t, prometheus.SetScrapeConfigs("scrape_configs:\n  - job_name: vllm\n    static_configs:\n      - targets: [\"127.0.0.1:8000\"]\n"))
	loki := &Loki{Store: store("loki", 3100, 9095), URL: "http://127.0.0.1:3100", options: Options{MaxEntries: 5000}}
	tenants := &Loki{Store: loki.Store, URL: loki.URL, options: Options{MaxEntries: 100, MultiTenant: true}}
	rules := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(rules, []byte("groups: []\n"), 0o600))
	prometheusRules := &Prometheus{
		Store: prometheus.Store, URL: prometheus.URL, interval: "5s", scrape: "scrape_configs: []\n",
		rules: "/rules/vllm.yml", ruleInterval: "15s", alertmanager: "http://127.0.0.1:9093",
	}
	lokiRules := &Loki{
		Store: loki.Store, URL: loki.URL, options: Options{MaxEntries: 5000, LokiRules: rules, RuleInterval: time.Minute},
		alertmanager: "http://127.0.0.1:9093",
	}
	jaeger := &Jaeger{Store: store("jaeger", 16685, 16686, 4317, 4318), HTTP: "http://127.0.0.1:16686", maxTraces: 500}

	for name, plan := range map[string]func(program.Binary) (command, error){
		"prometheus.yml": prometheus.plan, "loki.yaml": loki.plan, "loki-tenants.yaml": tenants.plan, "jaeger.yaml": jaeger.plan,
		"prometheus-rules.yml": prometheusRules.plan, "loki-rules.yaml": lokiRules.plan,
	} {
		t.Run(name, func(t *testing.T) {
			command, err := plan(program.Binary{})
			require.NoError(t, err)
			golden := filepath.Join("testdata", name)
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(command.config), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), command.config)
		})
	}

	t.Run("an old Prometheus is not given flags that it does not know", func(t *testing.T) {
		command, err := prometheus.plan(program.Binary{Version: "2.42.0"})
		require.NoError(t, err)
		require.NotContains(t, command.args, "--web.enable-otlp-receiver")
		command, err = prometheus.plan(program.Binary{})
		require.NoError(t, err)
		require.Contains(t, command.args, "--web.enable-otlp-receiver")
	})
}
