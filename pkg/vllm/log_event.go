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
	LogDetails               // "Request <ext> details: …" (DEBUG)
	LogAdded                 // "Added request <int>."
	LogGenerated             // "Generated response <ext>: output: …, finish_reason: …" (also "(streaming complete)")
	LogDelta                 // "Generated response <ext> (streaming delta): …"
	LogAborted               // "Aborted request(s) <int>." and "Request <ext> aborted."
	LogFailed                // "Request <ext> failed (…)…"
	LogInternalError         // "Request <resp> failed with an internal error during generation"
	LogException             // "Exception caught. Request id: <resp>"
	LogFinished              // V0: "Finished request <id>."
	LogRequestError          // any other line of level warning or above that names a request id
	LogAccess                // uvicorn access line
	LogStats                 // periodic engine line
	LogEngineDead            // EngineCore fatal error, EngineDeadError, worker died
	LogOutOfMemory           // torch.OutOfMemoryError, no memory for cache blocks
	LogStartup               // version, config, load and ready lines
	LogSleep                 // fall asleep, wake up
	LogLoRA                  // adapter loaded or removed
	LogTraceback             // continuation of a multi-line record
)

// LogEvent is the content of one vLLM log line. Numbers are -1, floats NaN, strings empty when the line does not tell.
type LogEvent struct {
	Kind    LogKind
	Level   LogLevel
	Process string // APIServer, EngineCore_DP0, Worker_TP0 …; empty before processes are named
	PID     int
	Logger  string // file of the log call, such as async_llm.py
	Line    int    // line of the log call
	Message string // the line without prefix, colours and carriage return

	// RequestID is the id exactly as written, IDForm its spelling, External the external id it stands for ("" when the
	// line names none). For IDResponse, External is the response id.
	RequestID string
	IDForm    IDForm
	External  string

	Engine       string // "0" from "Engine 000:" or "EngineCore_DP0"; empty on API-server lines
	FinishReason string
	LoRA         string
	Error        string
	MaxTokens    int64
	Temperature  float64
	TopP         float64
	HTTPStatus   int    // access lines
	HTTPMethod   string // access lines
	HTTPPath     string // access lines
}
