// Package truth records what really happened in the simulated fleet: one
// Record per request, one Scrape per engine and emitted scrape, one Event per
// engine death or restart. It knows nothing of how vLLM reports these things.
package truth

import "time"

// Status of a request, in the words of the request row.
const (
	StatusOK       = "ok"
	StatusError    = "error"
	StatusAborted  = "aborted"
	StatusRejected = "rejected"
	// StatusUnfinished marks requests still in flight when the simulation
	// ended: the stores hold only part of their evidence.
	StatusUnfinished = "unfinished"
)

// AbortedByEngine is the error of a request that a pause ended: its server answers as if it had finished.
const AbortedByEngine = "aborted by the engine"

// Cause is the true reason for a slow or failed request.
const (
	CauseNormal           = "normal"
	CauseQueueSeqCap      = "queue:seq_cap"
	CauseQueueKVPressure  = "queue:kv_pressure"
	CausePrefillLong      = "prefill:long_prompt"
	CausePrefillContended = "prefill:contention"
	CauseDecodeLong       = "decode:long_output"
	CauseDecodeContended  = "decode:batch_contention"
	CauseDecodePreempted  = "decode:preempted"
	CauseOutside          = "outside"
	CauseEngineError      = "engine_error"
	CauseClientAbort      = "client_abort"
)

// Record is the truth about one engine request, which is one sequence: a call
// with n=3 has three, a completions call with two prompts has two. A call that
// was rejected before the engine has one. Pointers are nil where the quantity
// does not exist, never zero in place of unknown.
type Record struct {
	Kind string    `json:"kind"` // "request"
	Time time.Time `json:"time"` // arrival at the API server, the span's start
	End  time.Time `json:"end"`

	Identity
	Where
	Outcome
	Size
	Latency
	Caller   *Caller  `json:"caller,omitempty"`
	Arrival  State    `json:"arrival"`
	Verdict  Verdict  `json:"verdict"`
	Evidence Evidence `json:"evidence"`
}

// Identity says by which names the request is known.
type Identity struct {
	ExternalID      string `json:"request_id"`                  // chatcmpl-B, cmpl-B-0
	InternalID      string `json:"internal_id,omitempty"`       // with 8 hex and child prefix
	ResponseID      string `json:"response_id,omitempty"`       // the id in the response body
	ClientRequestID string `json:"client_request_id,omitempty"` // X-Request-Id as sent
	TraceID         string `json:"trace_id,omitempty"`
	SpanID          string `json:"span_id,omitempty"` // of llm_request, also when that span was lost
	ParentSpanID    string `json:"parent_span_id,omitempty"`
	ClientSpanID    string `json:"client_span_id,omitempty"` // of a traced caller's call
	RootSpanID      string `json:"root_span_id,omitempty"`   // of a traced caller's own work
	// RouterSpanIDs are those of the spans between the client's and the engine's.
	RouterSpanIDs []string `json:"router_span_ids,omitempty"`
	Attempt       int      `json:"attempt"` // 1 is the first; retries reuse the client's id
}

// Where says which part of the fleet served the request.
type Where struct {
	Model       string `json:"model"` // served name, the label model_name
	LoRA        string `json:"lora,omitempty"`
	Cluster     string `json:"cluster,omitempty"` // "" when none is named
	Environment string `json:"environment"`
	Namespace   string `json:"namespace"`
	Pod         string `json:"pod"`
	Instance    string `json:"instance"`
	Engine      string `json:"engine,omitempty"` // empty when no engine saw it
	Service     string `json:"service"`          // service.name of the engine's spans
	Endpoint    string `json:"endpoint"`
	Stream      bool   `json:"stream"`
}

// Outcome says how the request ended.
type Outcome struct {
	Status       string `json:"status"`
	FinishReason string `json:"finish_reason,omitempty"`
	HTTPStatus   int    `json:"http_status,omitempty"` // 0: the client left before headers
	Error        string `json:"error,omitempty"`
}

// Size counts tokens and states the sampling parameters.
type Size struct {
	PromptTokens     int      `json:"prompt_tokens,omitempty"`
	CompletionTokens int      `json:"completion_tokens"`
	CachedTokens     int      `json:"cached_tokens"`
	MaxTokens        int      `json:"max_tokens,omitempty"`
	N                int      `json:"n"` // as requested; the span always says 1
	Temperature      *float64 `json:"temperature,omitempty"`
	TopP             *float64 `json:"top_p,omitempty"`
}

// Latency holds seconds. TTFT = PreQueue + Queue + Prefill by construction.
type Latency struct {
	E2E         *float64 `json:"e2e,omitempty"`
	TTFT        *float64 `json:"ttft,omitempty"`
	PreQueue    *float64 `json:"pre_queue,omitempty"`
	Queue       *float64 `json:"queue,omitempty"`
	Prefill     *float64 `json:"prefill,omitempty"`
	Decode      *float64 `json:"decode,omitempty"`
	TPOT        *float64 `json:"tpot,omitempty"`
	Preemptions int      `json:"preemptions"`
}

// Caller is the span above the engine (or above the router) and the root.
type Caller struct {
	TraceID       string  `json:"trace_id"` // differs from the engine span's after an abort by the engine
	Service       string  `json:"service"`
	Operation     string  `json:"operation"`
	Duration      float64 `json:"duration"`
	RootService   string  `json:"root_service"`
	RootOperation string  `json:"root_operation"`
	RootDuration  float64 `json:"root_duration"`
	Router        bool    `json:"router"` // a router span lies between
}

// State is one engine at one moment.
type State struct {
	Running      int     `json:"running"`
	Waiting      int     `json:"waiting"`
	KVCacheUsage float64 `json:"kv_cache_usage"`
}

// Verdict is the true cause of slowness and each phase's excess over the
// model's unloaded baseline, in seconds.
type Verdict struct {
	Cause  string             `json:"cause"`
	Excess map[string]float64 `json:"excess,omitempty"`
}

// Delivery of one piece of evidence.
const (
	Emitted = "emitted"
	Lost    = "lost" // vLLM wrote it, the pipeline dropped it
	None    = "none" // vLLM writes none in this case
)

// Evidence says which signals of this request the stores can hold.
type Evidence struct {
	EngineSpan  string `json:"engine_span"`
	CallerSpan  string `json:"caller_span"`
	RootSpan    string `json:"root_span"`
	RouterSpans string `json:"router_spans,omitempty"` // lost where one of them is
	// Lines that carry the external id, an internal id made from it, or (lines
	// about an internal error) the response's id; over all sequences of this
	// attempt that share the external id (n > 1).
	LogLines     int `json:"log_lines"`
	LogLinesLost int `json:"log_lines_lost"`
	ErrorLines   int `json:"error_lines"`
	// Counted is true where the engine's request_success_total includes it.
	Counted bool `json:"counted"`
}

// Scrape is what /metrics said of one engine at one scrape: as-of values are
// right when they equal the last Scrape at or before the request's arrival.
type Scrape struct {
	Kind        string    `json:"kind"` // "scrape"
	Time        time.Time `json:"time"`
	Model       string    `json:"model"`
	Cluster     string    `json:"cluster,omitempty"`
	Environment string    `json:"environment"`
	Instance    string    `json:"instance"`
	Engine      string    `json:"engine"`
	State
	Preemptions    float64 `json:"preemptions_total"`
	GPUUtilization float64 `json:"gpu_utilization"`
	GPUMemoryUsed  float64 `json:"gpu_memory_used"` // MiB, first GPU of the engine
}

// Event kinds.
const (
	EventEngineDead = "engine_dead"
	EventReady      = "ready"
	EventPaused     = "paused" // the engine aborted all its requests
)

// Event is one thing that happened to an instance.
type Event struct {
	Kind     string    `json:"kind"` // "event"
	Time     time.Time `json:"time"`
	Model    string    `json:"model"`
	Instance string    `json:"instance"`
	Event    string    `json:"event"`
	Detail   string    `json:"detail,omitempty"`
}

// Recorder receives the truth in order of completion. Calls never overlap.
type Recorder interface {
	Request(*Record)
	Scrape(*Scrape)
	Event(*Event)
}
