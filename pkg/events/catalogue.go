package events

import (
	"slices"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/catalogue"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Type is a type of event. The words are saved in dashboards: change one only with a migration.
type Type string

// The types.
const (
	EngineDeath     Type = "engine_death"
	EngineStuck     Type = "engine_stuck"
	OutOfMemory     Type = "out_of_memory"
	StartFailure    Type = "start_failure"
	Restart         Type = "restart"
	PreemptionStorm Type = "preemption_storm"
	Start           Type = "start"
	Ready           Type = "ready"
	Shutdown        Type = "shutdown"
	Pause           Type = "pause"
	Resume          Type = "resume"
	Sleep           Type = "sleep"
	Wake            Type = "wake"
	LoRALoad        Type = "lora_load"
	LoRAUnload      Type = "lora_unload"
)

// Severity is how much an event matters to the person on call.
type Severity string

// The severities, the worst first.
const (
	Critical Severity = "critical" // requests failed, or none are served
	Warning  Severity = "warning"  // requests were slowed down or lost
	Info     Severity = "info"     // somebody changed something
)

// Severities lists them, the worst first.
var Severities = []Severity{Critical, Warning, Info}

// Definition says what a type of event is.
type Definition struct {
	Type        Type           `json:"name"`
	Severity    Severity       `json:"severity"`
	Description string         `json:"description"`
	Evidence    string         `json:"evidence"` // what tells of it, in words
	Store       evidence.Store `json:"-"`        // the store that tells of it; with Sleep and Wake, either does
}

// Key is the type's name.
func (d Definition) Key() Type { return d.Type }

// Catalogue is every type of event, the worst first.
var Catalogue = catalogue.Of[Type, Definition]{
	{EngineDeath, Critical, "An engine ended by itself, with its requests", "log lines of the engine, its workers and the API server; crashes of a process", evidence.Loki},
	{EngineStuck, Critical, "An engine made no progress: its requests wait in vain", "log lines of watchdogs: vLLM's, and NCCL's about a collective operation", evidence.Loki},
	{OutOfMemory, Critical, "GPU or host memory ran out", "exceptions about memory; processes that the system killed (exit code -9, Killed)", evidence.Loki},
	{StartFailure, Critical, "An engine did not start", "log lines of the engine and the API server", evidence.Loki},
	{Restart, Warning, "A server that was known began anew", "a new process_start_time_seconds, or a counter that fell", evidence.Prometheus},
	{PreemptionStorm, Warning, "Preemptions in numbers: work is done twice", "the counter num_preemptions_total", evidence.Prometheus},
	{Start, Info, "A server that was not known before began", "process_start_time_seconds", evidence.Prometheus},
	{Ready, Info, "A server has loaded its model and takes requests", "the log line “Starting vLLM server”", evidence.Loki},
	{Shutdown, Info, "A server was told to stop", "the log line of the API server", evidence.Loki},
	{Pause, Info, "An engine was paused", "the log line of the scheduler", evidence.Loki},
	{Resume, Info, "A paused engine went on", "the log line of the scheduler", evidence.Loki},
	{Sleep, Info, "An engine fell asleep and freed GPU memory", "the log line, or the gauge engine_sleep_state (0.11.1 and later)", evidence.Loki},
	{Wake, Info, "A sleeping engine woke up", "the log line, or the gauge engine_sleep_state (0.11.1 and later)", evidence.Loki},
	{LoRALoad, Info, "A LoRA adapter was loaded", "the log line of the API server", evidence.Loki},
	{LoRAUnload, Info, "A LoRA adapter was removed", "the log line of the API server", evidence.Loki},
}

// A preemption storm is a minute with thirty preemptions of one engine. Each throws away the KV cache of a request, whose
// prompt and output so far are computed again: at 2,000 tokens and 10,000 to 20,000 tokens of prefill a second, thirty a
// minute take a twentieth to a tenth of the engine's time. Fewer are the scheduler's everyday life.
const (
	StormPerSecond = 0.5
	StormOver      = time.Minute
)

// oneEnd is within what time an engine's last lines are one event. A dying engine, its workers, the executor and the API
// server speak one after the other, in recordings within 6 s; a container that starts anew needs longer to fail again.
const oneEnd = 30 * time.Second

// sameMoment is how far a metric's account of an event may lie behind the log line's for both to be one event, besides a
// step of the metric: a scrape and a shipper's delay.
const sameMoment = time.Minute

// endLines are the lines about the ends of engines, and about what leads there. That a server is ready again tells a new death from
// one that requests still find.
var endLines = []vllm.EngineEvent{
	vllm.EngineDied, vllm.EngineFoundDead, vllm.EngineKilled, vllm.EngineStartFailed, vllm.EngineOutOfMemory, vllm.EngineStuck,
	vllm.ServerStopping, vllm.ServerReady,
}

// lineEvents are the lines that a type of event is made of. The ends of an engine are read together whichever is asked for:
// each says what the others mean.
func lineEvents(t Type) []vllm.EngineEvent {
	switch t {
	case EngineDeath, EngineStuck, OutOfMemory, StartFailure, Shutdown:
		return endLines
	case Ready:
		return []vllm.EngineEvent{vllm.ServerReady}
	case Pause, Resume:
		return []vllm.EngineEvent{vllm.Paused, vllm.Resumed}
	case Sleep, Wake:
		return []vllm.EngineEvent{vllm.FellAsleep, vllm.WokeUp}
	case LoRALoad:
		return []vllm.EngineEvent{vllm.LoRALoaded}
	case LoRAUnload:
		return []vllm.EngineEvent{vllm.LoRARemoved}
	}
	return nil
}

// Lines are the lines that events of these types are made of, each once; none for types that metrics alone tell of.
func Lines(types []Type) []vllm.EngineEvent {
	var lines []vllm.EngineEvent
	for _, t := range types {
		lines = append(lines, lineEvents(t)...)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
