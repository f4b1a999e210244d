package vllm

import (
	"strconv"
	"strings"
)

// messages are the fixed beginnings of lines about the engine, by first byte. Wordings differ between versions; all that
// were ever printed stay.
var messages = func() (table [256][]message) {
	for _, m := range []message{
		{"vLLM API server version ", LogStartup},
		{"vLLM server version ", LogStartup}, // without the logo
		{"non-default args: ", LogStartup},
		{"args: ", LogStartup}, // up to 0.8
		{"Initializing a V", LogStartup},
		{"Initializing an LLM engine ", LogStartup}, // V0
		{"Automatically detected platform ", LogStartup},
		{"Resolved architecture: ", LogStartup},
		{"Starting to load model ", LogStartup},
		{"Loading weights took ", LogStartup},
		{"Loading safetensors checkpoint shards", LogStartup},
		{"Initializing model took ", LogStartup},
		{"Model loading took ", LogStartup},
		{"torch.compile took ", LogStartup},
		{"torch.compile takes ", LogStartup}, // up to 0.17
		{"Available KV cache memory: ", LogStartup},
		{"Maximum concurrency for ", LogStartup}, // a line of its own until August 2026
		{"Capturing CUDA graphs ", LogStartup},
		{"Graph capturing finished ", LogStartup},
		{"init engine (", LogStartup},
		{"Supported tasks: ", LogStartup},
		{"Supported_tasks: ", LogStartup}, // 0.10, 0.11
		{"Starting vLLM ", LogStartup},
		{"Route: ", LogStartup},
		{"Endpoint: ", LogStartup},
		{"Available routes are:", LogStartup},
		{"Started server process ", LogStartup},
		{"Waiting for application startup.", LogStartup},
		{"Application startup complete.", LogStartup}, // ready to serve
		{"Uvicorn running on ", LogStartup},

		{"[shutdown] ", LogShutdown},
		{"Shutting down", LogShutdown},
		{"Waiting for application shutdown.", LogShutdown},
		{"Application shutdown complete.", LogShutdown},
		{"Finished server process ", LogShutdown},

		{"Dumping scheduler output for model execution: ", LogCrashDump},
		{"Dumping input data for ", LogCrashDump},
		{"Dumping scheduler stats: ", LogCrashDump},

		{"Sleep mode freed ", LogSleep},
		{"setting pause state to ", LogSleep}, // PAUSED_…, UNPAUSED
		{"Loaded new LoRA adapter", LogLoRA},
		{"Loaded LoRA adapter", LogLoRA},
		{"Removed LoRA adapter", LogLoRA},

		{"Avg prompt throughput: ", LogStats},
		{"SpecDecoding metrics: ", LogStats},
		{"Speculative metrics: ", LogStats}, // V0
		{"KV Transfer metrics: ", LogStats},
		{"**CUDAGraph Stats:**", LogStats},
	} {
		first := m.beginning[0]
		table[first] = append(table[first], m)
	}
	return table
}()

type message struct {
	beginning string
	kind      LogKind
}

// classifyEngine finds the kind of lines that are not about one request.
func (e *LogEvent) classifyEngine() {
	m := e.Message
	if (e.Logger == "" || strings.HasPrefix(e.Logger, "uvicorn") || !e.plain) && e.takeAccess(m) || e.takeStats(m) {
		return
	}
	if e.loud() && e.takeAlarm(m) {
		return
	}
	for _, known := range messages[m[0]] {
		if strings.HasPrefix(m, known.beginning) {
			e.Kind = known.kind
			break
		}
	}
	switch e.Kind {
	case LogCrashDump:
		e.takeCrashDump(m)
	case LogLoRA:
		_, name, _ := strings.Cut(m, "name '")
		e.LoRA, _, _ = strings.Cut(name, "'")
	case LogOther:
		if strings.HasPrefix(m, "It took ") && (strings.Contains(m, "fall asleep") || strings.Contains(m, "wake up")) {
			e.Kind = LogSleep
			return
		}
		if device, _, ok := strings.Cut(m, " KV cache size: "); ok && device == leadingWord(device) || // GPU, CPU, XPU …
			strings.Contains(m, "█  version ") { // the logo, since 0.15
			e.Kind = LogStartup
			return
		}
		e.takeTraceback(m)
	}
}

// loud reports whether the line may be an alarm by its level: warning or worse, or none of the program's own.
func (e *LogEvent) loud() bool {
	return e.Level == LevelUnknown || e.hearsay || e.Level.AtLeast(LevelWarning)
}

// takeAlarm takes what the table of sentences has: an engine that died, did not start, hangs, or has no memory left.
func (e *LogEvent) takeAlarm(m string) bool {
	if !mayAlarm(m) {
		return false
	}
	first, _, _ := strings.Cut(m, "\n")
	s := e.alarm(first)
	if s == nil {
		return false
	}
	switch e.Error = m; s.events[0] {
	case EngineOutOfMemory:
		e.Kind = LogOutOfMemory
	case EngineStuck:
		e.Kind = LogStuck
	default:
		e.Kind = LogEngineDead
	}
	return true
}

// mayAlarm tells from a message's first bytes that it is none of the table's sentences, which nearly all are.
func mayAlarm(m string) bool {
	switch m[0] {
	case ' ', '\t':
		return false
	case 'A', 'B', 'E', 'F', 'I', 'K', 'N', 'S', 'W', '[', '!', '*', 't':
		return true
	}
	return exceptionClass(m) != "" || strings.Contains(m[:min(len(m), 80)], ": line ")
}

// beginsAccess reports whether a text begins as an access line of uvicorn's: the client's address, a dash, a quote.
func beginsAccess(s string) bool {
	blank := strings.IndexByte(s[:min(len(s), 80)], ' ')
	return blank >= 0 && strings.HasPrefix(s[blank:], ` - "`) || strings.HasPrefix(s, `- "`)
}

// takeAccess takes uvicorn's `<client> - "<method> <path> HTTP/<v>" <status> <phrase>`. Path and client are escaped by
// uvicorn, so the quotes are its own.
func (e *LogEvent) takeAccess(m string) bool {
	if !beginsAccess(m) {
		return false
	}
	_, request, _ := strings.Cut(m, `- "`)
	request, status, ok := strings.Cut(request, `" `)
	if !ok {
		return false
	}
	method, target, ok := strings.Cut(request, " ")
	path, version, found := strings.Cut(target, " ")
	code, _, _ := strings.Cut(status, " ")
	number, err := strconv.Atoi(code)
	if !ok || !found || err != nil || number < 100 || number > 599 || !strings.HasPrefix(version, "HTTP/") {
		return false
	}
	path, _, _ = strings.Cut(path, "?")
	e.Kind, e.Logger = LogAccess, "uvicorn.access"
	e.HTTPMethod, e.HTTPPath, e.HTTPStatus = method, path, number
	return true
}

// takeCrashDump takes the ids of the batch that the engine died on: "num_scheduled_tokens={<int>: 13, <int>: 1}, total_…". Stop
// strings, which a client sends, stand before it. vLLM writes the ids as they are, without quotes or escapes
// (vllm/logging_utils/dump_input.py), so that a comma, a colon or a brace may be an id's own.
func (e *LogEvent) takeCrashDump(m string) {
	const field = ", num_scheduled_tokens={"
	i := strings.LastIndex(m, field)
	if i < 0 {
		return
	}
	dict, _, whole := strings.Cut(m[i+len(field):], "}, total_num_scheduled_tokens=")
	if !whole {
		dict, _, _ = strings.Cut(dict, "}")
	}
	last, _ := cutTokens(dict[strings.LastIndex(dict, ", ")+1:])
	_, suffixed := ExternalFromInternal(last)
	for begin, at := 0, 0; at < len(dict); {
		part, _, more := strings.Cut(dict[at:], ", ")
		end := at + len(part)
		if _, ok := cutTokens(part); ok {
			id, _ := cutTokens(dict[begin:end])
			if _, complete := ExternalFromInternal(id); complete || !suffixed { // else the comma is within an id
				e.addID(id, IDInternal)
				begin = end + len(", ")
			}
		}
		if at = end + len(", "); !more {
			break
		}
	}
	if e.RequestID != "" {
		e.Error = "in flight when the engine died"
	}
}

// cutTokens cuts "<id>: 13".
func cutTokens(entry string) (id string, ok bool) {
	i := strings.LastIndex(entry, ": ")
	if i < 0 || !isDigits(entry[i+2:]) {
		return "", false
	}
	id = entry[:i]
	if inner := unquote(id); inner != "" {
		id = inner
	}
	return id, true
}

// takeTraceback takes the lines of a traceback. vLLM repeats its prefix on each of them, level ERROR included; Python's
// own, at the end of a process, have no head.
func (e *LogEvent) takeTraceback(m string) {
	if e.Level != LevelUnknown && !e.Level.AtLeast(LevelError) {
		return
	}
	if _, _, ok := exception(m); ok {
		e.Kind, e.Error = LogTraceback, m
		return
	}
	if m[0] == ' ' || strings.HasPrefix(m, "Traceback (most recent call last):") ||
		strings.HasPrefix(m, "The above exception was the direct cause") ||
		strings.HasPrefix(m, "During handling of the above exception") {
		e.Kind = LogTraceback
	}
}

// exception reads "module.ClassError: text", the last line of a traceback.
func exception(m string) (class, text string, ok bool) {
	class, text, _ = strings.Cut(m, ": ")
	if len(class) > 128 {
		return "", "", false
	}
	for i := range len(class) {
		if c := class[i]; c == '-' || !isNameByte(c) {
			return "", "", false
		}
	}
	for _, ending := range [...]string{"Error", "Exception", "Interrupt", "Exit"} {
		if strings.HasSuffix(class, ending) {
			return class, text, true
		}
	}
	return "", "", false
}

func exceptionClass(m string) string {
	class, _, _ := exception(m)
	return class
}

// takeException takes the exception that stands in a record's field, or at the end of a message of several lines that began as a
// traceback or an alarm.
func (e *LogEvent) takeRecordException() {
	if e.Exception == "" && strings.IndexByte(e.Message, '\n') >= 0 {
		switch e.Kind {
		case LogEngineDead, LogOutOfMemory, LogStuck, LogTraceback:
			if last := ParseLogLine(lastLine(e.Message)); exceptionClass(last.Message) != "" {
				e.Exception = last.Message
			}
		}
	}
	if e.Exception != "" && (e.Error == "" || e.Kind == LogTraceback) {
		e.Error = e.Exception
	}
}

// beginsSentence reports whether a text begins with one of vLLM's own sentences.
func beginsSentence(s string) bool {
	if s == "" {
		return false
	}
	for _, beginning := range requestSentences[s[0]] {
		if strings.HasPrefix(s, beginning) {
			return true
		}
	}
	for _, known := range messages[s[0]] {
		if strings.HasPrefix(s, known.beginning) && len(known.beginning) > 8 {
			return true
		}
	}
	if engine, body := cutEngine(s); engine != "" || body != s {
		return true
	}
	return exceptionClass(s) != "" || mayAlarm(s) && sentenceOf(s, matchers()) != nil || strings.HasPrefix(s, "Traceback (most recent call last):")
}

// requestSentences are the beginnings of lines about requests, by first byte.
var requestSentences = func() (table [256][]string) {
	for _, s := range []string{
		"Received request ", "Request ", "Reqid: ", "Resumed request ", "Added request ", "Aborted request", "Generated response ",
		"Finished request ", "Preempted request ", "Exception caught. Request id: ", "Engine Exception caught. Request id: ",
	} {
		table[s[0]] = append(table[s[0]], s)
	}
	return table
}()
