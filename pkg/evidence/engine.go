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
	Own bool
	// Anyones is set where the words are no more vLLM's than any other program's.
	Anyones bool
	LoRA    string // the adapter's name
	Text    string // the line without its head, in at most MaxEngineText bytes
	LineIdentity
}

// MaxEngineText bounds the text of a line: an exception's first words say what happened, and CUDA's go on for pages.
const MaxEngineText = 300

// NewEngineLines reduces a parsed line to what it tells: none for a line that tells of no event, several for one that tells of a
// death and its cause. Nothing of the line itself stays in memory.
func NewEngineLines(at time.Time, origin *Origin, e *vllm.LogEvent) []EngineLine {
	told := vllm.EngineEventsOf(e)
	if len(told) == 0 {
		return nil
	}
	lines := make([]EngineLine, len(told))
	for i, t := range told {
		lines[i] = EngineLine{
			Time: at, Origin: origin, Event: t.Event, Rank: strings.Clone(e.Engine), Own: e.Process != "", Anyones: t.Anyones,
			LoRA: clipped(e.LoRA), Text: clipped(t.Text), LineIdentity: identify(at, e, string(rune(t.Event))),
		}
	}
	return lines
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
	// Returns are values of the same counter under an address that its pod had not before, where no start time is exposed: the pod
	// came back, or a second server began in it.
	Returns []Series
	// Sleep are sleep levels (0 awake, 1 weights on the host, 2 weights discarded), a first one as with Starts.
	Sleep []Series
	// Preempting are preemptions per second, over the time PreemptingOver before each step, where they reach what was asked.
	Preempting     []Series
	PreemptingOver time.Duration
}
