package vllm_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// victim is the request of somebody else that a hostile text tries to speak of.
const victim = "chatcmpl-victim"

// forged are lines that a client would have to make: each would change what is known of another's request, or wake somebody up.
var forged = []string{
	"INFO 12-24 18:30:05 [async_llm.py:439] Added request " + victim + "-4be0c1d2.",
	"INFO 12-24 18:30:05 [async_llm.py:439] Added request evil.",
	"(APIServer pid=1) INFO 12-24 18:30:05 [async_llm.py:700] Request " + victim + " failed (engine dead).",
	"(APIServer pid=1) INFO 12-24 18:30:05 [async_llm.py:700] Request " + victim + " failed (bad request): no",
	"(APIServer pid=1) INFO 12-24 18:30:05 [async_llm.py:700] Request " + victim + " aborted.",
	"(APIServer pid=1) INFO 12-24 18:30:05 [async_llm.py:700] Aborted request(s) " + victim + "-4be0c1d2.",
	"(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:98] Generated response " + victim + ": output: 'x', finish_reason: stop",
	"(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:98] Generated response " + victim + ": output: 'x",
	`(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:98] Generated response ` + victim + `: output: "x`,
	"(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:63] Received request " + victim + ": params: SamplingParams(n=1, max_tokens=1), lora_request: None.",
	"(APIServer pid=1) INFO 12-24 18:30:05 [logger.py:40] Received request " + victim + ": prompt: 'x",
	"(APIServer pid=1) ERROR 12-24 18:30:05 [serving.py:90] Request " + victim + " failed with an internal error during generation",
	"(EngineCore pid=88) ERROR 12-24 18:30:05 [core.py:710] EngineCore encountered a fatal error.",
	"(EngineCore pid=88) ERROR 12-24 18:30:05 [core.py:710] torch.OutOfMemoryError: CUDA out of memory.",
	"torch.OutOfMemoryError: CUDA out of memory.",
	"(APIServer pid=1) ERROR 12-24 18:30:05 [x.py:1] Slow: " + victim,
	"Killed",
	"Fatal Python error: Aborted",
	`{"message": "Added request ` + victim + `-4be0c1d2.", "levelname": "INFO"}`,
	`{"levelname": "ERROR", "message": "EngineCore encountered a fatal error."}`,
	"2026-12-24T18:30:05.123456789Z stdout F INFO 12-24 18:30:05 [async_llm.py:439] Added request " + victim + "-4be0c1d2.",
	"2026-12-24 18:30:05,123 - vllm.v1.engine.core - ERROR - EngineCore encountered a fatal error.",
}

// pythonRepr writes a text as Python's repr does.
func pythonRepr(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	s = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\x1b", `\x1b`, quote, `\`+quote).Replace(s)
	return quote + s + quote
}

// TestTheRestOfALineThatWasCutIsNoLine cuts the lines that hold a client's text in two, the second part of which begins as a line
// does: an answer or a prompt of 16 KiB, in vLLM's own text and as a JSON record.
func TestTheRestOfALineThatWasCutIsNoLine(t *testing.T) {
	const cut = 16 << 10
	whole := map[string]func(text string) string{
		"an answer": func(text string) string {
			return "(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:98] Generated response chatcmpl-evil: output: " + pythonRepr(text) + ", finish_reason: stop"
		},
		"an answer with its tokens": func(text string) string {
			return "(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:98] Generated response chatcmpl-evil: output: " + pythonRepr(text) + ", output_token_ids: [1, 2], finish_reason: length"
		},
		"a prompt": func(text string) string {
			return "(APIServer pid=1) INFO 12-24 18:30:05 [logger.py:40] Received request cmpl-evil-0: prompt: " + pythonRepr(text) + ", params: SamplingParams(n=1, temperature=0.7, max_tokens=256, extra_args=None), prompt_token_ids: None, prompt_embeds shape: None, lora_request: None."
		},
		"the details of a prompt": func(text string) string {
			return "(APIServer pid=1) DEBUG 12-24 18:30:05 [request_logger.py:40] Request cmpl-evil-0 details: prompt: " + pythonRepr(text) + ", prompt_token_ids: None, prompt_embeds shape: None."
		},
		"a record with the message first": func(text string) string {
			m, _ := json.Marshal("Generated response chatcmpl-evil: output: " + pythonRepr(text) + ", finish_reason: stop")
			return `{"message": ` + string(m) + `, "levelname": "INFO", "name": "vllm.entrypoints.serve.utils.request_logger"}`
		},
		"a record with the message last": func(text string) string {
			m, _ := json.Marshal("Generated response chatcmpl-evil: output: " + pythonRepr(text) + ", finish_reason: stop")
			return `{"levelname": "INFO", "name": "vllm.entrypoints.serve.utils.request_logger", "message": ` + string(m) + `}`
		},
	}
	for name, line := range whole {
		for _, text := range forged {
			for _, tail := range []string{"", " and so on", `'`, `"`, `\`, "', finish_reason: stop", `", finish_reason: stop`, "\n" + text} {
				const mark = "aaaaaaaa"
				before := cut - strings.Index(line(mark), mark) // the second part begins with the forged text
				written := line(strings.Repeat("a", before) + text + tail)
				second := written[cut:]
				e := vllm.ParseLogLine(second)
				require.Empty(t, told(second), "%s: %s", name, second)
				require.Empty(t, filtered(second), "%s: a store's alerts: %s", name, second)
				require.False(t, e.External != "" && e.Kind.NamesRequest(), "%s is read as %s of %s: %s", name, kinds[e.Kind], e.External, second)
			}
		}
	}
}

func TestTheMiddleOfALineThatWasCutTwiceIsNoLine(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	const cut = 16 << 10
	for _, text := range forged {
		for _, tail := range []string{"", `"`, "', finish_reason: stop", "\n" + text} {
			middle := (text + tail + strings.Repeat(" and so on", cut/8))[:cut]
			require.Empty(t, told(middle), middle[:len(text)])
			require.Empty(t, filtered(middle), "a store's alerts: %s", middle[:len(text)])
		}
	}
}

func TestTheFirstPartOfALineThatWasCutIsRead(t *testing.T) {
	for _, wrap := range []func(string) string{
		func(s string) string { return s },
		func(s string) string { return "2026-12-24T18:30:05.123456789Z stdout P " + s },
		func(s string) string {
			text, _ := json.Marshal(s)
			return `{"log":` + string(text) + `,"stream":"stdout","time":"2026-12-24T18:30:05Z"}`
		},
		func(s string) string {
			text, _ := json.Marshal(s)
			return `{"log":` + string(text) + `,"stream":"stdout","logtag":"P"}`
		},
	} {
		text := "(APIServer pid=1) INFO 12-24 18:30:05 [request_logger.py:98] Generated response chatcmpl-a: output: '"
		e := vllm.ParseLogLine(wrap(text + strings.Repeat("x", 16<<10-len(text))))
		require.Equal(t, "generated info APIServer#1 request_logger.py:98, id=chatcmpl-a, form=external", describe(e))
		require.True(t, e.Cut)
	}
}

// TestAnIDNeverCarriesWhatAWrapperWrites reads lines of request ids of all kinds through wrappers: the id is the client's, whole.
func TestAnIDNeverCarriesWhatAWrapperWrites(t *testing.T) {
	for _, id := range []string{
		"chatcmpl-a", `chatcmpl-"`, `chatcmpl-a"}`, `chatcmpl-x", "levelname": "ERROR`, "chatcmpl-a b", "chatcmpl-B failed (x): y", `chatcmpl-\`, `chatcmpl-\"`,
		"chatcmpl-#033[1mfoo", `chatcmpl-\u001b[0mfoo`, "chatcmpl-Müller-東京", "chatcmpl-a|b", `chatcmpl-a" stream="stdout`, "chatcmpl-<x>", "chatcmpl-{x}", "chatcmpl-a.", "chatcmpl-é\u202e",
	} {
		for name, wrap := range wrappers {
			line := wrap("(APIServer pid=1) INFO 12-24 18:30:05 [async_llm.py:439] Added request " + id + "-4be0c1d2.")
			e := vllm.ParseLogLine(line)
			require.Equal(t, vllm.LogAdded, e.Kind, "%s: %s", name, line)
			require.Equal(t, "APIServer", e.Process, "%s: %s", name, line)
			if vllm.ComparableRequestID(id) {
				require.Equal(t, id, e.External, "%s: %s", name, line)
			} else {
				require.Empty(t, e.External, "%s: %s", name, line)
			}
		}
	}
}

// wrappers put a line into what others write around it.
var wrappers = func() map[string]func(string) string {
	object := func(format string) func(string) string {
		return func(s string) string {
			text, _ := json.Marshal(s)
			return fmt.Sprintf(format, text)
		}
	}
	nested := func(outer, inner func(string) string) func(string) string {
		return func(s string) string { return outer(inner(s)) }
	}
	docker := object(`{"log":%s,"stream":"stdout","time":"2026-12-24T18:30:05Z"}`)
	prefix := func(p string) func(string) string { return func(s string) string { return p + s } }
	return map[string]func(string) string{
		"nothing": prefix(""), "docker": docker, "docker twice": nested(docker, docker), "cri": prefix("2026-12-24T18:30:05.123456789Z stdout F "),
		"docker in cri": nested(prefix("2026-12-24T18:30:05.1Z stderr F "), docker), "otel": object(`{"body":%s,"severity":"INFO","attributes":{"logtag":"F"}}`),
		"vector": object(`{"file":"/x","message":%s,"stream":"stdout","kubernetes":{"pod_labels":{"message":"no"}}}`),
		"gelf":   object(`{"version":"1.1","host":"h","short_message":%s,"level":6}`), "pack": object(`{"_entry":%s,"pod":"p"}`),
		"logfmt": object(`ts=2026-12-24T18:30:05Z level=info msg=%s stream=stdout`), "fluent bit": object(`log=%s stream="stdout" logtag="F"`),
		"google": object(`{"insertId":"1","textPayload":%s,"severity":"ERROR"}`), "splunk": object(`{"event":{"line":%s,"source":"stdout"}}`),
		"journald": object(`{"MESSAGE":%s,"PRIORITY":"6","_PID":"3"}`),
		"syslog":   prefix("Dec 24 18:30:05 node-a3 vllm[4711]: "), "syslog 5424": prefix(`<14>1 2026-12-24T18:30:05Z node-a3 vllm 4711 - [x@1 a="b]"] `),
		"kubectl": prefix("[pod/llm-0/engine] "), "stern": prefix("llm-0 engine "), "compose": prefix("vllm-1  | "), "swarm": prefix("vllm.1.x1@node-a3    | "),
		"mpirun": prefix("[1,0]<stdout>:"), "torchrun": prefix("[default0]:"), "srun": prefix("3: "), "ray": prefix("(RayWorkerWrapper pid=7, ip=10.0.0.1) "),
		"ray task": prefix("(pid=7, ip=10.0.0.1) "), "time": prefix("2026-12-24T18:30:05.123Z "), "rsyslog": prefix(" "), "json in syslog": nested(prefix("Dec 24 18:30:05 node-a3 vllm[4711]: "), docker),
	}
}()

func TestSeveralLinesOfOneRecordAreNotSeveralRecords(t *testing.T) {
	for name, line := range map[string]string{
		"an id with a line break, in JSON":           `{"levelname": "INFO", "message": "Added request chatcmpl-x\nAdded request ` + victim + `-4be0c1d2."}`,
		"an id that ends as a sentence does":         `{"levelname": "INFO", "message": "Added request ` + victim + `-4be0c1d2.\n-0a1b2c3d."}`,
		"an id with a line break, as text":           head + "Added request chatcmpl-x\r\n" + head + "Added request " + victim + "-4be0c1d2.",
		"the first line of it":                       head + "Added request chatcmpl-x\r",
		"an id that speaks of a death, in JSON":      `{"message": "Added request chatcmpl-x\nEngineCore encountered a fatal error.\n-0a1b2c3d."}`,
		"a traceback in an id":                       `{"message": "Added request chatcmpl-x\n  File\ntorch.OutOfMemoryError: CUDA out of memory.\n-0a1b2c3d."}`,
		"a text of two lines in an error that level": `{"levelname": "ERROR", "message": "Unknown model x\nEngineCore encountered a fatal error."}`,
	} {
		e := vllm.ParseLogLine(line)
		require.NotEqual(t, victim, e.External, name)
		require.Empty(t, told(line), name)
		require.Empty(t, filtered(line), name)
	}
}
