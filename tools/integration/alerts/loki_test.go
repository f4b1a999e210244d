//go:build integration && unix

package alerts

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// hostile are lines whose words a client chose: anybody who reaches the port can have them written.
var hostile = []string{
	"(APIServer pid=7) INFO 11-21 20:52:46 [request_logger.py:75] Request chatcmpl-1 prompt: 'why EngineDeadError, CUDA out of memory?'",
	"(APIServer pid=7) INFO 11-21 20:52:46 [async_llm.py:420] Added request chatcmpl-EngineDeadError-1 .",
	"(APIServer pid=7) INFO 11-21 20:52:46 [async_llm.py:420] Added request chatcmpl-x ERROR 11-21 20:52:46 [core.py:1] EngineCore failed to start.",
	"(APIServer pid=7) INFO 11-21 20:52:46 [async_llm.py:733] Aborted request chatcmpl-CUDA out of memory.",
	`(APIServer pid=7) INFO:     10.0.0.9:51000 - "GET /EngineDeadError HTTP/1.1" 404 Not Found`,
}

// Loki's ruler evaluates the provisioned rules as they are over lines of a real vLLM that died and of one that did not
// start, and Alertmanager delivers what comes of it.
func TestLinesOfADeadEngineWakeSomebody(t *testing.T) {
	s := newSinks(t)
	servers := stacktest.Start(t, stack.Options{
		Only: []string{program.Loki.Name}, Alertmanager: hurried(t, s),
		LokiRules: provisioned(t, "loki", "vllm-rules.yml"), RuleInterval: time.Second,
	})
	push(t, servers.Loki.URL, "vllm-quoted", hostile)
	push(t, servers.Loki.URL, "vllm-dead", recorded(t, "errors", "EngineDeadError"))
	push(t, servers.Loki.URL, "vllm-killed", []string{ // a process that the system kills cannot be recorded without one
		"(APIServer pid=7) ERROR 11-21 20:52:46 [multiproc_executor.py:230] Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.",
		"(EngineCore pid=8) ERROR 11-21 20:52:46 [core.py:1510] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB.",
	})
	push(t, servers.Loki.URL, "vllm-unstarted", recorded(t, "start-failure", "failed"))

	// Two engines of one deployment may come in one page or in two. That vllm-killed died is held back by its memory, unless
	// that comes later than this Alertmanager in its hurry waits.
	missing := []string{
		"The engine of vllm-dead died in vllm-dead-0",
		"vllm-killed ran out of memory in vllm-killed-0",
	}
	for len(missing) > 0 {
		event := next(t, s.pagerDuty)
		require.Equal(t, "trigger", event.Action)
		text := event.Payload.Details["alerts"].(string)
		require.Contains(t, text, "Runbook: https://")
		require.NotContains(t, text, "vllm-quoted", "a client's words")
		missing = slices.DeleteFunc(missing, func(summary string) bool { return strings.Contains(text, "\n"+summary+"\n") })
	}
	for { // Slack is told of those above, too
		message := next(t, s.slack)
		if message.Channel == "#vllm-alerts" {
			require.Contains(t, message.Attachments[0].Text, "vllm-unstarted does not start in vllm-unstarted-0\n")
			break
		}
	}
	// A deployment that is down holds back what its lines tell: their service is its scrape job.
	m, dead := manager{s, servers.Alertmanager.URL}, posted{Labels: map[string]string{"alertname": "VLLMEngineDead", "job": "vllm-dead"}}
	require.Empty(t, m.inhibitedBy(t, dead))
	m.post(t, about(t, "VLLMDeploymentDown", map[string]string{"job": "vllm-dead"}))
	require.Eventually(t, func() bool { return len(m.inhibitedBy(t, dead)) == 1 }, patience, 50*time.Millisecond)
	for _, rule := range rulesOf(t, servers.Loki.URL+"/prometheus") {
		require.Equal(t, "ok", rule.Health, "%s: %s", rule.Name, rule.LastError)
	}
}

// recorded are the lines of a recording that hold a text.
func recorded(t *testing.T, variant, text string) (lines []string) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	file, err := os.Open(filepath.Join(root, "tools", "recordings", "vllm-0.32.0", "variants", variant, "logs.jsonl"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var entry struct{ Line string }
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &entry))
		if strings.Contains(entry.Line, text) {
			lines = append(lines, entry.Line)
		}
	}
	require.NoError(t, scanner.Err())
	require.NotEmpty(t, lines, "%s has no line with %q", variant, text)
	return lines
}

// push gives Loki lines of now, with the labels that the collector gives them.
func push(t *testing.T, loki, service string, lines []string) {
	t.Helper()
	var values [][2]string
	for i, line := range lines {
		values = append(values, [2]string{fmt.Sprint(time.Now().Add(time.Duration(i)).UnixNano()), line})
	}
	body, err := json.Marshal(map[string]any{"streams": []any{map[string]any{
		"stream": map[string]string{
			"service_name": service, "namespace": "prod", "environment": "eu", "pod": service + "-0", "instance": service + "-0",
		},
		"values": values,
	}}})
	require.NoError(t, err)
	response, err := http.Post(loki+"/loki/api/v1/push", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, response.StatusCode, string(said))
}

// ruleStatus is a rule in the answer of Prometheus' API, which Loki's ruler speaks too.
type ruleStatus struct {
	Name, Query, Type, Health, LastError string
}

func rulesOf(t *testing.T, base string) (rules []ruleStatus) {
	t.Helper()
	response, err := http.Get(base + "/api/v1/rules")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Data struct {
			Groups []struct{ Rules []ruleStatus }
		}
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	for _, group := range answer.Data.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}
