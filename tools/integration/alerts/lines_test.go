//go:build integration && unix

package alerts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// A real Loki finds by the provisioned rules what the parser reads, over the lines of other people's loggers and shippers: each in a
// stream of its own.
func TestLokiSoundsTheAlarmsThatTheParserReads(t *testing.T) {
	root, err := repo.Root()
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(root, "pkg", "vllm", "testdata", "lines.txt"))
	require.NoError(t, err)
	servers := stacktest.Start(t, stack.Options{
		Only: []string{program.Loki.Name}, LokiRules: provisioned(t, "loki", "vllm-rules.yml"), RuleInterval: time.Hour,
	})
	events := map[string][]vllm.EngineEvent{
		"VLLMEngineDead": {vllm.EngineDied, vllm.EngineFoundDead}, "VLLMEngineStuck": {vllm.EngineStuck},
		"VLLMOutOfMemory": {vllm.EngineOutOfMemory, vllm.EngineKilled}, "VLLMEngineStartFailed": {vllm.EngineStartFailed},
	}
	var samples []string
	for block := range strings.SplitSeq(string(content), "\n\n") {
		if line, read, _ := strings.Cut(block, "\n"); strings.HasPrefix(read, "= ") {
			samples = append(samples, line)
		}
	}
	for _, size := range []int{8 << 10, 16 << 10, 16<<10 - 1} { // a client's text, of a line that was cut before and behind it; and one that was not
		samples = append(samples, ("EngineCore encountered a fatal error.\n" + strings.Repeat(" and so on", size/10))[:size])
	}
	want := map[string][]string{}
	n := 0
	for _, line := range samples {
		n++
		service := fmt.Sprintf("vllm-%03d", n)
		push(t, servers.Loki.URL, service, []string{line})
		parsed := vllm.ParseLogLine(line)
		for name, of := range events {
			if slices.ContainsFunc(vllm.EngineEventsOf(&parsed), func(told vllm.Told) bool { return slices.Contains(of, told.Event) }) {
				want[name] = append(want[name], service)
			}
		}
	}
	require.Greater(t, n, 100)
	rules := rulesOf(t, servers.Loki.URL+"/prometheus")
	require.Len(t, rules, len(events))
	for _, rule := range rules {
		found := services(t, servers.Loki.URL, rule.Query)
		slices.Sort(found)
		require.Equal(t, want[rule.Name], found, rule.Name)
	}
}

// services are those that an expression of LogQL gives now.
func services(t *testing.T, loki, query string) (names []string) {
	t.Helper()
	response, err := http.Get(loki + "/loki/api/v1/query?" + url.Values{"query": {query}, "time": {fmt.Sprint(time.Now().Add(time.Second).UnixNano())}}.Encode())
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	for _, series := range answer.Data.Result {
		names = append(names, series.Metric["service_name"])
	}
	return names
}
