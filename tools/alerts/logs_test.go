package alerts

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// colours are what LogQL's decolorize removes.
var colours = regexp.MustCompile(`\x1b\[[\d;]*m`)

var (
	patterns sync.Map
	eventsOf = map[string][]vllm.EngineEvent{
		"VLLMEngineDead": {vllm.EngineDied, vllm.EngineFoundDead}, "VLLMEngineStuck": {vllm.EngineStuck},
		"VLLMOutOfMemory": {vllm.EngineOutOfMemory, vllm.EngineKilled}, "VLLMEngineStartFailed": {vllm.EngineStartFailed},
	}
)

func compiled(pattern string) *regexp.Regexp {
	known, ok := patterns.Load(pattern)
	if !ok {
		known, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return known.(*regexp.Regexp)
}

// tells are the alerts that a line sets off, by the stages that their expressions are written from. Loki itself is asked by
// tools/integration/alerts.
func tells(t *testing.T, line string) (names []string) {
	t.Helper()
	for _, a := range logs().Alerts {
		stages := vllm.EngineEventFilter(eventsOf[a.Name]...)
		require.Contains(t, a.Expr, pipeline(stages), a.Name)
		if passes(stages, line) {
			names = append(names, a.Name)
		}
	}
	return names
}

func passes(stages []vllm.LineStage, line string) bool {
	labels := map[string]string{}
	for _, s := range stages {
		switch {
		case s.Match != "" && !compiled(s.Match).MatchString(line), s.Drop != "" && compiled(s.Drop).MatchString(line):
			return false
		case s.Whole && compiled("^(?:"+vllm.CutLengths+")$").MatchString(strconv.Itoa(len(line))):
			return false
		case s.Decolorize:
			line = colours.ReplaceAllString(line, "")
		case s.Capture != "":
			if m := compiled(s.Capture).FindStringSubmatch(line); m != nil {
				for i, name := range compiled(s.Capture).SubexpNames() {
					labels[name] = m[i]
				}
			}
		case s.Level:
			own := labels[vllm.LevelOwn]
			loud, quiet := compiled("^(?:"+vllm.LoudLevels+")$"), compiled("^(?:"+vllm.QuietLevels+")$")
			if !loud.MatchString(own) && (own != "" || quiet.MatchString(labels[vllm.LevelRecord])) {
				return false
			}
		}
	}
	return true
}

const (
	failing = "(EngineCore_DP0 pid=120) ERROR 11-21 20:53:36 "
	serving = "(APIServer pid=7) INFO 11-21 20:52:46 "
)

func TestOnlyAnEnginesOwnWordsSetOffAnAlert(t *testing.T) {
	const dead, stuck, memory, start = "VLLMEngineDead", "VLLMEngineStuck", "VLLMOutOfMemory", "VLLMEngineStartFailed"
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
		{"a watchdog that sees no progress", "(EngineCore pid=88) WARNING 11-21 20:53:36 [watch_dog.py:80] No progress for 300 s, stack dumped to VLLM_STACK_DUMP_for_engine_88.log", []string{stuck}},
		{"NCCL's", "[rank3]:[E1121 20:53:36.123456789 ProcessGroupNCCL.cpp:682] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=12, OpType=ALLREDUCE) ran for 600000 milliseconds before timing out.", []string{stuck}},
		{"a process that a shell saw killed", "/bin/bash: line 1:    71 Killed                  vllm serve m", []string{dead, memory}},
		{"a crash", "Fatal Python error: Segmentation fault", []string{dead}},
		{"a death in another format", "2026-11-21 20:53:36,123 - vllm.v1.engine.core - ERROR - EngineCore encountered a fatal error.", []string{dead}},
		{"a death in CRI's own lines", "2026-11-21T20:53:36.123456789Z stderr F " + failing + "[core.py:1196] EngineCore encountered a fatal error.", []string{dead}},
		{"a death in logfmt", `ts=2026-11-21T20:53:36Z level=info msg="` + failing + `[core.py:1196] EngineCore encountered a fatal error."`, []string{dead}},
		{"a death in JSON without a level", `{"message": "EngineCore encountered a fatal error."}`, []string{dead}},
		{"an engine that was killed while it loaded", "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': -9}", []string{memory, start}},
		{"GPU memory", failing + "[core.py:1196] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB.", []string{memory}},
		{"GPU memory of another maker", "RuntimeError: HIP error: out of memory", []string{memory}},
		{"no room for the cache", failing + "[core.py:1] ValueError: No available memory for the cache blocks. Try increasing it.", []string{memory}},
		{"host memory", "(EngineCore pid=3) RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.", []string{memory}},
		{"an engine that does not start", failing + "[core.py:1510] EngineCore failed to start.", []string{start}},

		{"a leak at the end", "/usr/lib/python3.12/multiprocessing/resource_tracker.py:279: UserWarning: resource_tracker: There appear to be 1 leaked shared_memory objects to clean up at shutdown", nil},
		{"an error that is the server's alone", "ERROR:    Exception in ASGI application", nil},
		{"the words of a death at level INFO in JSON", `{"levelname": "INFO", "message": "EngineCore encountered a fatal error."}`, nil},
		{"the rest of an answer that was cut", failing + "[core.py:1196] torch.OutOfMemoryError: CUDA out of memory.', finish_reason: stop", nil},
		{"the rest of a record that was cut", failing + `[core.py:1196] torch.OutOfMemoryError: CUDA out of memory.", "levelname": "INFO"}`, nil},
		{"an adapter's name in two lines", "(APIServer pid=7) ERROR 11-21 20:52:46 [serving.py:929] EngineCore encountered a fatal error.", nil},
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

// What the data source itself reads out of a line and what Loki is asked for must not drift apart: over what real engines wrote,
// and over the lines of other people's loggers and shippers.
func TestAlertsOnLinesAgreeWithTheDataSource(t *testing.T) {
	count := map[string]int{}
	for _, line := range append(recordedLines(t), otherLines(t)...) {
		parsed := vllm.ParseLogLine(line)
		var read []string
		for _, a := range logs().Alerts {
			for _, told := range vllm.EngineEventsOf(&parsed) {
				if slices.Contains(eventsOf[a.Name], told.Event) {
					read = append(read, a.Name)
					count[a.Name]++
					break
				}
			}
		}
		require.Equal(t, read, tells(t, line), line)
	}
	require.Len(t, count, len(logs().Alerts), "each has a line: %v", count)
}

// otherLines are those that pkg/vllm holds of other people's loggers and shippers.
func otherLines(t *testing.T) (lines []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(t), "pkg", "vllm", "testdata", "lines.txt"))
	require.NoError(t, err)
	for block := range strings.SplitSeq(string(content), "\n\n") {
		if line, read, _ := strings.Cut(block, "\n"); strings.HasPrefix(read, "= ") {
			lines = append(lines, line)
		}
	}
	require.Greater(t, len(lines), 100)
	return lines
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
