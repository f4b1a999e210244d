package vllm

import (
	"math"
	"strings"
)

// ParseLogLine reads one physical line of a vLLM container's output, of any version since 0.6, Python or Rust front end,
// text or JSON, with or without the prefixes that process wrappers and Docker Compose put before it. It never fails: a
// line that says nothing to us comes back as LogOther with its text.
//
// What a line means is decided by text at fixed places only. Prompts, outputs and error messages stand in the middle of
// lines and hold whatever a client sent, text that looks like a log line included; they are stepped over as Python
// literals, or not looked at.
func ParseLogLine(line string) LogEvent {
	e := LogEvent{
		Level: LevelUnknown, MaxTokens: -1, PromptTokens: -1, OutputTokens: -1,
		Temperature: math.NaN(), TopP: math.NaN(),
	}
	s := trimCompose(stripANSI(strings.TrimRight(line, "\r\n")))
	s = e.takeProcess(s)
	switch {
	case e.takeHead(s), e.takeUvicornHead(s), e.takeJSON(s), e.takePrefixedHead(s):
	default:
		e.Message = s
	}
	if e.Engine == "" {
		e.Engine = engineOfProcess(e.Process)
	}
	e.classify()
	return e
}

// classify finds the kind by how the message begins; the first byte picks the few beginnings to compare with.
func (e *LogEvent) classify() {
	m := e.Message
	if m == "" {
		return
	}
	if strings.HasSuffix(e.Logger, ".rs") && e.takeRust(m) {
		return
	}
	switch m[0] {
	case 'R':
		if rest, ok := strings.CutPrefix(m, "Received request "); ok {
			e.takeReceived(rest)
		} else if rest, ok := strings.CutPrefix(m, "Request "); ok {
			e.takeRequest(rest)
		}
	case 'A':
		if rest, ok := strings.CutPrefix(m, "Added request "); ok {
			e.takeSentence(LogAdded, IDInternal, rest)
		} else if rest, ok := strings.CutPrefix(m, "Aborted request(s) "); ok {
			e.takeAborted(rest)
		} else if rest, ok := strings.CutPrefix(m, "Aborted request "); ok {
			// Before 0.10.2, so before ids had a random suffix.
			e.takeSentence(LogAborted, IDExternal, rest)
		}
	case 'G':
		if rest, ok := strings.CutPrefix(m, "Generated response "); ok {
			e.takeGenerated(rest)
		}
	case 'F':
		if rest, ok := strings.CutPrefix(m, "Finished request "); ok {
			e.takeSentence(LogFinished, IDExternal, rest)
		}
	case 'E':
		if rest, ok := strings.CutPrefix(m, "Exception caught. Request id: "); ok {
			e.takeException(rest)
		} else if rest, ok := strings.CutPrefix(m, "Engine Exception caught. Request id: "); ok {
			e.takeException(rest)
		}
	}
	if e.Kind == LogOther {
		e.classifyEngine()
	}
	if e.Kind == LogOther && e.Level.AtLeast(LevelWarning) {
		e.takeMention()
	}
}
