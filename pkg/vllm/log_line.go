package vllm

import (
	"math"
	"strings"
)

// ParseLogLine reads one physical line of a vLLM container's output, of any version since 0.6, Python or Rust front end, as text or
// as a record, with whatever launchers, container runtimes and shippers put around it. It never fails: a line that says nothing
// to us comes back as LogOther with its text.
//
// What a line means is decided by text at fixed places only. Prompts, outputs and error messages stand in the middle of
// lines and hold whatever a client sent, text that looks like a log line included; they are stepped over as Python
// literals, or not looked at.
func ParseLogLine(line string) LogEvent {
	e := LogEvent{
		Level: LevelUnknown, MaxTokens: -1, Sequences: -1, PromptTokens: -1, OutputTokens: -1, CachedTokens: -1,
		Temperature: math.NaN(), TopP: math.NaN(),
	}
	s := strings.TrimSuffix(line, "\n")
	if strings.HasSuffix(s, "\r") {
		before := len(s)
		s = strings.TrimRight(s, "\r\n")
		e.Returns = before - len(s)
	}
	if !e.takePlain(s) {
		e.takeAny(s)
	}
	if e.Engine == "" {
		e.Engine = engineOfProcess(e.Process)
	}
	e.classify()
	return e
}

// takePlain takes a line as vLLM itself writes it: nearly all are.
func (e *LogEvent) takePlain(s string) bool {
	if strings.IndexByte(s, 0x1b) >= 0 {
		return false
	}
	rest := e.takeProcess(s)
	if !e.takeHead(rest) && !e.takeUvicornHead(rest) {
		e.Process, e.PID = "", 0
		return false
	}
	e.Cut = len(s) >= 8<<10 && cutSize(s)
	e.read, e.plain = true, true
	return true
}

// takeAny takes all other lines: the layers around the text, then the text's own head. Only where there is none, a spelling of colours
// may be in its way.
func (e *LogEvent) takeAny(s string) {
	e.Cut = len(s) >= 8<<10 && cutSize(s)
	line := s
	for range maxColours {
		s = e.plainText(e.unwrap(s))
		if inner := e.unwrap(s); len(inner) < len(s) { // behind a colour
			s = inner
			continue
		}
		e.Cut = e.Cut || len(s) >= 8<<10 && cutSize(s)
		if e.takeText(s, len(s) == len(line)) {
			e.read = true
			return
		}
		plain := e.decolour(s)
		if len(plain) == len(s) {
			break
		}
		s = plain
	}
	if e.read = e.takePrefixedHead(s) || e.read; e.Message == "" {
		e.Message = s
	}
}

// takeText takes the head of a text, or sees that one of vLLM's sentences begins it. known is set for a text that is the whole line,
// in which vLLM's own head was looked for.
func (e *LogEvent) takeText(s string, known bool) bool {
	first, _, _ := strings.Cut(s, "\n")
	switch {
	case !known && (e.takeHead(s) || e.takeUvicornHead(s)), e.takeForeignHead(first):
	case beginsSentence(s):
		e.Message = s
		return true
	case e.takeAnyHead(s):
	default:
		return false
	}
	e.Message = strings.TrimRight(e.Message, "\r\n")
	return true
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
		} else if rest, ok := strings.CutPrefix(m, "Reqid: "); ok {
			e.takeCacheHit(rest)
		} else if rest, ok := strings.CutPrefix(m, "Resumed request "); ok {
			e.takeResumed(rest, " has ")
		}
	case 'A':
		if rest, ok := strings.CutPrefix(m, "Added request "); ok {
			e.takeSentence(LogAdded, IDInternal, rest)
		} else if rest, ok := strings.CutPrefix(m, "Aborted request(s) "); ok {
			e.takeAborted(rest)
		} else if rest, ok := strings.CutPrefix(m, "Aborted request "); ok {
			// Before 0.10.2, so before ids had a random suffix.
			e.takeAbortedOne(rest)
		}
	case 'G':
		if rest, ok := strings.CutPrefix(m, "Generated response "); ok {
			e.takeGenerated(rest)
		}
	case 'F':
		if rest, ok := strings.CutPrefix(m, "Finished request "); ok {
			e.takeSentence(LogFinished, IDExternal, rest)
		}
	case 'P':
		if rest, ok := strings.CutPrefix(m, "Preempted request "); ok {
			e.takeResumed(rest, " has been resumed")
		}
	case 'E':
		if rest, ok := strings.CutPrefix(m, "Exception caught. Request id: "); ok {
			e.takeException(rest)
		} else if rest, ok := strings.CutPrefix(m, "Engine Exception caught. Request id: "); ok {
			e.takeException(rest)
		}
	}
	if e.coloured != "" {
		e.dropColouredID()
	}
	if e.Kind == LogOther {
		e.classifyEngine()
	}
	if e.Exception != "" || strings.IndexByte(m, '\n') >= 0 {
		e.takeRecordException()
	}
	if e.Kind == LogOther && e.Level.AtLeast(LevelWarning) && !e.Cut && !quotesClients(e.Logger) && !endsRequest(m) {
		e.takeMention()
	}
}
