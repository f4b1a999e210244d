package vllm

import (
	"path"
	"slices"
	"strings"
)

// EngineEvent is what one line tells of an engine's life: that it began, ended, slept or took an adapter in.
type EngineEvent uint8

// The events that lines tell of.
const (
	NoEngineEvent EngineEvent = iota
	EngineDied
	EngineStartFailed
	EngineKilled // by signal 9, which vLLM sees as exit code -9 of a process of its own
	EngineOutOfMemory
	ServerReady    // the engine is loaded, the API server begins to listen
	ServerStopping // told to stop, from outside
	LoRALoaded
	LoRARemoved
	FellAsleep
	WokeUp
	Paused
	Resumed
)

// engineEventTexts are the fixed words of the lines that tell of an event, in all versions' wordings. A store looks for
// them anywhere in a line; EngineEventOf settles what a line found that way means. They were read from vLLM's source and,
// but for memory, LoRA and sleep, seen in tools/recordings.
var engineEventTexts = map[EngineEvent][]string{
	EngineDied: {
		"EngineCore encountered a fatal error", "EngineCore hit an exception", "AsyncLLM output_handler failed",
		"died unexpectedly", "engine core exited unexpectedly", "WorkerProc hit an exception",
	},
	EngineStartFailed: {"EngineCore failed to start", "WorkerProc failed to start", "Engine core initialization failed"},
	EngineKilled:      {killedWorker, killedCores},
	EngineOutOfMemory: {
		"OutOfMemoryError", "out of memory", "No available memory for the cache blocks", "MemoryError",
		"To serve at least one request with the model's max seq len", "Free memory on device ", hostAllocator,
	},
	ServerReady:    {"Starting vLLM "},
	ServerStopping: {"[shutdown] API server: shutdown triggered", "Shutting down FastAPI HTTP server"},
	LoRALoaded:     {"Loaded new LoRA adapter", "Loaded LoRA adapter"},
	LoRARemoved:    {"Removed LoRA adapter"},
	FellAsleep:     {"seconds to fall asleep"},
	WokeUp:         {"seconds to wake up tags"},
	Paused:         {pauseState},
	Resumed:        {pauseState},
}

const (
	killedWorker  = "died unexpectedly (exit code: -9)"
	killedCores   = "Failed core proc(s): {"  // {'EngineCore_DP0': -9}
	hostAllocator = "can't allocate memory: " // torch's DefaultCPUAllocator
	pauseState    = "setting pause state to " // PAUSED_NEW, PAUSED_ALL, UNPAUSED
	asleepOrAwake = "It took "                // "… 1.2 seconds to fall asleep."
)

// EngineEventTexts are the texts that lines about any of these events have one of, sorted, and none within another: a store
// that looks for two such at once falls back to its slow expressions.
func EngineEventTexts(events ...EngineEvent) []string {
	var all []string
	for _, e := range events {
		all = append(all, engineEventTexts[e]...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(slices.Clone(all), func(text string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != text && strings.Contains(text, other) })
	})
}

// EngineEventOf tells what a line says of its engine's life.
func EngineEventOf(e *LogEvent) EngineEvent {
	if quotesClients(e.Logger) {
		return NoEngineEvent
	}
	m := e.Message
	switch e.Kind {
	case LogEngineDead:
		return deathOf(m)
	case LogOutOfMemory:
		return EngineOutOfMemory
	case LogStartup:
		if strings.HasPrefix(m, "Starting vLLM ") {
			return ServerReady
		}
	case LogShutdown:
		for _, text := range engineEventTexts[ServerStopping] {
			if strings.HasPrefix(m, text) {
				return ServerStopping
			}
		}
	case LogLoRA:
		if strings.HasPrefix(m, "Removed ") {
			return LoRARemoved
		}
		return LoRALoaded
	case LogSleep:
		return sleepOf(m)
	}
	return NoEngineEvent
}

func deathOf(m string) EngineEvent {
	switch {
	case strings.Contains(m, killedWorker), strings.Contains(m, killedCores) && strings.Contains(m, ": -9"):
		return EngineKilled
	case strings.Contains(m, "failed to start"), strings.Contains(m, "Engine core initialization failed"):
		return EngineStartFailed
	case strings.HasSuffix(exceptionClass(m), "EngineDeadError"): // each request in flight has one: they tell of a death, late
		return NoEngineEvent
	}
	return EngineDied
}

func sleepOf(m string) EngineEvent {
	state, paused := strings.CutPrefix(m, pauseState)
	switch {
	case paused && strings.HasPrefix(state, "UNPAUSED"):
		return Resumed
	case paused:
		return Paused
	case !strings.HasPrefix(m, asleepOrAwake):
		return NoEngineEvent
	case strings.Contains(m, "fall asleep"):
		return FellAsleep
	}
	return WokeUp
}

func exceptionClass(m string) string {
	class, _, _ := exception(m)
	return class
}

// quotesClients reports whether a logger writes what clients send and models answer. A text of several lines gets the
// line's head again on each, so that any of them can look like a line of the engine's own.
func quotesClients(logger string) bool {
	switch path.Base(logger) {
	case "request_logger.py", "logger.py", "vllm.entrypoints.logger":
		return true
	}
	return strings.HasSuffix(logger, ".request_logger")
}
