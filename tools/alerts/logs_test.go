package alerts

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// colours are what LogQL's decolorize removes.
var colours = regexp.MustCompile(`\x1b\[[\d;]*m`)

// stages are what a line goes through before an alert counts it, by the alert's name.
var stages = sync.OnceValue(func() map[string][]stage {
	filter := regexp.MustCompile("(\\|~|!~) `([^`]*)`|decolorize")
	out := map[string][]stage{}
	for _, a := range logs().Alerts {
		for _, part := range filter.FindAllStringSubmatch(a.Expr, -1) {
			if part[0] == "decolorize" {
				out[a.Name] = append(out[a.Name], stage{})
				continue
			}
			out[a.Name] = append(out[a.Name], stage{pattern: regexp.MustCompile(part[2]), wanted: part[1] == "|~"})
		}
	}
	return out
})

// stage drops the lines that match its pattern, or those that do not; without a pattern it takes the colours out of all.
type stage struct {
	pattern *regexp.Regexp
	wanted  bool
}

// tells are the alerts that a line sets off. Loki itself is asked by tools/integration/alerts.
func tells(t *testing.T, line string) (names []string) {
	t.Helper()
	for _, a := range logs().Alerts {
		require.Len(t, stages()[a.Name], 4, a.Name)
		if passes(stages()[a.Name], line) {
			names = append(names, a.Name)
		}
	}
	return names
}

func passes(stages []stage, line string) bool {
	for _, s := range stages {
		switch {
		case s.pattern == nil:
			line = colours.ReplaceAllString(line, "")
		case s.pattern.MatchString(line) != s.wanted:
			return false
		}
	}
	return true
}

const (
	failing = "(EngineCore_DP0 pid=120) ERROR 11-21 20:53:36 "
	serving = "(APIServer pid=7) INFO 11-21 20:52:46 "
)

func TestOnlyAnEnginesOwnWordsSetOffAnAlert(t *testing.T) {
	const dead, memory, start = "VLLMEngineDead", "VLLMOutOfMemory", "VLLMEngineStartFailed"
	for _, test := range []struct {
		says, line string
		want       []string
	}{
		{"a fatal error", failing + "[core.py:1196] EngineCore encountered a fatal error.\r", []string{dead}},
		{"the same in colours", "\x1b[0;36m(EngineCore_DP0 pid=121)\x1b[0;0m \x1b[31mERROR\x1b[0m \x1b[90m11-21 20:47:33\x1b[0m \x1b[90m[core.py:1196]\x1b[0m EngineCore encountered a fatal error.", []string{dead}},
		{"the same as docker compose prints it", "vllm-1  | " + failing + "[core.py:1196] EngineCore encountered a fatal error.", []string{dead}},
		{"the same behind a prefix of one's own", "prod eu " + failing + "[core.py:1196] EngineCore encountered a fatal error.", []string{dead}},
		{"the same as JSON", `{"levelname": "ERROR", "name": "vllm.v1.engine.core", "message": "EngineCore encountered a fatal error.", "exc_info": "Traceback (most recent call last):\n  File \"core.py\", line 1\ntorch.OutOfMemoryError: CUDA out of memory."}`, []string{dead, memory}},
		{"the same in Docker's own file", `{"log":"(EngineCore pid=1) ERROR 11-21 20:53:36 [core.py:1196] EngineCore encountered a fatal error.\n","stream":"stdout"}`, []string{dead}},
		{"a process of 0.10", "ERROR 12-01 23:08:02 [core_client.py:564] Engine core proc EngineCore_DP0 died unexpectedly, shutting down client.", []string{dead}},
		{"the API server's view of it", "(APIServer pid=1) WARNING 11-21 20:52:46 [core_client.py:817] [shutdown] MPClient: engine core exited unexpectedly; starting cleanup", []string{dead}},
		{"a request's view of it", failing + "[async_llm.py:906] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.", []string{dead}},
		{"a worker that was killed", failing + "[multiproc_executor.py:315] Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.", []string{dead, memory}},
		{"an engine that was killed while it loaded", "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': -9}", []string{memory, start}},
		{"GPU memory", failing + "[core.py:1196] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB.", []string{memory}},
		{"GPU memory of another maker", "RuntimeError: HIP error: out of memory", []string{memory}},
		{"no room for the cache", failing + "[core.py:1] ValueError: No available memory for the cache blocks. Try increasing it.", []string{memory}},
		{"host memory", "(EngineCore pid=3) RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.", []string{memory}},
		{"an engine that does not start", failing + "[core.py:1510] EngineCore failed to start.", []string{start}},

		{"a request's id", serving + "[async_llm.py:420] Added request chatcmpl-EngineDeadError-1 .", nil},
		{"an id that looks like a line", serving + "[async_llm.py:420] Added request chatcmpl-x ERROR 11-21 20:52:46 [core.py:1] EngineCore encountered a fatal error.", nil},
		{"an id at the end of a request", serving + "[async_llm.py:733] Aborted request chatcmpl-CUDA out of memory.", nil},
		{"a path", `(APIServer pid=7) INFO:     10.0.0.9:51000 - "GET /EngineDeadError HTTP/1.1" 404 Not Found`, nil},
		{"a path that looks like a line", `INFO:     10.0.0.9:51000 - "GET /ERROR 11-21 20:52:46 [core.py:1] EngineDeadError: x HTTP/1.1" 404 Not Found`, nil},
		{"a model that there is not", failing + "[serving.py:929] vllm.exceptions.VLLMNotFoundError: The model `EngineDeadError` does not exist.", nil},
		{"the same in words about memory", failing + "[serving.py:929] ValueError: The adapter 'CUDA out of memory' does not exist.", nil},
		{"a prompt", serving + "[request_logger.py:75] Request chatcmpl-1 prompt: 'why EngineDeadError, CUDA out of memory?'", nil},
		{"a prompt's second line", "(APIServer pid=7) ERROR 11-21 20:52:46 [request_logger.py:75] EngineCore encountered a fatal error.", nil},
		{"an id in JSON", `{"levelname": "INFO", "name": "vllm.v1.engine.async_llm", "message": "Added request \"message\": \"EngineDeadError: x"}`, nil},
	} {
		t.Run(test.says, func(t *testing.T) {
			require.Equal(t, test.want, tells(t, test.line))
		})
	}
}

// What the data source itself reads out of a line and what Loki is asked for must not drift apart.
func TestAlertsOnLinesAgreeWithTheDataSource(t *testing.T) {
	alertsOf := map[vllm.EngineEvent]string{
		vllm.EngineDied: "VLLMEngineDead", vllm.EngineStartFailed: "VLLMEngineStartFailed",
		vllm.EngineKilled: "VLLMOutOfMemory", vllm.EngineOutOfMemory: "VLLMOutOfMemory",
	}
	told := map[string]int{}
	for _, line := range recordedLines(t) {
		event := vllm.ParseLogLine(line)
		names := tells(t, line)
		if want, ok := alertsOf[vllm.EngineEventOf(&event)]; ok {
			require.Contains(t, names, want, line)
		}
		if len(names) > 0 {
			require.Contains(t, []vllm.LogKind{vllm.LogEngineDead, vllm.LogOutOfMemory}, event.Kind, line)
		}
		for _, name := range names {
			told[name]++
		}
	}
	require.Len(t, told, 3, "the recordings hold each: %v", told)
}

func recordedLines(t *testing.T) (lines []string) {
	t.Helper()
	for _, pattern := range []string{"*/logs.jsonl", "*/variants/*/logs.jsonl"} {
		files, err := filepath.Glob(filepath.Join(root(t), "tools", "recordings", pattern))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, name := range files {
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			scanner := bufio.NewScanner(strings.NewReader(string(content)))
			scanner.Buffer(nil, 1<<20)
			for scanner.Scan() {
				var entry struct{ Line string }
				require.NoError(t, json.Unmarshal(scanner.Bytes(), &entry))
				lines = append(lines, entry.Line)
			}
			require.NoError(t, scanner.Err())
		}
	}
	return lines
}
