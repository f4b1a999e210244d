//go:build integration && unix

package integration_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// scrapes are ways to scrape two engines, a and b, with a card each, and a third card that no engine uses. A star in the
// labels stands for a or b.
var scrapes = []struct{ says, engine, card, idle, instance string }{
	{
		"Kubernetes, where the card's series name its pod",
		`namespace="prod", pod="vllm-*", instance="vllm-*"`,
		`namespace="prod", pod="vllm-*", instance="10.0.0.9:9400"`, `instance="10.0.0.9:9400"`, "vllm-a",
	},
	{
		"Kubernetes, where the exporter's own pod took that place",
		`namespace="prod", pod="vllm-*", instance="vllm-*:8000"`,
		`namespace="gpu", pod="dcgm", exported_namespace="prod", exported_pod="vllm-*", instance="10.0.0.9:9400"`,
		`namespace="gpu", pod="dcgm", instance="10.0.0.9:9400"`, "vllm-a:8000",
	},
	{
		"Kubernetes, with pods of one name in two namespaces",
		`namespace="*", pod="vllm-0", instance="*/vllm-0"`,
		`namespace="*", pod="vllm-0", instance="10.0.0.9:9400"`, `instance="10.0.0.9:9400"`, "a/vllm-0",
	},
	{"hosts", `instance="host-*:8000"`, `instance="host-*:9400"`, `instance="host-c:9400"`, "host-a:8000"},
	{"hosts of IPv6", `instance="[fd00::*]:8000"`, `instance="[fd00::*]:9400"`, `instance="[fd00::c]:9400"`, "[fd00::a]:8000"},
	{
		"compose, which gives the card its engine's labels",
		`namespace="compose", pod="vllm-*", instance="vllm-*"`,
		`namespace="compose", pod="vllm-*", instance="vllm-*"`, `instance="dcgm-exporter:9400"`, "vllm-a",
	},
}

// A card is drawn when an engine of what is chosen uses it, however dcgm-exporter is scraped; and each, when all is chosen. The
// engine a died twenty minutes ago, and is looked for all the more.
func TestACardIsDrawnForTheEnginesThatUseIt(t *testing.T) {
	type object = map[string]any
	power := target(t, "vllm-gpu/Power")
	var tests []object
	for _, s := range scrapes {
		var series []object
		add := func(metric, fixed, labels, engine, values string) {
			labels = strings.ReplaceAll(labels, "*", engine)
			series = append(series, object{"series": metric + "{" + fixed + ", " + labels + "}", "values": values})
		}
		add("vllm:num_requests_running", `model_name="small", environment="production"`, s.engine, "a", "1x40")
		add("vllm:num_requests_running", `model_name="large", environment="staging"`, s.engine, "b", "1x60")
		add("DCGM_FI_DEV_POWER_USAGE", `Hostname="n", gpu="0", UUID="GPU-0"`, s.card, "a", "300x60")
		add("DCGM_FI_DEV_POWER_USAGE", `Hostname="n", gpu="1", UUID="GPU-1"`, s.card, "b", "300x60")
		add("DCGM_FI_DEV_POWER_USAGE", `Hostname="n", gpu="2", UUID="GPU-2"`, s.idle, "", "300x60")
		var asked []object
		for _, chosen := range []struct {
			choice dashboards.Choice
			cards  string
		}{
			{dashboards.Choice{}, "012"},
			{dashboards.Choice{"environment": "production"}, "0"},
			{dashboards.Choice{"model": "large"}, "1"},
			{dashboards.Choice{"environment": "production", "model": "large"}, ""},
			{dashboards.Choice{"instance": s.instance}, "0"},
		} {
			model, err := power.Asks(chosen.choice)
			require.NoError(t, err)
			drawn := []object{}
			for _, gpu := range chosen.cards {
				drawn = append(drawn, object{"labels": fmt.Sprintf(`{Hostname="n", gpu="%c"}`, gpu), "value": 300})
			}
			expr := strings.ReplaceAll(model["promql"].(object)["expr"].(string), "${__vllm_prefix}", vllm.DefaultMetricPrefix)
			asked = append(asked, object{"expr": expr, "eval_time": "1h", "exp_samples": drawn})
		}
		tests = append(tests, object{"name": s.says, "interval": "1m", "input_series": series, "promql_expr_test": asked})
	}
	text, err := yaml.Marshal(object{"tests": tests})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "cards.yml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	output, err := exec.CommandContext(t.Context(), stacktest.Program(t, program.Promtool), "test", "rules", file).CombinedOutput()
	require.NoError(t, err, string(output))
}

// target is what the panel of that name asks.
func target(t *testing.T, of string) (target dashboards.Target) {
	t.Helper()
	eachPanel(t, func(name string, p dashboards.Panel) {
		if name == of {
			target = p.Targets[0]
		}
	})
	require.NotNil(t, target, of)
	return target
}
