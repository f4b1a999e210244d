//go:build integration && unix

package alerts

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/loopback"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// start runs a simulated fleet at an address until its end is asked for.
func start(t *testing.T, listen string) (sim *simulator.Simulator, stop func()) {
	t.Helper()
	sim, err := simulator.New(simulator.Config{Seed: 1, Models: simulator.DefaultModels()[:1], EngineDeaths: -1, Listen: listen})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done)
			require.NoError(t, sim.Close())
		}
	}
	t.Cleanup(stop)
	return sim, stop
}

// withoutData are recorded series that a plain fleet does not have, with the reason.
var withoutData = map[string]string{
	"instance:vllm_corrupted:increase10m":            "vLLM counts corrupted outputs with VLLM_COMPUTE_NANS_IN_LOGITS=1 only",
	"instance:vllm_kv_transfer_failures:increase10m": "the counters of NIXL come with --kv-transfer-config only",
}

func TestPrometheusEvaluatesEveryRuleOverAFleet(t *testing.T) {
	sim, _ := start(t, "")
	servers := stacktest.Start(t, stack.Options{
		Only: []string{program.Prometheus.Name}, PrometheusRules: provisioned(t, "prometheus", "vllm-rules.yml"),
		RuleInterval: time.Second, ScrapeInterval: time.Second,
	})
	require.NoError(t, servers.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(sim.ScrapeTargets(), time.Second)))
	rules := rulesOf(t, servers.Prometheus.URL)
	want := 0
	for _, g := range alerts.Groups() {
		want += len(g.Records)
		for _, a := range g.Alerts {
			if a.Language == alerts.PromQL {
				want++
			}
		}
	}
	require.Len(t, rules, want)
	for _, rule := range rules {
		if rule.Type == "recording" && withoutData[rule.Name] == "" {
			require.Eventually(t, func() bool { return len(ask(t, servers.Prometheus.URL, rule.Name)) > 0 }, patience, 100*time.Millisecond, rule.Name)
		}
	}
	for _, rule := range rulesOf(t, servers.Prometheus.URL) {
		require.Equal(t, "ok", rule.Health, "%s: %s", rule.Name, rule.LastError)
	}
	// Within these seconds only what waits for nothing can fire; a fleet that is well has none of it.
	for _, alert := range ask(t, servers.Prometheus.URL, `ALERTS{alertstate="firing"}`) {
		t.Errorf("fires over a fleet that is well: %v", alert)
	}
	t.Run("they and their cases speak of what is exported", func(t *testing.T) {
		mindVocabulary(t, servers.Prometheus.URL)
	})
}

// ask is the labels of what a query finds now.
func ask(t *testing.T, prometheus, query string) (found []map[string]string) {
	t.Helper()
	response, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Metric map[string]string }
		}
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, answer.Error)
	for _, r := range answer.Data.Result {
		found = append(found, r.Metric)
	}
	return found
}

// haste is by how much the rules' waiting times are divided, and so is the time from one evaluation to the next.
const haste = 60

// hurriedRules are the catalogue's rules as they are, but for how long they wait.
func hurriedRules(t *testing.T) string {
	t.Helper()
	groups := alerts.Groups()
	for _, g := range groups {
		for i := range g.Alerts {
			g.Alerts[i].For /= haste
			g.Alerts[i].KeepFiring /= haste
		}
	}
	content, err := alerts.RuleFile(alerts.PromQL, groups)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// From the engine to the page and back: the fleet stops, Prometheus sees it, waits, fires; Alertmanager pages; the fleet
// comes back, and the page is resolved.
func TestAFleetThatStopsIsPagedAndResolvedWhenItIsBack(t *testing.T) {
	port, err := loopback.Reserve(0)
	require.NoError(t, err)
	port.Release()
	sim, stop := start(t, port.Address())
	s := newSinks(t)
	servers := stacktest.Start(t, stack.Options{
		Only: []string{program.Prometheus.Name}, PrometheusRules: hurriedRules(t), RuleInterval: time.Minute / 2 / haste,
		ScrapeInterval: 500 * time.Millisecond, Alertmanager: hurried(t, s),
	})
	prometheus := servers.Prometheus.URL
	require.NoError(t, servers.Prometheus.SetScrapeConfigs(simulator.ScrapeConfigs(sim.ScrapeTargets(), 500*time.Millisecond)))
	eventually := func(query string) {
		t.Helper()
		require.Eventually(t, func() bool { return len(ask(t, prometheus, query)) > 0 }, patience, 100*time.Millisecond, query)
	}
	// page is the next one about the deployment.
	page := func() pagerDutyEvent {
		t.Helper()
		for {
			if event := next(t, s.pagerDuty); strings.Contains(event.Payload.Summary, "VLLMDeploymentDown") {
				return event
			}
		}
	}
	eventually(`sum(up{job="vllm"}) == 2`)

	stop()
	triggered := page()
	require.Equal(t, "trigger", triggered.Action)
	require.Equal(t, "CRITICAL: VLLMDeploymentDown · production", triggered.Payload.Summary)
	text := triggered.Payload.Details["alerts"].(string)
	require.Contains(t, text, "\nNo replica of vllm answers in llm-production\n")
	require.Contains(t, text, "\nRunbook: "+alerts.RunbookBase+"VLLMDeploymentDown.md\n")
	eventually(`count_over_time(ALERTS{alertname="VLLMDeploymentDown", alertstate="pending"}[5m])`)
	eventually(`ALERTS{alertname="VLLMDeploymentDown", alertstate="firing"}`)

	start(t, port.Address())
	resolved := page()
	require.Equal(t, "resolve", resolved.Action)
	require.Equal(t, triggered.DedupKey, resolved.DedupKey)
	require.Equal(t, "Resolved: VLLMDeploymentDown · production", resolved.Payload.Summary)
	require.Empty(t, ask(t, prometheus, `ALERTS{alertname="VLLMDeploymentDown"}`), "it is over for Prometheus, too")
}
