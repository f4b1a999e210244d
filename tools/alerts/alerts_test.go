package alerts

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/figures"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestTheFilesAreWhatTheCatalogueSays(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	files, err := Files(vllm.DefaultMetricPrefix)
	require.NoError(t, err)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: cd tools && go run ./cmd/alerts", path)
	}
}

func TestThePageListsTheCatalogue(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(root, Page))
	require.NoError(t, err)
	want, err := WithTable(got)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "cd tools && go run ./cmd/alerts")
}

func TestEveryAlertSaysWhoIsToldAndWhatToDo(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, a := range Alerts() {
		require.False(t, seen[a.Name], "%s is there twice", a.Name)
		seen[a.Name] = true
		require.Regexp(t, `^VLLM[A-Z]\w+$`, a.Name)
		require.Contains(t, Severities, a.Severity, a.Name)
		require.NotEmpty(t, a.Component, a.Name)
		require.FileExists(t, filepath.Join(root, "dashboards", a.Board()+".json"), a.Name)
		require.NotEmpty(t, a.Summary, a.Name)
		require.NotEmpty(t, a.Description, a.Name)
		require.NotContains(t, a.Summary, "\n", a.Name)
	}
}

// Whoever follows the link of a message finds what the alert saw, if any dashboard shows that.
func TestAnAlertsDashboardShowsWhatItSaw(t *testing.T) {
	boards, err := dashboards.Load(root(t))
	require.NoError(t, err)
	for metric, figure := range figuresOf {
		require.True(t, figure == "slo" || figure == "coverage" || slices.Contains(figures.Names(), figure), "%s is no figure of %s", figure, metric)
	}
	records := map[string]string{}
	for _, g := range Groups() {
		for _, r := range g.Records {
			records[r.Name] = r.Expr
		}
	}
	shown := 0
	for _, a := range Alerts() {
		if a.Language == LogQL {
			continue
		}
		expr, _, _ := strings.Cut(a.Expr, " unless ") // what is not there cannot be shown
		for name, meaning := range records {
			// Whether a target is new says nothing of what is shown.
			expr = strings.ReplaceAll(expr, name, strings.ReplaceAll(meaning, "process_start_time_seconds", ""))
		}
		var showing []string
		for _, name := range metricName.FindAllString(expr, -1) {
			for _, b := range boards {
				if texts := asks(b); slices.Contains(texts, name) || slices.Contains(texts, figuresOf[name]) {
					showing = append(showing, b.UID)
				}
			}
		}
		if len(showing) > 0 {
			shown++
			require.Contains(t, showing, a.Board(), "%s links to a dashboard without any of its metrics", a.Name)
		}
	}
	require.Greater(t, shown, len(Alerts())/2)
}

// metricName finds metrics in expressions.
var metricName = regexp.MustCompile(`\b(?:vllm:\w+|DCGM_FI_\w+|otelcol_\w+|http_requests_total|process_start_time_seconds)\b`)

// figuresOf are what the data source calls what it reads off these metrics; of latencies and of spans it is a kind of query.
var figuresOf = map[string]string{
	"vllm:num_requests_running": "running", "vllm:num_requests_waiting": "waiting", "vllm:num_requests_waiting_by_reason": "waiting_deferred",
	"vllm:kv_cache_usage_perc": "kv_cache_usage_max", "vllm:num_preemptions_total": "preemption_rate",
	"vllm:prefix_cache_hits_total": "prefix_cache_hit_ratio", "vllm:generation_tokens_total": "generation_token_rate",
	"vllm:request_queue_time_seconds_sum": "queue_mean", "vllm:admission_rejections_total": "rejection_ratio",
	"otelcol_receiver_accepted_spans": "coverage", "vllm:request_success_total": "request_rate", "http_requests_total": "http_5xx_ratio",
	Objectives[0].Histogram + "_count": "slo", Objectives[1].Histogram + "_count": "slo", Objectives[2].Histogram + "_count": "slo",
}

// asks are the texts by which a dashboard's panels ask: expressions, figures, kinds.
func asks(b dashboards.Dashboard) (texts []string) {
	for _, p := range b.Panels {
		for _, target := range p.Targets {
			texts = append(texts, fmt.Sprint(target["queryType"]))
			if q, ok := target["promql"].(map[string]any); ok {
				expr := strings.ReplaceAll(fmt.Sprint(q["expr"]), "${__vllm_prefix}", vllm.DefaultMetricPrefix)
				texts = append(texts, metricName.FindAllString(expr, -1)...)
			}
			if q, ok := target["models"].(map[string]any); ok {
				texts = append(texts, strings.Fields(strings.Trim(fmt.Sprint(q["metrics"]), "[]"))...)
			}
		}
	}
	return texts
}

// promtool runs the cases; here is only that none is missing.
func TestEveryAlertIsShownFiringAndSilent(t *testing.T) {
	for _, a := range Alerts() {
		if a.Language == LogQL {
			require.Empty(t, a.Cases, "%s: promtool does not know LogQL", a.Name)
			require.Zero(t, a.For, "%s: no case could hold how long it waits", a.Name)
			continue
		}
		require.GreaterOrEqual(t, a.Begins(), 0, "%s never fires", a.Name)
		require.True(t, slices.ContainsFunc(a.Cases, func(c Case) bool { return c.Firing == 0 }), "%s is never silent", a.Name)
		for _, c := range a.Cases {
			require.GreaterOrEqual(t, c.At, a.For, "%s %s: looked at before it could fire", a.Name, c.Says)
			require.Zero(t, c.At%c.Step(), "%s %s: looked at between two steps", a.Name, c.Says)
		}
		begins := a.Cases[a.Begins()]
		require.Zero(t, a.For%begins.Step(), "%s %s: waits for less than promtool's steps can tell", a.Name, begins.Says)
	}
}

func TestAnObjectiveIsABucketsBound(t *testing.T) {
	for _, o := range Objectives {
		require.Contains(t, bucketsOf(t, o.Histogram), o.Seconds, o.Name)
	}
}

// The data source that Grafana is given says what the rules make of its limits.
func TestTheDataSourceSaysWhereTheRulesDiffer(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "provisioning", "datasources", "vllm.yml"))
	require.NoError(t, err)
	for _, o := range Objectives {
		limit := slo.Shipped.Of(slo.Limit(o.Name))
		require.Contains(t, string(text), fmt.Sprintf("%s: %s", o.Name, strings.Replace(limit.String(), "1m0s", "60s", 1)))
		if limit.Seconds() != o.Seconds {
			require.Contains(t, string(text), fmt.Sprintf("%g s of %s", o.Seconds, o.Title))
		}
	}
}

func TestEveryAlertHasARunbook(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "VLLM*.md"))
	require.NoError(t, err)
	var have, want []string
	for _, page := range pages {
		have = append(have, strings.TrimSuffix(filepath.Base(page), ".md"))
	}
	for _, a := range Alerts() {
		want = append(want, a.Name)
	}
	for _, m := range ManagedAlerts() {
		want = append(want, m.Name)
	}
	require.ElementsMatch(t, want, have)

	link := regexp.MustCompile(`\]\((VLLM\w+)\.md\)`)
	for _, page := range pages {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		_, after, found := strings.Cut(string(content), "\n## First three checks\n")
		require.True(t, found, page)
		checks, fixes, found := strings.Cut(after, "\n## Fixes\n")
		require.True(t, found, page)
		require.Len(t, regexp.MustCompile(`(?m)^\d\. `).FindAllString(checks, -1), 3, page)
		require.Contains(t, checks, "\n```json", "%s: a query to begin with; the examples' test asks it", page)
		require.NotEmpty(t, strings.TrimSpace(fixes), page)
		for _, match := range link.FindAllStringSubmatch(string(content), -1) {
			require.Contains(t, want, match[1], page)
		}
	}
}

func bucketsOf(t *testing.T, exposed string) []float64 {
	t.Helper()
	for _, m := range vllm.Metrics() {
		for _, name := range m.Names {
			if name.Full("vllm:") == exposed {
				return m.Buckets
			}
		}
	}
	require.FailNow(t, "no such metric", exposed)
	return nil
}
