//go:build integration && unix

package alerts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// copies are what redundant Prometheus servers, and two scrape configurations of one target, make of a series.
var copies = map[string][]string{
	"redundant servers":  {`prometheus_replica="a"`, `prometheus_replica="b"`},
	"Thanos and Mimir":   {`replica="a", __replica__="x"`, `replica="b", __replica__="y"`},
	"two configurations": {`service="vllm", endpoint="http"`, `endpoint="metrics"`},
}

// everyWay is all of that at once: evaluating the rules' cases takes minutes.
var everyWay = []string{
	`prometheus="m/a", prometheus_replica="a", replica="a", __replica__="x", service="vllm", endpoint="http"`,
	`prometheus="m/b", prometheus_replica="b", replica="b", __replica__="y", endpoint="metrics"`,
}

func copied(series []alerts.Series, labels []string) (out []alerts.Series) {
	for _, s := range series {
		for _, l := range labels {
			name, inner, found := strings.Cut(strings.TrimSuffix(s.Name, "}"), "{")
			if found && inner != "" {
				l = inner + ", " + l
			}
			out = append(out, alerts.Series{Name: name + "{" + l + "}", Values: s.Values})
		}
	}
	return out
}

// The cases stand just inside and just outside of the thresholds: a rule that counted anything twice would be on the other side.
func TestRulesCountCopiesOfASeriesOnce(t *testing.T) {
	t.Parallel()
	promtool := stacktest.Program(t, program.Promtool)
	dir := t.TempDir()
	var files []string
	cases := 0
	for _, g := range alerts.Groups() {
		of := slices.DeleteFunc(slices.Clone(g.Alerts), func(a alerts.Alert) bool { return a.Language != alerts.PromQL })
		for i := range of {
			of[i].Cases = slices.Clone(of[i].Cases)
			for c := range of[i].Cases {
				of[i].Cases[c].Series = copied(of[i].Cases[c].Series, everyWay)
				cases++
			}
		}
		if len(of) == 0 {
			continue
		}
		written, err := alerts.PrometheusFiles(g.Name, alerts.Group{Name: g.Name, Records: g.Records, Alerts: of}, of)
		require.NoError(t, err)
		for file, content := range written {
			path := filepath.Join(dir, file)
			require.NoError(t, os.WriteFile(path, content, 0o600))
			if testSuffix.MatchString(file) {
				files = append(files, path)
			}
		}
	}
	require.Greater(t, cases, 80)
	output, err := exec.CommandContext(t.Context(), promtool, append([]string{"test", "rules"}, files...)...).CombinedOutput()
	require.NoError(t, err, string(output))
}

// Every expression of a board is asked of two environments that differ in nothing but copies.
func TestBoardsCountCopiesOfASeriesOnce(t *testing.T) {
	t.Parallel()
	promtool := stacktest.Program(t, program.Promtool)
	root, err := repo.Root()
	require.NoError(t, err)
	boards, err := dashboards.Load(root)
	require.NoError(t, err)
	all := map[string][]string{"two scrape jobs": {`job="vllm-a"`, `job="vllm-b"`}}
	for name, labels := range copies {
		all[name] = labels
	}
	asked := map[string]string{} // expression → panel
	for _, b := range boards {
		for _, p := range b.Panels {
			for _, target := range p.Targets {
				if q, ok := target["promql"].(map[string]any); ok {
					asked[fmt.Sprint(q["expr"])] = b.UID + ": " + p.Title
				}
			}
		}
	}
	require.Greater(t, len(asked), 40)
	for name, labels := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type sample struct {
				Labels string  `yaml:"labels"`
				Value  float64 `yaml:"value"`
			}
			type expression struct {
				Expr     string   `yaml:"expr"`
				EvalTime string   `yaml:"eval_time"`
				Samples  []sample `yaml:"exp_samples"`
			}
			type test struct {
				Name        string          `yaml:"name"`
				Interval    string          `yaml:"interval"`
				Series      []alerts.Series `yaml:"input_series"`
				Expressions []expression    `yaml:"promql_expr_test"`
			}
			file := struct {
				Interval string `yaml:"evaluation_interval"`
				Tests    []test `yaml:"tests"`
			}{Interval: "1m"}
			for expr, panel := range asked {
				if strings.Contains(expr, "ALERTS") || strings.Contains(expr, "instance:vllm_requests") {
					continue // of rules, whose results have no copies
				}
				plain := seriesOf(expr, "plain")
				differs := fmt.Sprintf(`count((label_replace(%s, "environment", "", "", "")) != (label_replace(%s, "environment", "", "", "")))`, expanded(expr, "plain"), expanded(expr, "copied"))
				there := fmt.Sprintf(`count(label_replace(%s, "environment", "", "", "")) - count(label_replace(%s, "environment", "", "", ""))`, expanded(expr, "plain"), expanded(expr, "copied"))
				file.Tests = append(file.Tests, test{
					Name: panel + ": " + expr, Interval: "1m",
					Series:      append(copied(plain, []string{`job="vllm"`}), copied(withJob(seriesOf(expr, "copied"), labels), labels)...),
					Expressions: []expression{{differs, "30m", []sample{}}, {there, "30m", []sample{{"{}", 0}}}},
				})
			}
			text, err := yaml.Marshal(file)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "boards.test.yml")
			require.NoError(t, os.WriteFile(path, text, 0o600))
			output, err := exec.CommandContext(t.Context(), promtool, "test", "rules", path).CombinedOutput()
			require.NoError(t, err, string(output))
		})
	}
}

// withJob gives series their scrape job, where copies do not differ in it.
func withJob(series []alerts.Series, labels []string) []alerts.Series {
	if strings.Contains(labels[0], "job=") {
		return series
	}
	return copied(series, []string{`job="vllm"`})
}

// expanded fills in what Grafana and the data source do.
func expanded(expr, environment string) string {
	return strings.NewReplacer(
		"${__vllm_prefix}", "vllm:", "${__vllm_copies}", strings.Join(promql.CopyLabels, ","), "$__rate_interval", "5m", "$__range", "30m",
		"$__interval", "1m", "$environment", environment, "$model", ".*", "$instance", ".*",
	).Replace(expr)
}

var (
	named     = regexp.MustCompile(`\b((?:vllm:|rag_|DCGM_FI_|http_|process_|nvidia_|scrape_)\w+|up)\{`)
	collector = regexp.MustCompile(`__name__=~\\?"(otelcol_\w+)_\(`)
	le        = regexp.MustCompile(`_bucket$`)
)

// seriesOf are two servers' series of every metric of an expression, with whatever labels one may ask for.
func seriesOf(expr, environment string) (out []alerts.Series) {
	expr = expanded(expr, environment)
	var names []string
	for _, m := range named.FindAllStringSubmatch(expr, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	for _, m := range collector.FindAllStringSubmatch(expr, -1) {
		names = append(names, m[1]+"_spans_total")
	}
	for n, name := range names {
		for i := range 2 {
			bounds := []string{""}
			if le.MatchString(name) {
				bounds = []string{"0.0", "1.0", "100.0", "+Inf"}
			}
			for b, bound := range bounds {
				labels := fmt.Sprintf(`environment=%q, namespace="prod", instance="%c:8000", pod="vllm-%[2]c", model_name="m", engine="0", gpu="%[3]d", UUID="GPU-%[3]d", Hostname="node", `+
					`handler="/v1/completions", method="POST", status="5xx", source="local", finished_reason="stop", position="0", stage="retrieve", type="prompt", outcome="aborted", `+
					`finish_reason="stop", model="m", exporter="otlp", receiver="otlp"`, environment, 'a'+i, i)
				if bound != "" {
					labels += fmt.Sprintf(`, le=%q`, bound)
				}
				if name == "up" || strings.HasPrefix(name, "rag_") {
					labels = strings.Replace(labels, `model_name="m", `, "", 1)
				}
				out = append(out, alerts.Series{Name: name + "{" + labels + "}", Values: fmt.Sprintf("%d+%dx40", n+i, (i+2)*(b+1)*(n+3))})
			}
		}
	}
	return out
}
