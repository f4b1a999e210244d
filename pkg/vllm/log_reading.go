package vllm

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Reading says how far a line was understood.
type Reading uint8

// The readings.
const (
	ReadForeign Reading = iota // another program's, or text that stands under no head: tracebacks, progress bars
	ReadWell                   // vLLM's: its head, or a sentence of its own
	ReadNot                    // vLLM's by its words, but in a form that is not known: what it tells is lost
	ReadRest                   // the rest of a line that was cut
)

// Reading tells how far the line was understood. Lines that are not are vLLM's own sentences somewhere in a line whose head, or
// whose wrapper, is of an unknown form.
func (e *LogEvent) Reading() Reading {
	switch {
	case e.foreign:
		return ReadForeign
	case e.Kind == LogOther && endsRequest(e.Message):
		return ReadRest
	case e.Kind != LogOther && e.Kind != LogTraceback, e.plain:
		return ReadWell
	case !e.Cut && hasSentence(e.Message):
		return ReadNot
	case e.Process != "" || e.read && e.Level != LevelUnknown && (strings.HasSuffix(e.Logger, ".py") || strings.HasPrefix(e.Logger, "vllm.")):
		return ReadWell
	}
	return ReadForeign
}

// BrokenRequest reports whether the line stands under vLLM's own head and begins as a line about a request or in the middle of one: it
// is no whole sentence. An id with a line break makes such lines.
func (e *LogEvent) BrokenRequest() bool {
	if e.Kind != LogOther || !e.plain && !e.read || e.Level != LevelInfo {
		return false
	}
	switch base := path.Base(e.Logger); base {
	case "async_llm.py", "async_llm_engine.py", "output_processor.py", "request_logger.py", "logger.py":
		return true
	}
	return false
}

// sentenceWords are those that no other program writes; with the id of a request behind the first ones.
var sentenceWords = []string{
	"Added request ", "Received request ", "Aborted request(s) ", "Generated response ", "Finished request ",
	"EngineCore encountered a fatal error", "Avg prompt throughput: ",
}

func hasSentence(m string) bool {
	for i, words := range sentenceWords {
		at := strings.Index(m, words)
		if at < 0 {
			continue
		}
		rest := m[at+len(words):]
		if i >= 5 || endpointPrefix(trimChildPrefix(rest)) != "" {
			return true
		}
	}
	return false
}

// What an example of a line never shows: what follows a word for a secret, and long runs of letters and digits, which keys are.
var (
	secretWord = regexp.MustCompile(`(?i)\b(authorization|bearer|basic|token|password|passwd|pwd|secret|api[-_]?key|access[-_]?key)\b(["']?\s*[:= ]\s*["']?)[^\s"',;]+`)
	secretKey  = regexp.MustCompile(`\b(?:hf_|sk-|ghp_|glpat-|xox[a-z]-|eyJ)[\w.-]{8,}|\b[A-Za-z0-9+/_]{40,}={0,2}`)
	quotedText = regexp.MustCompile(`(prompt|output|content|text)(["']?\s*[:=]\s*)(?:"[^"]*"?|'[^']*'?)`)
)

// maxExample is how much of a line an example shows, in letters.
const maxExample = 120

// Example is the beginning of a line as it may be shown to whoever looks after the data source: without control characters, without
// what clients sent, and without what may be a secret.
func Example(line string) string {
	line = stripANSI(line)[:min(len(stripANSI(line)), 8*maxExample)]
	line = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' {
			return ' '
		}
		return r
	}, line)
	line = strings.Join(strings.Fields(line), " ")
	line = quotedText.ReplaceAllString(line, "$1$2…")
	line = secretWord.ReplaceAllString(line, "$1$2…")
	line = secretKey.ReplaceAllString(line, "…")
	if runes := []rune(line); len(runes) > maxExample {
		return string(runes[:maxExample]) + "…"
	}
	return line
}
