package telemetry

import (
	"fmt"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

// The lines that speak of a server or an engine, not of one request.

// Interval is what the periodic stats line says of one engine.
type Interval struct {
	PromptPerSecond     float64 // computed, without cached tokens
	GenerationPerSecond float64
	State               engine.State
	CacheHitRate        float64 // sliding window of the last 1000 requests
}

// Stats is the line every ten seconds of a busy engine.
func (l *Log) Stats(t time.Time, p Process, index int, s Interval) {
	l.Write(t, p, "INFO", l.Version.origins().stats, fmt.Sprintf(
		"Engine %03d: Avg prompt throughput: %.1f tokens/s, Avg generation throughput: %.1f tokens/s, Running: %d reqs, Waiting: %d reqs, GPU KV cache usage: %.1f%%, Prefix cache hit rate: %.1f%%",
		index, s.PromptPerSecond, s.GenerationPerSecond, s.State.Running, s.State.Waiting,
		100*s.State.KVCacheUsage, 100*s.CacheHitRate))
}

// Drafts is what the SpecDecoding line says of an interval.
type Drafts struct {
	Seconds                  float64
	Drafts, Tokens, Accepted float64
	PerPosition              []float64
}

// SpecDecoding follows Stats when speculative decoding is on.
func (l *Log) SpecDecoding(t time.Time, p Process, d Drafts) {
	if d.Drafts == 0 {
		return
	}
	rates := make([]string, len(d.PerPosition))
	for i, n := range d.PerPosition {
		rates[i] = fmt.Sprintf("%.3f", n/d.Drafts)
	}
	l.Write(t, p, "INFO", "metrics.py:120", fmt.Sprintf(
		"SpecDecoding metrics: Mean acceptance length: %.2f, Accepted throughput: %.2f tokens/s, Drafted throughput: %.2f tokens/s, Accepted: %d tokens, Drafted: %d tokens, Per-position acceptance rate: %s, Avg Draft acceptance rate: %.1f%%",
		1+d.Accepted/d.Drafts, d.Accepted/d.Seconds, d.Tokens/d.Seconds, int(d.Accepted), int(d.Tokens),
		strings.Join(rates, ", "), 100*d.Accepted/d.Tokens))
}

// Startup describes a server to its start-up lines.
type Startup struct {
	Model  string
	Port   int
	Config engine.Config
	API    Process
	Cores  []Process
}

// StartupTook is how long before readiness the first start-up line is written.
const StartupTook = 48 * time.Second

// Startup writes the lines from the first to the ready signal at that time.
func (l *Log) Startup(ready time.Time, s Startup) {
	at := func(before float64) time.Time { return ready.Add(-time.Duration(before * float64(time.Second))) }
	if l.Version.since(15, 0) {
		l.Write(at(44), s.API, "INFO", "api_utils.py:347", strings.Join([]string{
			"",
			"       █     █     █▄   ▄█",
			" ▄▄ ▄█ █     █     █ ▀▄▀ █  version " + l.Version.String(),
			"  █▄█▀ █     █     █     █  model   " + s.Model,
			"   ▀▀  ▀▀▀▀▀ ▀▀▀▀▀ ▀     ▀",
			"",
		}, "\n"))
	} else {
		l.Write(at(44), s.API, "INFO", "api_server.py:1351", "vLLM API server version "+l.Version.String())
	}
	l.Write(at(44), s.API, "INFO", l.Version.origins().arguments, fmt.Sprintf("non-default args: {'model_tag': '%s', 'model': '%s', 'max_model_len': %d, 'max_num_seqs': %d, 'data_parallel_size': %d, 'api_server_count': 1, 'enable_log_requests': True, 'enable_log_outputs': True}",
		s.Model, s.Model, s.Config.MaxModelLen, s.Config.MaxNumSeqs, len(s.Cores)))
	l.Write(at(40), s.API, "INFO", "model.py:2152", fmt.Sprintf("Using max model len %d", s.Config.MaxModelLen))
	tokens := s.Config.NumGPUBlocks * s.Config.BlockSize
	for _, core := range s.Cores {
		l.Write(at(33), core, "INFO", "core.py:133", fmt.Sprintf("Initializing a V1 LLM engine (v%s) with config: model='%s', speculative_config=None, tokenizer='%s', dtype=torch.bfloat16, max_seq_len=%d", l.Version, s.Model, s.Model, s.Config.MaxModelLen))
		l.Write(at(31), core, "INFO", "gpu_model_runner.py:4852", "Starting to load model "+s.Model+"...")
		l.Write(at(21), core, "INFO", "default_loader.py:291", "Loading weights took 8.21 seconds")
		l.Write(at(20), core, "INFO", "gpu_model_runner.py:4921", "Model loading took 15.1 GiB memory and 9.310000 seconds")
		l.Write(at(11), core, "INFO", "monitor.py:34", "torch.compile took 8.40 s in total")
		l.Write(at(10), core, "INFO", "gpu_worker.py:356", "Available KV cache memory: 46.2 GiB")
		separator := ", " // one line since August 2026, two before
		if !l.Version.since(28, 0) {
			separator = "\n"
		}
		for _, line := range strings.Split(fmt.Sprintf("GPU KV cache size: %s tokens%sMaximum concurrency for %s tokens per request: %.2fx",
			thousands(tokens), separator, thousands(s.Config.MaxModelLen), float64(tokens)/float64(s.Config.MaxModelLen)), "\n") {
			l.Write(at(10), core, "INFO", "kv_cache_utils.py:2327", line)
		}
		l.Write(at(3), core, "INFO", "gpu_model_runner.py:5102", "Graph capturing finished in 6 secs, took 0.31 GiB")
		l.Write(at(2), core, "INFO", "core.py:402", "init engine (profile, create kv cache, warmup model) took 29.12 "+l.seconds())
	}
	l.Write(at(1), s.API, "INFO", l.Version.origins().tasks, "Supported tasks: ['generate']")
	name := "vLLM server"
	if !l.Version.since(18, 0) {
		name = "vLLM API server 0"
	}
	l.Write(at(0.5), s.API, "INFO", l.Version.origins().tasks, fmt.Sprintf("Starting %s on http://0.0.0.0:%d", name, s.Port))
	for _, route := range []string{"/health, Methods: GET", "/metrics, Methods: GET", "/v1/models, Methods: GET", "/v1/chat/completions, Methods: POST", "/v1/completions, Methods: POST"} {
		l.Write(at(0.4), s.API, "INFO", "launcher.py:195", "Route: "+route)
	}
	l.Uvicorn(at(0.2), s.API, fmt.Sprintf("INFO:     Started server process [%d]", s.API.PID))
	l.Uvicorn(at(0.1), s.API, "INFO:     Waiting for application startup.")
	l.Uvicorn(at(0), s.API, "INFO:     Application startup complete.")
}

// seconds is how the initialisation line ends.
func (l *Log) seconds() string {
	if l.Version.since(20, 0) {
		return "s (compilation: 8.40 s)"
	}
	return "seconds"
}

// EngineDied writes what is left of an engine that ran out of GPU memory: its
// own traceback, and the API server's view of it.
func (l *Log) EngineDied(t time.Time, core, api Process, inFlight []string) {
	// dump_input.py puts quotes around strings, but not around the keys of a dict.
	dump := fmt.Sprintf("Dumping scheduler output for model execution: SchedulerOutput(scheduled_new_reqs=[], "+
		"scheduled_cached_reqs=CachedRequestData(req_ids=[%s]), num_scheduled_tokens={%s: 1}, total_num_scheduled_tokens=%d, finished_req_ids=[])",
		"'"+strings.Join(inFlight, "', '")+"'", strings.Join(inFlight, ": 1, "), len(inFlight))
	l.Write(t, core, "ERROR", "dump_input.py:79", dump)
	l.Write(t, core, "ERROR", "core.py:1196", strings.Join([]string{
		"EngineCore encountered a fatal error.",
		"Traceback (most recent call last):",
		`  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/core.py", line 1187, in run_engine_core`,
		"    engine_core.run_busy_loop()",
		`  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/worker/gpu_model_runner.py", line 3821, in execute_model`,
		"    hidden_states = self._model_forward(",
		"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB. GPU 0 has a total capacity of 79.10 GiB of which 812.19 MiB is free.",
	}, "\n"))
	if l.Version.since(28, 0) {
		l.Write(t.Add(100*time.Millisecond), api, "WARNING", "core_client.py:817", "[shutdown] MPClient: engine core exited unexpectedly; starting cleanup")
	}
	l.Write(t.Add(120*time.Millisecond), api, "ERROR", "async_llm.py:906", strings.Join([]string{
		"AsyncLLM output_handler failed.",
		"Traceback (most recent call last):",
		`  File "/usr/local/lib/python3.12/dist-packages/vllm/v1/engine/async_llm.py", line 806, in output_handler`,
		"    outputs = await engine_core.get_output_async()",
		"              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
		"    raise self._format_exception(outputs) from None",
		"vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
	}, "\n"))
}

// Shutdown writes the API server's farewell after its engine has died.
func (l *Log) Shutdown(t time.Time, api Process) {
	l.Uvicorn(t, api, "INFO:     Shutting down")
	l.Uvicorn(t, api, "INFO:     Waiting for application shutdown.")
	l.Uvicorn(t, api, "INFO:     Application shutdown complete.")
	l.Uvicorn(t, api, fmt.Sprintf("INFO:     Finished server process [%d]", api.PID))
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
