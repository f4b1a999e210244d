package vllm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// describe writes an event as one line, of what it tells only: "kind level process#pid logger:line, field=value, …".
func describe(e vllm.LogEvent) string {
	var b strings.Builder
	b.WriteString(kinds[e.Kind] + " " + string(e.Level))
	if e.Process != "" {
		fmt.Fprintf(&b, " %s#%d", e.Process, e.PID)
	}
	if e.Logger != "" {
		fmt.Fprintf(&b, " %s:%d", e.Logger, e.Line)
	}
	field := func(name string, told bool, value any) {
		if told {
			fmt.Fprintf(&b, ", %s=%v", name, value)
		}
	}
	field("id", e.RequestID != "", e.RequestID)
	field("form", e.IDForm != vllm.IDUnknown, forms[e.IDForm])
	field("external", e.External != e.RequestID, e.External)
	field("beams", e.Beams, true)
	field("more", e.MoreIDs != nil, strings.Join(e.MoreIDs, ";"))
	field("engine", e.Engine != "", e.Engine)
	field("model", e.Model != "", e.Model)
	field("finish", e.FinishReason != "", e.FinishReason)
	field("lora", e.LoRA != "", e.LoRA)
	field("error", e.Error != "", e.Error)
	field("max_tokens", e.MaxTokens >= 0, e.MaxTokens)
	field("n", e.Sequences > 1, e.Sequences)
	field("temperature", e.Temperature == e.Temperature, e.Temperature)
	field("top_p", e.TopP == e.TopP, e.TopP)
	field("prompt_tokens", e.PromptTokens >= 0, e.PromptTokens)
	field("output_tokens", e.OutputTokens >= 0, e.OutputTokens)
	field("cached", e.CachedTokens >= 0, e.CachedTokens)
	field("http", e.HTTPStatus != 0, fmt.Sprintf("%s %s %d", e.HTTPMethod, e.HTTPPath, e.HTTPStatus))
	return b.String()
}

var kinds = map[vllm.LogKind]string{
	vllm.LogOther: "other", vllm.LogReceived: "received", vllm.LogDetails: "details", vllm.LogAdded: "added",
	vllm.LogGenerated: "generated", vllm.LogDelta: "delta", vllm.LogAborted: "aborted", vllm.LogFailed: "failed",
	vllm.LogInternalError: "internal error", vllm.LogException: "exception", vllm.LogFinished: "finished",
	vllm.LogRequestError: "request error", vllm.LogAccess: "access", vllm.LogStats: "stats",
	vllm.LogEngineDead: "engine dead", vllm.LogOutOfMemory: "out of memory", vllm.LogStartup: "startup",
	vllm.LogSleep: "sleep", vllm.LogLoRA: "lora", vllm.LogTraceback: "traceback", vllm.LogShutdown: "shutdown",
	vllm.LogCrashDump: "crash dump", vllm.LogCacheHit: "cache hit", vllm.LogResumed: "resumed", vllm.LogStuck: "stuck",
}

var forms = map[vllm.IDForm]string{
	vllm.IDExternal: "external", vllm.IDInternal: "internal", vllm.IDResponse: "response", vllm.IDClient: "client",
}

const head = "(APIServer pid=1) INFO 08-20 10:00:00 [async_llm.py:439] "

func TestParseLogLineOfRequests(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{
			"an added request carries the internal id, without the random suffix the external one", head + "Added request chatcmpl-req-42-9f3c1a7e.",
			"added info APIServer#1 async_llm.py:439, id=chatcmpl-req-42-9f3c1a7e, form=internal, external=chatcmpl-req-42",
		},
		{
			"a child of n>1 loses its number too", head + "Added request 1_cmpl-req-42-0-9f3c1a7e.",
			"added info APIServer#1 async_llm.py:439, id=1_cmpl-req-42-0-9f3c1a7e, form=internal, external=cmpl-req-42-0",
		},
		{
			"before 0.14 the added id has no suffix and stays", "(APIServer pid=1) INFO 11-07 08:50:24 [async_llm.py:316] Added request cmpl-4d1abf620f01dad2f8fd2946e6d0ee3a-0.",
			"added info APIServer#1 async_llm.py:316, id=cmpl-4d1abf620f01dad2f8fd2946e6d0ee3a-0, form=internal",
		},
		{
			"a received request tells its parameters", received,
			"received info APIServer#33684 request_logger.py:63, id=chatcmpl-a7792ef428ae1f17, form=external, max_tokens=256, temperature=0.7, top_p=0.9",
		},
		{
			"a prompt that imitates parameters is stepped over", receivedWithPrompt,
			"received info APIServer#1 logger.py:40, id=cmpl-4d1abf620f01dad2f8fd2946e6d0ee3a-0, form=external, max_tokens=256, temperature=0.7, top_p=0.9",
		},
		{
			"a prompt in double quotes, with an escaped backslash before its end",
			head + `Received request cmpl-a-0: prompt: "it's, params: SamplingParams(max_tokens=1) \\", params: SamplingParams(n=1, top_p=0.5, max_tokens=7), prompt_token_ids: None, lora_request: None.`,
			"received info APIServer#1 async_llm.py:439, id=cmpl-a-0, form=external, max_tokens=7, top_p=0.5",
		},
		{
			"stop strings that imitate fields are stepped over",
			head + `Received request cmpl-a-0: params: SamplingParams(n=1, temperature=0.0, top_p=1.0, stop=['), max_tokens=9, lora_request: LoRARequest(lora_name=\'x\'', "]"], max_tokens=8), lora_request: None.`,
			"received info APIServer#1 async_llm.py:439, id=cmpl-a-0, form=external, max_tokens=8, temperature=0, top_p=1",
		},
		{
			"an adapter is named after the parameters",
			head + `Received request cmpl-a-0: params: SamplingParams(n=1, temperature=0.0, top_p=1.0, stop=["lora_request: LoRARequest(lora_name='x')"], max_tokens=None), lora_request: LoRARequest(lora_name='sql', lora_int_id=1, lora_path='/l/sql').`,
			"received info APIServer#1 async_llm.py:439, id=cmpl-a-0, form=external, lora=sql, temperature=0, top_p=1",
		},
		{
			"up to 0.9 there is a prompt adapter field behind",
			"INFO 05-07 08:50:24 [logger.py:39] Received request cmpl-a-0: prompt: 'Hi', params: SamplingParams(n=1, temperature=0.0, top_p=1.0, max_tokens=3), prompt_token_ids: [1, 2], lora_request: None, prompt_adapter_request: None.",
			"received info logger.py:39, id=cmpl-a-0, form=external, max_tokens=3, temperature=0, top_p=1",
		},
		{
			"a line that was cut off inside the prompt still has its id",
			head + `Received request cmpl-a-0: prompt: 'a very long`,
			"received info APIServer#1 async_llm.py:439, id=cmpl-a-0, form=external",
		},
		{
			"details precede, at DEBUG", "(APIServer pid=1) DEBUG 08-20 10:00:00 [v1/engine/async_llm.py:439] Request cmpl-a-0 details: prompt: 'Added request x.', prompt_token_ids: [1], prompt_embeds shape: None.",
			"details debug APIServer#1 v1/engine/async_llm.py:439, id=cmpl-a-0, form=external",
		},
		{
			"a generated response has the reason at its end", head + "Generated response chatcmpl-req-42: output: 'Paris, finish_reason: abort', finish_reason: stop",
			"generated info APIServer#1 async_llm.py:439, id=chatcmpl-req-42, form=external, finish=stop",
		},
		{
			"with token ids in the same line, until mid-2026", head + "Generated response chatcmpl-req-42: output: 'Paris.', output_token_ids: [1, 2], finish_reason: length",
			"generated info APIServer#1 async_llm.py:439, id=chatcmpl-req-42, form=external, finish=length",
		},
		{
			"cut off inside the output there is no reason", head + "Generated response chatcmpl-req-42: output: 'She said, finish_reason: Because",
			"generated info APIServer#1 async_llm.py:439, id=chatcmpl-req-42, form=external",
		},
		{
			"a streamed token has none yet", head + "Generated response chatcmpl-req-42 (streaming delta): output: ' Par', finish_reason: None",
			"delta info APIServer#1 async_llm.py:439, id=chatcmpl-req-42, form=external",
		},
		{
			"the last streamed token has it", head + "Generated response chatcmpl-req-42 (streaming delta): output: '', finish_reason: stop",
			"delta info APIServer#1 async_llm.py:439, id=chatcmpl-req-42, form=external, finish=stop",
		},
		{
			"at DEBUG each token has a line more", "(APIServer pid=1) DEBUG 08-20 10:00:00 [entrypoints/.../request_logger.py:108] Generated response chatcmpl-req-42 (streaming delta) details: output_token_ids: [380]",
			"details debug APIServer#1 entrypoints/.../request_logger.py:108, id=chatcmpl-req-42, form=external",
		},
		{
			"an id with blanks and quotes is received whole", head + `Received request chatcmpl-we"ird/id 7%20{x="y"}: params: SamplingParams(n=1, temperature=0.0, top_p=1.0, max_tokens=3), lora_request: None.`,
			`received info APIServer#1 async_llm.py:439, id=chatcmpl-we"ird/id 7%20{x="y"}, form=external, max_tokens=3, temperature=0, top_p=1`,
		},
		{
			"added whole", head + `Added request chatcmpl-we"ird/id 7%20{x="y"}-9e8deac0.`,
			`added info APIServer#1 async_llm.py:439, id=chatcmpl-we"ird/id 7%20{x="y"}-9e8deac0, form=internal, external=chatcmpl-we"ird/id 7%20{x="y"}`,
		},
		{
			"answered whole", head + `Generated response chatcmpl-we"ird/id 7%20{x="y"}: output: 'Paris.', finish_reason: length`,
			`generated info APIServer#1 async_llm.py:439, id=chatcmpl-we"ird/id 7%20{x="y"}, form=external, finish=length`,
		},
		{
			"streamed whole", head + `Generated response chatcmpl-a b (streaming delta): output: ' (streaming complete): ', finish_reason: length`,
			`delta info APIServer#1 async_llm.py:439, id=chatcmpl-a b, form=external, finish=length`,
		},
		{
			"refused whole", head + `Request chatcmpl-a b failed (bad request): it was aborted.`,
			`failed info APIServer#1 async_llm.py:439, id=chatcmpl-a b, form=external, error=bad request: it was aborted`,
		},
		{
			"and aborted whole", head + `Request chatcmpl-a b aborted.`,
			`aborted info APIServer#1 async_llm.py:439, id=chatcmpl-a b, form=external`,
		},
		{
			"without an endpoint's word, text with blanks is another sentence", head + "Added request hooks to the engine.",
			"other info APIServer#1 async_llm.py:439",
		},
		{
			"a beam search is no request to the engine, its beams are", head + `Received request cmpl-b-0: params: BeamSearchParams(beam_width=2, max_tokens=8, ignore_eos=True, temperature=0.0), lora_request: None.`,
			"received info APIServer#1 async_llm.py:439, id=cmpl-b-0, form=external, beams=true, max_tokens=8",
		},
		{
			"streaming_complete is no reason", head + "Generated response chatcmpl-req-42 (streaming complete): output: 'Paris.', finish_reason: streaming_complete",
			"generated info APIServer#1 async_llm.py:439, id=chatcmpl-req-42, form=external",
		},
		{
			"an abort names the internal id", head + "Aborted request(s) chatcmpl-req-43-0b1c2d3e.",
			"aborted info APIServer#1 async_llm.py:439, id=chatcmpl-req-43-0b1c2d3e, form=internal, external=chatcmpl-req-43",
		},
		{
			"an abort of several names them all", head + "Aborted request(s) cmpl-a-0-0b1c2d3e,cmpl-a-1-1b1c2d3e.",
			"aborted info APIServer#1 async_llm.py:439, id=cmpl-a-0-0b1c2d3e, form=internal, external=cmpl-a-0, more=cmpl-a-1-1b1c2d3e",
		},
		{
			"before 0.10.2 an abort names the external id, even if it looks suffixed", "INFO 05-07 08:50:24 [async_llm.py:300] Aborted request chatcmpl-my-deadbeef.",
			"aborted info async_llm.py:300, id=chatcmpl-my-deadbeef, form=external",
		},
		{
			"the API server's own abort line names the external id", head + "Request chatcmpl-req-43 aborted.",
			"aborted info APIServer#1 async_llm.py:439, id=chatcmpl-req-43, form=external",
		},
		{
			"a failure by a dead engine", head + "Request chatcmpl-req-43 failed (engine dead).",
			"failed info APIServer#1 async_llm.py:439, id=chatcmpl-req-43, form=external, error=engine dead",
		},
		{
			"a bad request with its reason", head + "Request chatcmpl-req-43 failed (bad request): too long.",
			"failed info APIServer#1 async_llm.py:439, id=chatcmpl-req-43, form=external, error=bad request: too long",
		},
		{
			"a failure with its class", head + "Request chatcmpl-req-43 failed due to ValueError: no.",
			"failed info APIServer#1 async_llm.py:439, id=chatcmpl-req-43, form=external, error=ValueError: no",
		},
		{
			"up to 0.14 a failure says no more", head + "Request chatcmpl-req-43 failed.",
			"failed info APIServer#1 async_llm.py:439, id=chatcmpl-req-43, form=external, error=failed",
		},
		{
			"an internal error names the response", "(APIServer pid=1) ERROR 08-20 10:00:00 [serving.py:90] Request cmpl-B failed with an internal error during generation",
			"internal error error APIServer#1 serving.py:90, id=cmpl-B, form=response, error=internal error during generation",
		},
		{
			"a logged exception names the response", "(APIServer pid=1) ERROR 08-20 10:00:00 [exception.py:16] Exception caught. Request id: cmpl-B",
			"exception error APIServer#1 exception.py:16, id=cmpl-B, form=response, error=exception",
		},
		{
			"so does one of the engine", "(APIServer pid=1) ERROR 08-20 10:00:00 [vllm_error.py:54] Engine Exception caught. Request id: cmpl-B",
			"exception error APIServer#1 vllm_error.py:54, id=cmpl-B, form=response, error=exception",
		},
		{
			"before there is a request it names none", "(APIServer pid=1) ERROR 08-20 10:00:00 [exception.py:16] Exception caught. Request id: None",
			"exception error APIServer#1 exception.py:16, error=exception",
		},
		{
			"V0 told the end of a request, with half a bracket", "INFO 01-17 03:11:25 async_llm_engine.py:134] Finished request cmpl-4d1abf620f01dad2f8fd2946e6d0ee3a-0.",
			"finished info async_llm_engine.py:134, id=cmpl-4d1abf620f01dad2f8fd2946e6d0ee3a-0, form=external",
		},
		{
			"any other warning that names a request is a mention", "(APIServer pid=1) WARNING 08-20 10:00:00 [x.py:1] Slow: 0_chatcmpl-req-43-0b1c2d3e, 3 s.",
			"request error warning APIServer#1 x.py:1, id=0_chatcmpl-req-43-0b1c2d3e, external=chatcmpl-req-43",
		},
		{
			"an id inside a longer word is none", "(APIServer pid=1) WARNING 08-20 10:00:00 [x.py:1] mycmpl-42 and x-chatcmpl-43",
			"other warning APIServer#1 x.py:1",
		},
		{
			"an INFO line that names a request is none of its lines", head + "Something about chatcmpl-req-43.",
			"other info APIServer#1 async_llm.py:439",
		},
		{
			"the crash dump names the batch", `(EngineCore pid=284) ERROR 08-16 11:55:35 [dump_input.py:79] Dumping scheduler output for model execution: SchedulerOutput(scheduled_new_reqs=[NewRequestData(req_id=chatcmpl-a-848d8d5e,sampling_params=SamplingParams(stop=[', num_scheduled_tokens={evil: 1}']))], num_scheduled_tokens={chatcmpl-a-848d8d5e: 13, 1_cmpl-b-0-848d8d5f: 1}, total_num_scheduled_tokens=14)`,
			"crash dump error EngineCore#284 dump_input.py:79, id=chatcmpl-a-848d8d5e, form=internal, external=chatcmpl-a, more=1_cmpl-b-0-848d8d5f, engine=0, error=in flight when the engine died",
		},
		{
			"the crash dump's ids may have commas, colons and braces", `(EngineCore pid=284) ERROR 08-16 11:55:35 [dump_input.py:79] Dumping scheduler output for model execution: SchedulerOutput(scheduled_new_reqs=[], num_scheduled_tokens={0_chatcmpl-a,b, c: 5, {x}: 7-848d8d5e: 13, chatcmpl-it's }-848d8d5f: 1}, total_num_scheduled_tokens=14, finished_req_ids=[])`,
			"crash dump error EngineCore#284 dump_input.py:79, id=0_chatcmpl-a,b, c: 5, {x}: 7-848d8d5e, form=internal, external=chatcmpl-a,b, c: 5, {x}: 7, more=chatcmpl-it's }-848d8d5f, engine=0, error=in flight when the engine died",
		},
		{
			"before 0.14 they have no suffix", `(EngineCore pid=284) ERROR 08-16 11:55:35 [dump_input.py:79] Dumping scheduler output for model execution: SchedulerOutput(scheduled_new_reqs=[], num_scheduled_tokens={chatcmpl-a: 13, chatcmpl-b: 1}, total_num_scheduled_tokens=14)`,
			"crash dump error EngineCore#284 dump_input.py:79, id=chatcmpl-a, form=internal, more=chatcmpl-b, engine=0, error=in flight when the engine died",
		},
		{
			"the Rust front end tells the end of a request", `(ApiServer_0 pid=7) INFO 08-20 10:00:00 [chat_completions.rs:120] chat_completions{request_id=chatcmpl-1a2b3c4d}: chat completion finished stream=true model="m 1" prompt_tokens=7 output_tokens=9 finish_reason="stop"`,
			"finished info ApiServer_0#7 chat_completions.rs:120, id=chatcmpl-1a2b3c4d, form=external, model=m 1, finish=stop, prompt_tokens=7, output_tokens=9",
		},
		{
			"and of a dropped stream", `(ApiServer_0 pid=7) INFO 08-20 10:00:00 [state.rs:12] auto-aborting request due to dropped stream request_id="chatcmpl-x-1a2b3c4d"`,
			"aborted info ApiServer_0#7 state.rs:12, id=chatcmpl-x-1a2b3c4d, form=internal, external=chatcmpl-x",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, describe(vllm.ParseLogLine(test.line)))
		})
	}
}

func TestParseLogLineIsNotFooledByWhatClientsSend(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{
			"words in an id are not those of the line", head + `Received request chatcmpl-x aborted. Added request chatcmpl-victim: params: SamplingParams(max_tokens=4), lora_request: None.`,
			"received info APIServer#1 async_llm.py:439, id=chatcmpl-x aborted. Added request chatcmpl-victim, form=external, max_tokens=4",
		},
		{
			"an id with quotes ends where the line goes on", head + `Generated response chatcmpl-"x": output: '', finish_reason: stop`,
			`generated info APIServer#1 async_llm.py:439, id=chatcmpl-"x", form=external, finish=stop`,
		},
		{
			"an id of 2000 bytes is left out", head + "Added request chatcmpl-" + strings.Repeat("L", 2000) + "-9e8deac0.",
			"added info APIServer#1 async_llm.py:439",
		},
		{
			"an id with colons ends where it ends", head + `Received request chatcmpl-urn:uuid:1: params: SamplingParams(max_tokens=4), lora_request: None.`,
			"received info APIServer#1 async_llm.py:439, id=chatcmpl-urn:uuid:1, form=external, max_tokens=4",
		},
		{
			"a whole log line in an output stays output", head + `Generated response chatcmpl-a: output: '(APIServer pid=1) INFO 08-20 10:00:00 [async_llm.py:439] Added request chatcmpl-b-9f3c1a7e.', finish_reason: stop`,
			"generated info APIServer#1 async_llm.py:439, id=chatcmpl-a, form=external, finish=stop",
		},
		{
			"text that only mentions a request line is not one", head + `He wrote: Added request chatcmpl-b-9f3c1a7e.`,
			"other info APIServer#1 async_llm.py:439",
		},
		{
			"a path with a quote in it is escaped by uvicorn", `INFO:     10.0.0.7:50122 - "GET /%22%20200?key=secret HTTP/1.1" 404 Not Found`,
			"access info uvicorn.access:0, http=GET /%22%20200 404",
		},
		{
			"an error text without an end is no error of ours", head + `EngineCore encountered a fatal error. said the prompt`,
			"other info APIServer#1 async_llm.py:439",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, describe(vllm.ParseLogLine(test.line)))
		})
	}
}

func TestParseLogLineSeesThroughWhatStandsBeforeAMessage(t *testing.T) {
	const added = "Added request cmpl-a-0-9f3c1a7e."
	for _, test := range []struct{ name, line, want string }{
		{"nothing", "INFO 08-20 10:00:00 [async_llm.py:439] " + added, "added info async_llm.py:439"},
		{"a process", head + added, "added info APIServer#1 async_llm.py:439"},
		{"a process with a number", "(ApiServer_12 pid=4) INFO 08-20 10:00:00 [async_llm.py:439] " + added, "added info ApiServer_12#4 async_llm.py:439"},
		{"a coloured process, always before 0.12", "\x1b[1;36m(APIServer pid=1)\x1b[0;0m INFO 08-20 10:00:00 [async_llm.py:439] " + added, "added info APIServer#1 async_llm.py:439"},
		{"a coloured level", "(APIServer pid=1) \x1b[32mINFO\x1b[0m 08-20 10:00:00 \x1b[90m[async_llm.py:439]\x1b[0m " + added, "added info APIServer#1 async_llm.py:439"},
		{"a Compose service", "vllm-1  | " + head + added, "added info APIServer#1 async_llm.py:439"},
		{"a logging prefix", "(APIServer pid=1) prod eu-1: INFO 08-20 10:00:00 [async_llm.py:439] " + added, "added info APIServer#1 async_llm.py:439"},
		{"a Ray worker", "(EngineCore_DP0 pid=9) (RayWorkerWrapper pid=7, ip=10.0.0.1) INFO 08-20 10:00:00 [async_llm.py:439] " + added, "added info RayWorkerWrapper#7 async_llm.py:439"},
		{"a worker of 0.8 with its rank", "(VllmWorker rank=1 pid=7) INFO 08-20 10:00:00 [async_llm.py:439] " + added, "added info VllmWorker#7 async_llm.py:439"},
		{"a carriage return behind", head + added + "\r", "added info APIServer#1 async_llm.py:439"},
		{"JSON as documented", `{"message": "` + added + `"}`, "added unknown"},
		{"JSON behind a process", `(APIServer pid=1) {"message": "` + added + `"}`, "added unknown APIServer#1"},
		{"JSON with its fields", `{"asctime": "2026-11-21 20:54:04,378", "levelname": "INFO", "name": "vllm.v1.engine.async_llm", "processName": "MainProcess", "process": 7, "message": "` + added + `", "vllm_process_name": "APIServer"}`, "added info APIServer#7 vllm.v1.engine.async_llm:0"},
		{"a line in Docker's JSON", `{"log": "(APIServer pid=1) INFO 08-20 10:00:00 [async_llm.py:439] ` + added + `\r\n", "stream": "stdout"}`, "added info APIServer#1 async_llm.py:439"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := vllm.ParseLogLine(test.line)
			require.Equal(t, test.want+", id=cmpl-a-0-9f3c1a7e, form=internal, external=cmpl-a-0", strings.Replace(describe(e), ", engine=0", "", 1))
			require.Equal(t, added, e.Message)
		})
	}
}

func TestParseLogLineOfEngines(t *testing.T) {
	for _, test := range []struct{ name, line, want string }{
		{"an access line has neither time nor id", `(APIServer pid=1) INFO:     10.0.0.7:50122 - "POST /v1/chat/completions HTTP/1.1" 200 OK`, "access info APIServer#1 uvicorn.access:0, http=POST /v1/chat/completions 200"},
		{"an access line as a JSON record", `{"levelname": "INFO", "name": "uvicorn.access", "process": 7, "message": "127.0.0.1:39970 - \"GET /health HTTP/1.1\" 200", "vllm_process_name": "APIServer"}`, "access info APIServer#7 uvicorn.access:0, http=GET /health 200"},
		{"the stats line names the engine", `(APIServer pid=1) INFO 08-20 10:00:10 [loggers.py:310] Engine 001: Avg prompt throughput: 51.2 tokens/s`, "stats info APIServer#1 loggers.py:310, engine=1"},
		{"several engines together name none", `(APIServer pid=1) INFO 08-20 10:00:10 [loggers.py:310] 2 Engines Aggregated: Avg prompt throughput: 51.2 tokens/s`, "stats info APIServer#1 loggers.py:310"},
		{"an engine process carries its rank", `(EngineCore_DP3 pid=9) INFO 08-20 10:00:10 [core.py:3] x`, "other info EngineCore_DP3#9 core.py:3, engine=3"},
		{"one of 0.9 too", `(EngineCore_1 pid=9) INFO 08-20 10:00:10 [core.py:3] x`, "other info EngineCore_1#9 core.py:3, engine=1"},
		{"without data parallelism it is rank 0", `(EngineCore pid=9) INFO 08-20 10:00:10 [core.py:3] x`, "other info EngineCore#9 core.py:3, engine=0"},
		{"a worker has its engine's rank", `(Worker_DP1_TP0_EP8 pid=9) INFO 08-20 10:00:10 [core.py:3] x`, "other info Worker_DP1_TP0_EP8#9 core.py:3, engine=1"},
		{"a worker without rank does not say", `(VllmWorker-0 pid=9) INFO 08-20 10:00:10 [core.py:3] x`, "other info VllmWorker-0#9 core.py:3"},
		{"a dead engine", `(EngineCore pid=9) ERROR 08-20 10:00:10 [core.py:900] EngineCore encountered a fatal error.` + "\r", "engine dead error EngineCore#9 core.py:900, engine=0, error=EngineCore encountered a fatal error."},
		{"a dead engine, seen from the API server", `(APIServer pid=1) ERROR 08-20 10:00:10 [async_llm.py:906] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.`, "engine dead error APIServer#1 async_llm.py:906, error=vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue."},
		{"a killed worker", `(EngineCore pid=9) ERROR 08-20 10:00:10 [multiproc_executor.py:315] Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.`, "engine dead error EngineCore#9 multiproc_executor.py:315, engine=0, error=Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor."},
		{"memory at run time", `(EngineCore pid=9) ERROR 08-20 10:00:10 [core.py:900] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB.`, "out of memory error EngineCore#9 core.py:900, engine=0, error=torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.17 GiB."},
		{"memory at start, from Python itself", `ValueError: No available memory for the cache blocks. Try increasing it.`, "out of memory unknown, error=ValueError: No available memory for the cache blocks. Try increasing it."},
		{"a traceback's first line", `(EngineCore pid=9) ERROR 08-20 10:00:10 [core.py:900] Traceback (most recent call last):`, "traceback error EngineCore#9 core.py:900, engine=0"},
		{"a traceback's middle", `    raise RuntimeError(`, "traceback unknown"},
		{"a traceback's end", `RuntimeError: Worker failed`, "traceback unknown, error=RuntimeError: Worker failed"},
		{"the size of the cache, on any device", `(EngineCore pid=1) INFO 08-20 10:00:00 [x.py:1] CPU KV cache size: 2,560 tokens`, "startup info EngineCore#1 x.py:1, engine=0"},
		{"ready to serve", `(APIServer pid=1) INFO:     Application startup complete.`, "startup info APIServer#1 uvicorn.error:0"},
		{"the logo has the version", `(APIServer pid=1) INFO 11-21 20:44:00 [api_utils.py:347]  ▄▄ ▄█ █     █     █ ▀▄▀ █  version 0.32.0` + "\r", "startup info APIServer#1 api_utils.py:347"},
		{"going down", `(APIServer pid=1) INFO 11-21 20:45:06 [utils.py:628] [shutdown] Process manager: send sigterm to process EngineCore`, "shutdown info APIServer#1 utils.py:628"},
		{"going down for a reason", `(APIServer pid=1) WARNING 11-21 20:45:06 [core_client.py:817] [shutdown] MPClient: engine core exited unexpectedly; starting cleanup`, "engine dead warning APIServer#1 core_client.py:817, error=[shutdown] MPClient: engine core exited unexpectedly; starting cleanup"},
		{"falling asleep", `(APIServer pid=1) INFO 08-20 10:00:10 [x.py:1] It took 1.234567 seconds to fall asleep.`, "sleep info APIServer#1 x.py:1"},
		{"waking up", `(APIServer pid=1) INFO 08-20 10:00:10 [x.py:1] It took 0.456789 seconds to wake up tags {'weights', 'kv_cache'}.`, "sleep info APIServer#1 x.py:1"},
		{"an adapter", `(APIServer pid=1) INFO 08-20 10:00:10 [x.py:1] Loaded new LoRA adapter: name 'sql', path '/l/sql'`, "lora info APIServer#1 x.py:1, lora=sql"},
		{"nothing", ``, "other unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, describe(vllm.ParseLogLine(test.line)))
		})
	}
}
