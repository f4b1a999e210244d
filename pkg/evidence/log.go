package evidence

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// LogLine is one line as Loki gave it, with the place it came from.
type LogLine struct {
	Time     time.Time // the shipper's time; the line's own clock has whole seconds and no zone
	Line     string
	Origin   *Origin
	Labels   map[string]string // stream labels, shared by the lines of a stream: read-only
	Metadata map[string]string // structured metadata of this line, shared by lines that have the same: read-only; nil when there is none
}

// RequestEvent is a line that names a request, reduced to what the join needs: millions of them have to fit, so the line
// itself is gone and what only some lines tell stands behind Detail.
type RequestEvent struct {
	UnixNano int64 // the shipper's time
	Origin   *Origin
	// External is the id by the rule of the line's kind (vllm.LogEvent.External), ID the id as written.
	External, ID string
	Detail       *EventDetail // nil when the line tells no more than that it was written
	Kind         vllm.LogKind
	Form         vllm.IDForm
	Beams        bool // a line of a beam search: the Received line that begins it, or one of a beam
	Warning      bool // level WARNING
	Error        bool // level ERROR or CRITICAL
	// Stream tells lines of one stream of the log store from those of others, which may be at the same place: two agents that read
	// the same file make two.
	Stream uint32
	LineIdentity
}

// Time is the shipper's time of the line.
func (e *RequestEvent) Time() time.Time { return time.Unix(0, e.UnixNano).UTC() }

// EventDetail is what Received, Generated and failure lines tell besides the id. Unknown, NaN and "" as everywhere.
type EventDetail struct {
	FinishReason, LoRA, Error string
	MaxTokens                 int64
	// Sequences is how many answers the request asks for (n).
	Sequences int64
	// CachedTokens are those of the prompt that LMCache says it had.
	CachedTokens      int64
	Temperature, TopP float64
}

// NewRequestEvent reduces a parsed line. ok is false when the line names no request that an engine hears of.
func NewRequestEvent(at time.Time, origin *Origin, e *vllm.LogEvent) (event RequestEvent, ok bool) {
	if e.External == "" || !vllm.ReachesEngine(e.External) {
		return RequestEvent{}, false
	}
	event = RequestEvent{
		UnixNano: at.UnixNano(), Origin: origin, External: e.External, ID: e.RequestID, Kind: e.Kind, Form: e.IDForm,
		Beams:   e.Beams,
		Warning: e.Level == vllm.LevelWarning, Error: e.Level == vllm.LevelError || e.Level == vllm.LevelCritical || e.Level == vllm.LevelUnknown && alwaysError(e.Kind),
		LineIdentity: identify(at, e, e.RequestID),
	}
	if e.FinishReason != "" || e.LoRA != "" || e.Error != "" || e.MaxTokens > 0 || e.Sequences > 1 || e.CachedTokens >= 0 || e.Temperature == e.Temperature || e.TopP == e.TopP {
		event.Detail = &EventDetail{
			FinishReason: e.FinishReason, LoRA: e.LoRA, Error: e.Error,
			MaxTokens: e.MaxTokens, Sequences: e.Sequences, CachedTokens: e.CachedTokens, Temperature: e.Temperature, TopP: e.TopP,
		}
	}
	return event, true
}

// alwaysError reports whether vLLM writes lines of a kind at level ERROR: JSON logging as it is documented tells no level.
func alwaysError(k vllm.LogKind) bool {
	return k == vllm.LogInternalError || k == vllm.LogException || k == vllm.LogCrashDump
}

// LevelVolume is how many lines of one level there were in each step. A sample stands at the beginning of its step; a step
// without lines has none.
type LevelVolume struct {
	Level   vllm.LogLevel
	Samples []Sample
}
