package vllm_test

import (
	"testing"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Lines per second on one core is what 1e9 / (ns/op) gives.
func BenchmarkParseLogLine(b *testing.B) {
	for _, line := range []struct{ name, text string }{
		{"added", `(APIServer pid=1) INFO 08-20 10:00:00 [async_llm.py:439] Added request chatcmpl-req-42-9f3c1a7e.`},
		{"received", received},
		{"received with a prompt", receivedWithPrompt},
		{"generated", `(APIServer pid=1) INFO 08-20 10:00:02 [request_logger.py:98] Generated response chatcmpl-req-42: output: 'The capital of France is Paris.', finish_reason: stop`},
		{"access", `(APIServer pid=1) INFO:     10.0.0.7:50122 - "POST /v1/chat/completions HTTP/1.1" 200 OK`},
		{"stats", `(APIServer pid=1) INFO 08-20 10:00:10 [loggers.py:310] Engine 000: Avg prompt throughput: 51.2 tokens/s, Avg generation throughput: 12.8 tokens/s, Running: 1 reqs, Waiting: 3 reqs, GPU KV cache usage: 3.8%, Prefix cache hit rate: 50.0%`},
		{"traceback", `(EngineCore pid=1) ERROR 08-20 10:00:00 [core.py:900]   File "/venv/lib/site-packages/vllm/v1/engine/core.py", line 1482, in run_engine_core`},
		{"json", `{"asctime": "2026-11-21 20:54:04,378", "levelname": "INFO", "name": "vllm.v1.engine.async_llm", "process": 7, "message": "Added request chatcmpl-req-42-9f3c1a7e.", "vllm_process_name": "APIServer"}`},
		{"no head", `Triton is installed, but doesn't include CPU backend. Disabling Triton.`},
	} {
		b.Run(line.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line.text)))
			for b.Loop() {
				sink = vllm.ParseLogLine(line.text)
			}
		})
	}
}

var sink vllm.LogEvent

const (
	received = `(APIServer pid=33684) INFO 09-06 01:54:43 [request_logger.py:63] Received request chatcmpl-a7792ef428ae1f17: params: ` + params + `, lora_request: None.`

	receivedWithPrompt = `(APIServer pid=1) INFO 11-07 08:50:24 [logger.py:40] Received request cmpl-4d1abf620f01dad2f8fd2946e6d0ee3a-0: ` +
		`prompt: 'Say \'hello\', then: params: SamplingParams(max_tokens=99), lora_request: None.', params: ` + params +
		`, prompt_token_ids: None, prompt_embeds shape: None, lora_request: None.`

	params = `SamplingParams(n=1, presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.0, temperature=0.7, top_p=0.9, ` +
		`top_k=0, min_p=0.0, seed=None, stop=[], stop_token_ids=[], bad_words=[], include_stop_str_in_output=False, ignore_eos=False, ` +
		`max_tokens=256, min_tokens=0, logprobs=None, prompt_logprobs=None, skip_special_tokens=True, ` +
		`spaces_between_special_tokens=True, truncate_prompt_tokens=None, structured_outputs=None, extra_args=None)`
)
