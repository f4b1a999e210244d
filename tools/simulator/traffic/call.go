package traffic

import "time"

// Endpoints of the OpenAI-compatible API that callers use.
const (
	ChatCompletions = "/v1/chat/completions"
	Completions     = "/v1/completions"
	BatchChat       = "/v1/chat/completions/batch"
	Messages        = "/v1/messages"
	Responses       = "/v1/responses"
	Embeddings      = "/v1/embeddings"
	Classify        = "/classify"
	Score           = "/score"
	Rerank          = "/rerank"
	Pooling         = "/pooling"
	Transcriptions  = "/v1/audio/transcriptions"
	Translations    = "/v1/audio/translations"
)

// Call is one HTTP call to a model, before anything has happened to it.
type Call struct {
	At       time.Duration // when the caller's own work on it begins
	Model    int           // index into the models given to New
	LoRA     string        // adapter named as the model, if any
	Endpoint string
	Stream   bool
	Prompts  []Prompt // several only for completions
	N        int      // sequences per prompt, only for chat

	MaxTokens   int
	Temperature float64
	TopP        float64

	RequestID string // X-Request-Id; empty when the caller sends none
	Caller    Caller

	Before    time.Duration // the caller's own work before it calls (retrieval, …)
	Network   time.Duration // between caller and API server
	Patience  time.Duration // gives up after that
	Retries   int           // times it tries again after a failure, same RequestID
	Rejection *Rejection    // vLLM refuses it
	FailAfter int           // tokens after which generation fails; 0 is never
}

// Prompt is one prompt and the lengths its sequences would have.
type Prompt struct {
	Tokens       int
	PrefixID     uint64 // shared beginning; 0 is none
	PrefixTokens int
	Outputs      []int // one per sequence
}

// Caller is the application above vLLM.
type Caller struct {
	Service   string
	Operation string // its root span
	Traced    bool   // sends traceparent
	Retrieves bool   // has a retrieval step of its own before it calls
}

// Rejection is an answer that vLLM gives without asking the engine.
type Rejection struct {
	Status  int
	Reason  string // as in the access line: "Bad Request"
	Message string // as in the response body
}
