package vllm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	api  = "(APIServer pid=1) INFO 11-21 20:53:36 "
	core = "(EngineCore_DP0 pid=120) INFO 11-21 20:53:36 "
)

func TestALineTellsOfItsEnginesLife(t *testing.T) {
	failure := strings.Replace(core, "INFO", "ERROR", 1)
	for _, test := range []struct {
		name, line string
		want       vllm.EngineEvent
	}{
		{"a fatal error", failure + "[core.py:1196] EngineCore encountered a fatal error.\r", vllm.EngineDied},
		{"the API server's view of it", "(APIServer pid=1) WARNING 11-21 20:52:46 [core_client.py:817] [shutdown] MPClient: engine core exited unexpectedly; starting cleanup", vllm.EngineDied},
		{"a process of 0.10", "ERROR 12-01 23:08:02 [core_client.py:564] Engine core proc EngineCore_DP0 died unexpectedly, shutting down client.", vllm.EngineDied},
		{"a worker that ended", failure + "[multiproc_executor.py:315] Worker proc VllmWorker-0 died unexpectedly (exit code: 1), shutting down executor.", vllm.EngineDied},
		{"a worker that was killed", failure + "[multiproc_executor.py:315] Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.", vllm.EngineDied},
		{"an engine that was killed while it loaded", "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': -9}", vllm.EngineStartFailed},
		{"an engine that did not start", "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}", vllm.EngineStartFailed},
		{"the same in its own words", failure + "[core.py:1510] EngineCore failed to start.", vllm.EngineStartFailed},
		{"a request's view of a death", failure + "[async_llm.py:906] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.", vllm.EngineFoundDead},
		{"GPU memory", failure + "[core.py:1196] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB.", vllm.EngineOutOfMemory},
		{"GPU memory of another maker", "RuntimeError: HIP error: out of memory", vllm.EngineOutOfMemory},
		{"no room for the cache", failure + "[core.py:1] ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`.", vllm.EngineOutOfMemory},
		{"host memory", "(EngineCore pid=3) RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.", vllm.EngineOutOfMemory},
		{"Python's own memory", "(EngineCore pid=3) MemoryError: ", vllm.EngineOutOfMemory},
		{"a server that listens", api + "[entry.py:140] Starting vLLM server on http://0.0.0.0:8000", vllm.ServerReady},
		{"the same up to 0.17", api + "[api_server.py:1] Starting vLLM API server 0 on http://0.0.0.0:8000", vllm.ServerReady},
		{"a server that was told to stop", api + "[launcher.py:254] [shutdown] API server: shutdown triggered", vllm.ServerStopping},
		{"the same before", api + "[launcher.py:110] Shutting down FastAPI HTTP server.", vllm.ServerStopping},
		{"what follows tells nothing new", api + "[core_client.py:770] [shutdown] MPClient: start timeout=0s", vllm.NoEngineEvent},
		{"an adapter", api + "[serving_models.py:1] Loaded new LoRA adapter: name 'sql', path '/adapters/sql'", vllm.LoRALoaded},
		{"an adapter that goes", api + "[serving_models.py:1] Removed LoRA adapter: name 'sql'", vllm.LoRARemoved},
		{"sleep", core + "[abstract.py:312] It took 0.028313 seconds to fall asleep.", vllm.FellAsleep},
		{"waking", core + "[abstract.py:330] It took 0.005755 seconds to wake up tags {'weights', 'kv_cache'}.", vllm.WokeUp},
		{"a pause", core + "[scheduler.py:2756] setting pause state to PAUSED_NEW", vllm.Paused},
		{"its end", core + "[scheduler.py:2756] setting pause state to UNPAUSED", vllm.Resumed},
		{"the words of a death at the level of a report", core + "[x.py:1] EngineCore encountered a fatal error.", vllm.NoEngineEvent},
		{"a model that answers like an engine", api + "[request_logger.py:108] Removed LoRA adapter: name 'sql'", vllm.NoEngineEvent},
		{"the same in 0.13", api + "[logger.py:76] setting pause state to PAUSED_ALL", vllm.NoEngineEvent},
		{"the same as JSON", `{"levelname": "INFO", "name": "vllm.entrypoints.serve.utils.request_logger", "message": "Starting vLLM server on http://x"}`, vllm.NoEngineEvent},
		{"a prompt about memory", api + "[request_logger.py:65] Received request chatcmpl-1: prompt: 'CUDA out of memory', params: None", vllm.NoEngineEvent},
	} {
		t.Run(test.name, func(t *testing.T) {
			event := vllm.ParseLogLine(test.line)
			require.Equal(t, test.want, vllm.EngineEventOf(&event))
		})
	}
}

func TestATextThatHoldsAnotherIsNotLookedFor(t *testing.T) {
	texts := vllm.EngineEventTexts(vllm.EngineKilled, vllm.EngineDied, vllm.EngineOutOfMemory)
	require.Contains(t, texts, "AsyncLLM output_handler failed")
	require.Contains(t, texts, "MemoryError")
	require.NotContains(t, texts, "OutOfMemoryError", "what holds it is found by MemoryError")
	for _, text := range texts {
		for _, other := range texts {
			require.False(t, text != other && strings.Contains(text, other), "%q holds %q", text, other)
		}
	}
}

// TestAStoreFindsEveryLineThatTells holds the texts that a store looks for to what the lines are then read as, over all lines
// that real engines wrote.
func TestAStoreFindsEveryLineThatTells(t *testing.T) {
	seen := map[vllm.EngineEvent]int{}
	for _, lines := range recordings(t) {
		for _, line := range lines {
			event := vllm.ParseLogLine(line)
			told := vllm.EngineEventOf(&event)
			if told == vllm.NoEngineEvent {
				continue
			}
			seen[told]++
			found := false
			for _, text := range vllm.EngineEventTexts(told) {
				found = found || strings.Contains(line, text)
			}
			require.True(t, found, "no text finds %q", line)
		}
	}
	for _, recorded := range []vllm.EngineEvent{
		vllm.EngineDied, vllm.EngineStartFailed, vllm.EngineOutOfMemory, vllm.ServerReady, vllm.ServerStopping, vllm.Paused, vllm.Resumed,
	} {
		require.Positive(t, seen[recorded], "the recordings hold event %d", recorded)
	}
	t.Log(seen)
}
