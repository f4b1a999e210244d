package evidence

import (
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// EngineLine is a log line that tells of an engine's life, reduced to what it tells.
type EngineLine struct {
	Time   time.Time // the shipper's
	Origin *Origin
	Event  vllm.EngineEvent
	Rank   string // data-parallel rank of the process that wrote it, where its name tells
	// Own is set when the line names a process of vLLM's. Without it, general words such as "out of memory" may be those of
	// any program whose logs are kept beside.
	Own  bool
	LoRA string // the adapter's name
	Text string // the line without its head, in at most MaxEngineText bytes
	LineIdentity
}

// MaxEngineText bounds the text of a line: an exception's first words say what happened, and CUDA's go on for pages.
const MaxEngineText = 300

// NewEngineLine reduces a parsed line; ok is false when it tells of no event. Nothing of the line itself stays in memory.
func NewEngineLine(at time.Time, origin *Origin, e *vllm.LogEvent) (line EngineLine, ok bool) {
	event := vllm.EngineEventOf(e)
	if event == vllm.NoEngineEvent {
		return EngineLine{}, false
	}
	return EngineLine{
		Time: at, Origin: origin, Event: event, Rank: strings.Clone(e.Engine), Own: e.Process != "",
		LoRA: clipped(e.LoRA), Text: clipped(e.Message), LineIdentity: identify(at, e, ""),
	}, true
}

// clipped copies the beginning of a text.
func clipped(text string) string {
	if len(text) > MaxEngineText {
		return strings.ToValidUTF8(text[:MaxEngineText], "") + "…"
	}
	return strings.Clone(text)
}

// EngineChanges are moments at which the metrics of engines changed: values at the steps where they were new, not whole
// series, so that a quiet fleet costs next to nothing however long the window.
type EngineChanges struct {
	// Step is how far apart the steps are. Of changes within one step, the last is seen.
	Step time.Duration
	// Starts are the start times (Unix seconds) of API server processes. A first value from just before the window stands at
	// its beginning.
	Starts []Series
	// Resets are values of a counter that is lower than it was, where no start time is exposed: a new process.
	Resets []Series
	// Sleep are sleep levels (0 awake, 1 weights on the host, 2 weights discarded), a first one as with Starts.
	Sleep []Series
	// Preempting are preemptions per second, over the time PreemptingOver before each step, where they reach what was asked.
	Preempting     []Series
	PreemptingOver time.Duration
}
