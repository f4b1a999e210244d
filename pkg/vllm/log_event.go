package vllm

// LogLevel is a vLLM (Python) or uvicorn level in lower case, as Grafana's log-lines frames want it.
type LogLevel string

// The levels.
const (
	LevelDebug    LogLevel = "debug"
	LevelInfo     LogLevel = "info"
	LevelWarning  LogLevel = "warning"
	LevelError    LogLevel = "error"
	LevelCritical LogLevel = "critical"
	LevelUnknown  LogLevel = "unknown"
)

// LogKind is what a line tells.
type LogKind uint8

// The kinds of line. Those up to LogRequestError carry a request id.
const (
	LogOther         LogKind = iota
	LogReceived              // "Received request <ext>: params: …"
	LogDetails               // "Request <ext> details: …", "Generated response <ext> … details: …" (DEBUG)
	LogAdded                 // "Added request <int>."
	LogGenerated             // "Generated response <ext>: output: …, finish_reason: …" (also "(streaming complete)")
	LogDelta                 // "Generated response <ext> (streaming delta): …"
	LogAborted               // "Aborted request(s) <int>." and "Request <ext> aborted."
	LogFailed                // "Request <ext> failed (…)…"
	LogInternalError         // "Request <resp> failed with an internal error during generation"
	LogException             // "Exception caught. Request id: <resp>", also "Engine Exception …"
	LogFinished              // V0: "Finished request <id>."
	LogCacheHit              // LMCache: "Reqid: <int>, Total tokens N, …, LMCache hit tokens: N, …"
	LogResumed               // "Preempted request <int> has been resumed!": it had been preempted
	LogRequestError          // any other line of level warning or above that names a request id
	LogAccess                // uvicorn access line
	LogStats                 // periodic engine line
	LogEngineDead            // EngineCore fatal error, EngineDeadError, worker died, a process that crashed or was killed
	LogStuck                 // a watchdog saw no progress
	LogOutOfMemory           // torch.OutOfMemoryError, no memory for cache blocks
	LogStartup               // version, config, load and ready lines
	LogSleep                 // fall asleep, wake up, pause, resume
	LogLoRA                  // adapter loaded or removed
	LogTraceback             // line of a Python traceback, the exception's own line included
	LogShutdown              // the API server or an executor goes down
	LogCrashDump             // "Dumping scheduler output …": names the requests in flight when the engine died
)

// NamesRequest reports whether lines of this kind are written about requests. A line of such a kind still may name none
// ("Request id: None", a rejected id).
func (k LogKind) NamesRequest() bool {
	return k >= LogReceived && k <= LogRequestError || k == LogCrashDump
}

// LogEvent is the content of one vLLM log line. Numbers are -1, floats NaN, strings empty when the line does not tell.
type LogEvent struct {
	Kind    LogKind
	Level   LogLevel
	Process string // APIServer, EngineCore_DP0, Worker_TP0, VllmWorker-0 …; empty before processes are named
	PID     int
	Logger  string // file of the log call, such as async_llm.py; uvicorn.access, uvicorn.error; a JSON line's logger name
	Line    int    // line of the log call
	Message string // the line without prefix, colours and carriage return
	// Clock is the date and time that the line itself tells, as written ("08-20 10:00:00"); see ClockSeconds. Empty when the line
	// tells none.
	Clock string

	// RequestID is the id exactly as written, IDForm its spelling, External the external id it stands for ("" when the
	// line names none). For IDResponse, External is the response id. An id that is none by ComparableRequestID is left out.
	//
	// For IDInternal the rule is ExternalFromInternal. It reads a client's own "…-deadbeef" as a random suffix where vLLM
	// adds none (before 0.14, or VLLM_DISABLE_REQUEST_ID_RANDOMIZATION=1): ExternalFromChild(RequestID) is the other
	// reading, and the ids that the window's other lines and spans carry tell which one holds.
	RequestID string
	IDForm    IDForm
	External  string
	// MoreIDs are further ids of the same line, spelled like RequestID: "Aborted request(s) a,b." and crash dumps.
	MoreIDs []string

	// Beams tells of a Received line that a beam search begins: each beam of each step becomes a request to the engine, with an
	// id of its own (BeamResponseID), and none with this one.
	Beams bool

	Engine       string // "0" from "Engine 000:", "EngineCore" or "EngineCore_DP0"; empty where the line names none
	Model        string // Rust front end: served name
	FinishReason string
	LoRA         string
	Error        string // what went wrong, in vLLM's words without the id
	MaxTokens    int64
	Sequences    int64 // how many answers a Received line asks for: its parameter n; -1 where none is named
	Temperature  float64
	TopP         float64
	PromptTokens int64  // Rust front end
	OutputTokens int64  // Rust front end
	CachedTokens int64  // LMCache: tokens of the prompt that were found in it
	HTTPStatus   int    // access lines
	HTTPMethod   string // access lines
	HTTPPath     string // access lines; without the query, which may hold secrets

	// Exception is the last line of the traceback that a JSON record brings along.
	Exception string
	// Cut is set for a part of a line that the shipper or the container's runtime cut, by their own mark or by the sizes at
	// which they cut. What follows it in its stream may begin in the middle of a client's text.
	Cut bool
	// Returns is how many carriage returns end the line. vLLM puts one behind each line of a record but the last; a terminal puts one
	// behind every line.
	Returns int

	// read says that a head or a record told where the message begins.
	read bool
	// plain is set for lines whose head is vLLM's or uvicorn's own, with nothing but a process before it.
	plain bool
	// hearsay is set for a level that only a shipper tells.
	hearsay bool
	// foreign is set for lines of other programs in the same output.
	foreign bool
	// coloured is the text with its colours, where it had any.
	coloured string
}
