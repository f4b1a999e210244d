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
	EngineFoundDead // by a request that was in flight: a death told late, and once for each of them
	EngineStartFailed
	EngineKilled // by signal 9: vLLM sees exit code -9 of a process of its own, a shell says "Killed"
	EngineOutOfMemory
	EngineStuck    // no progress, as a watchdog saw
	ServerReady    // the engine is loaded, the API server begins to listen
	ServerStopping // told to stop, from outside
	LoRALoaded
	LoRARemoved
	FellAsleep
	WokeUp
	Paused
	Resumed
)

// EngineEventTexts are the texts that lines about any of these events have one of, sorted, and none within another: a store
// that looks for two such at once falls back to its slow expressions. They are looked for anywhere in a line; EngineEventsOf
// settles what a line found that way means.
func EngineEventTexts(events ...EngineEvent) []string {
	var all []string
	for _, table := range [...][]sentence{sentences, quietSentences} {
		for i := range table {
			if table[i].tellsOf(events...) {
				all = append(all, table[i].words...)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(slices.Clone(all), func(text string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != text && strings.Contains(text, other) })
	})
}

// Told is one event that a line tells of.
type Told struct {
	Event EngineEvent
	Text  string // the words that tell of it
	// Anyones is set for words that are no more vLLM's than any other program's, such as "Killed".
	Anyones bool
}

// EngineEventsOf tells what a line says of its engine's life: nothing, one event, or several, such as a death and its cause.
func EngineEventsOf(e *LogEvent) []Told {
	if quotesClients(e.Logger) || e.Kind.NamesRequest() && e.Exception == "" {
		return nil
	}
	m, _, _ := strings.Cut(e.Message, "\n")
	var all []Told
	add := func(s *sentence, text string) {
		for _, event := range s.events {
			if !slices.ContainsFunc(all, func(t Told) bool { return t.Event == event }) {
				all = append(all, Told{event, text, s.anyones})
			}
		}
	}
	switch e.Kind {
	case LogStartup, LogShutdown, LogLoRA, LogSleep:
		if s := sentenceOf(m, quietMatchers()); s != nil {
			add(s, m)
		}
		return all
	}
	if !e.loud() || echoesClients(e.Logger) {
		return nil
	}
	for _, text := range [...]string{m, e.Exception} {
		if s := e.alarm(text); s != nil {
			add(s, text)
		}
	}
	return all
}

// EngineEventOf is the first of EngineEventsOf.
func EngineEventOf(e *LogEvent) EngineEvent {
	if told := EngineEventsOf(e); len(told) > 0 {
		return told[0].Event
	}
	return NoEngineEvent
}

// alarm finds the sentence of the table that a message is. A part of a line that was cut is none: a client's words may stand
// anywhere in it.
func (e *LogEvent) alarm(m string) *sentence {
	if m == "" || e.Cut || !mayAlarm(m) || endsRequest(m) {
		return nil
	}
	return sentenceOf(m, matchers())
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

// echoesClients reports whether a logger writes errors about what clients sent, in their words: a model's or an adapter's name may
// have several lines.
func echoesClients(logger string) bool {
	return strings.HasPrefix(path.Base(logger), "serving") && strings.HasSuffix(logger, ".py") ||
		strings.HasPrefix(logger, "vllm.entrypoints.") && strings.Contains(logger, "serving")
}

// requestTails are how lines end that hold a client's or a model's text: the rest of such a line that was cut begins anywhere in
// that text, and ends so.
var requestTails = []string{"lora_request: None.", "prompt_adapter_request: None.", "prompt_embeds shape: None."}

// endsRequest reports whether a text ends as a line does that holds a client's text, or as a record around one.
func endsRequest(m string) bool {
	m = strings.TrimRight(m, " \r")
	if strings.HasSuffix(m, `"}`) || strings.HasSuffix(m, `"`) && !strings.HasSuffix(m, `""`) && strings.Count(m, `"`)%2 == 1 {
		return true
	}
	for _, tail := range requestTails {
		if strings.HasSuffix(m, tail) {
			return true
		}
	}
	i := strings.LastIndex(m, ", finish_reason: ")
	return i >= 0 && finishReason(m[i+len(", finish_reason: "):])
}
