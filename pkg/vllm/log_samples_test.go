package vllm_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var update = flag.Bool("update", false, "rewrite what is read of the lines in testdata/lines.txt")

const samplesFile = "testdata/lines.txt"

// sample is one line of testdata/lines.txt and what the file says is read of it.
type sample struct{ line, want string }

func samples(t testing.TB) (all []sample) {
	t.Helper()
	content, err := os.ReadFile(samplesFile)
	require.NoError(t, err)
	for block := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n\n") {
		line, want, _ := strings.Cut(block, "\n")
		if !strings.HasPrefix(line, "#") || strings.HasPrefix(line, "#033") {
			all = append(all, sample{line, want})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// reading is what is read of a line, as the file has it.
func reading(line string) string {
	e := vllm.ParseLogLine(line)
	out := "= " + describe(e) + "\n> " + e.Message
	if names := told(line); len(names) > 0 {
		out += "\n! " + strings.Join(names, ", ")
	}
	return out
}

func TestLinesOfOtherPeoplesProgramsAreRead(t *testing.T) {
	if *update {
		content, err := os.ReadFile(samplesFile)
		require.NoError(t, err)
		blocks := strings.Split(strings.TrimSpace(string(content)), "\n\n")
		for i, block := range blocks {
			if line, _, _ := strings.Cut(block, "\n"); !strings.HasPrefix(line, "#") || strings.HasPrefix(line, "#033") {
				blocks[i] = line + "\n" + reading(line)
			}
		}
		require.NoError(t, os.WriteFile(samplesFile, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o600))
	}
	for _, s := range samples(t) {
		require.Equal(t, s.want, reading(s.line), s.line)
	}
}

// TestAStoreSoundsTheAlarmsThatTheParserReads holds the filters, which stores run as alerts, to the parser: over all samples, and
// over what real engines wrote.
func TestAStoreSoundsTheAlarmsThatTheParserReads(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	var lines []string
	for _, s := range samples(t) {
		lines = append(lines, s.line)
	}
	for _, recorded := range recordings(t) {
		lines = append(lines, recorded...)
	}
	sounded := map[string]int{}
	for _, line := range lines {
		require.Equal(t, told(line), filtered(line), line)
		for _, name := range told(line) {
			sounded[name]++
		}
	}
	require.Len(t, sounded, len(alarms), "each has a line: %v", sounded)
}

// TestWrappersChangeNoAlarm puts the sentences of the table and their harmless look-alikes into every wrapper: the parser and the
// stores' filters say the same of each as of the bare line.
func TestWrappersChangeNoAlarm(t *testing.T) {
	loud := "(EngineCore_DP1 pid=9) ERROR 12-24 18:30:05 [core.py:710] "
	quiet := strings.Replace(loud, "ERROR", "INFO", 1)
	for _, test := range []struct {
		line string
		want []string
	}{
		{loud + "EngineCore encountered a fatal error.", []string{"dead"}},
		{loud + "EngineCore hit an exception: Traceback (most recent call last):", []string{"dead"}},
		{loud + "AsyncLLM output_handler failed.", []string{"dead"}},
		{loud + "Engine core proc EngineCore_DP0 died unexpectedly, shutting down client.", []string{"dead"}},
		{loud + "Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.", []string{"dead", "memory"}},
		{loud + "Worker proc VllmWorker-0 died unexpectedly (exit code: 1), shutting down executor.", []string{"dead"}},
		{loud + "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.", []string{"dead"}},
		{loud + "EngineCore failed to start.", []string{"start"}},
		{loud + "WorkerProc failed to start.", []string{"start"}},
		{loud + "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", []string{"memory"}},
		{loud + "ValueError: No available memory for the cache blocks. Try increasing it.", []string{"memory"}},
		{loud + "RuntimeError: HIP error: out of memory", []string{"memory"}},
		{loud + "TimeoutError: RPC call to sample_tokens timed out.", []string{"stuck"}},
		{strings.Replace(loud, "ERROR", "WARNING", 1) + "No progress for 300 s, stack dumped to VLLM_STACK_DUMP_for_engine_88.log", []string{"stuck"}},
		{"[rank3]:[E1224 18:30:05.123456789 ProcessGroupNCCL.cpp:682] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=12) ran for 600000 milliseconds before timing out.", []string{"stuck"}},
		{"Fatal Python error: Segmentation fault", []string{"dead"}},
		{"Killed", []string{"dead", "memory"}},
		{"*** SIGSEGV received at time=1798137005 on cpu 44 ***", []string{"dead"}},

		{quiet + "EngineCore encountered a fatal error.", nil},
		{quiet + "Added request chatcmpl-EngineDeadError: x-4be0c1d2.", nil},
		{quiet + "Added request chatcmpl-x ERROR 12-24 18:30:05 [core.py:1] EngineCore encountered a fatal error.", nil},
		{loud + "The model `EngineDeadError` does not exist.", nil},
		{loud + "ValueError: The adapter 'CUDA out of memory' does not exist.", nil},
		{loud + "EngineCore encountered a fatal error. said the prompt", nil},
		{"(APIServer pid=1) ERROR 12-24 18:30:05 [serving_chat.py:1] EngineCore encountered a fatal error.", nil},
		{"(APIServer pid=1) ERROR 12-24 18:30:05 [request_logger.py:1] EngineCore encountered a fatal error.", nil},
		{`(APIServer pid=1) INFO:     10.1.2.3:40404 - "GET /EngineDeadError HTTP/1.1" 404 Not Found`, nil},
		{"/usr/lib/python3.12/multiprocessing/resource_tracker.py:279: UserWarning: resource_tracker: There appear to be 1 leaked shared_memory objects to clean up at shutdown", nil},
		{"[rank0]:[W1224 18:30:05.123456789 ProcessGroupNCCL.cpp:1496] Warning: WARNING: destroy_process_group() was not called before program exit", nil},
		{"ERROR:    Exception in ASGI application", nil},
		{"He was Killed by a Segmentation fault", nil},
	} {
		for name, wrap := range wrappers {
			if name == "stern" && !strings.ContainsAny(test.line[:1], "([") && len(test.want) > 0 {
				continue // a pod's and a container's name before a bare text are words like others
			}
			line := wrap(test.line)
			require.Equal(t, test.want, told(line), "%s: %s", name, line)
			require.Equal(t, test.want, filtered(line), "%s, as a store filters: %s", name, line)
		}
	}
}
