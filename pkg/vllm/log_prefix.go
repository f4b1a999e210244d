package vllm

import (
	"strconv"
	"strings"
)

// maxLoggingPrefix is how far into a line its head is looked for: VLLM_LOGGING_PREFIX puts any text before the level. It
// bounds the work on lines without head, and keeps text deep inside a line from passing for one.
const maxLoggingPrefix = 96

// trimCompose removes the "service-1  | " that docker compose and process managers put before each line, where a line's own
// beginning follows: free text with a bar in it stays whole.
func trimCompose(s string) string {
	bar := strings.Index(s[:min(len(s), 80)], "| ")
	if bar < 2 {
		return s
	}
	name := strings.TrimRight(s[:bar], " ")
	if name == s[:bar] && name != "" && !isDigit(name[len(name)-1]) { // no blank before the bar
		return s
	}
	for i := range len(name) {
		if c := name[i]; !isNameByte(c) && c != '@' && c != '|' && c != ' ' && c != '/' {
			return s
		}
	}
	rest := s[bar+2:]
	if rest == "" || levelOf(leadingWord(name)) != LevelUnknown || !beginsLine(rest) {
		return s
	}
	return rest
}

// beginsLine reports whether a text begins as lines do: with a process, a record, a time, a level or a sentence of vLLM's.
func beginsLine(s string) bool {
	return s[0] == '(' || s[0] == '{' || s[0] == '[' || isDigit(s[0]) || levelOf(leadingWord(s)) != LevelUnknown || beginsSentence(s)
}

// takeProcess takes the prefixes "(Name pid=N) ", in Ray also "(Name rank=0 pid=N, ip=…) " and "(pid=N) ", and gives the rest. The
// last of several that are named is the process that wrote the line; the ones before it only passed it on.
func (e *LogEvent) takeProcess(s string) string {
	for {
		name, pid, rest, ok := cutProcess(s)
		if !ok {
			return s
		}
		if s = rest; name != "" {
			e.Process = name
		}
		if pid != 0 {
			e.PID = pid
		}
	}
}

func cutProcess(s string) (name string, pid int, rest string, ok bool) {
	if s == "" || s[0] != '(' {
		return "", 0, s, false
	}
	i := 1
	for i < len(s) && (isNameByte(s[i]) || s[i] == ':') { // Ray Serve: ServeReplica:app:Deployment:model
		i++
	}
	name = s[1:i]
	after := s[i:]
	if r, found := strings.CutPrefix(after, " rank="); found {
		after = strings.TrimLeft(r, "0123456789")
	}
	switch {
	case name == "pid" && strings.HasPrefix(after, "="): // a task of Ray's without a name
		name, after = "", after[1:]
	case name == "raylet" || name == "autoscaler":
		end := strings.IndexByte(after, ')')
		if end < 0 || end > 64 {
			return "", 0, s, false
		}
		return name, 0, strings.TrimPrefix(after[end+1:], " "), true
	default:
		var found bool
		if after, found = strings.CutPrefix(after, " pid="); !found || name == "" {
			return "", 0, s, false
		}
	}
	digits := leadingDigits(after)
	pid, err := strconv.Atoi(after[:digits])
	if err != nil {
		return "", 0, s, false
	}
	after = after[digits:]
	if strings.HasPrefix(after, ", ip=") {
		if end := strings.IndexByte(after, ')'); end > 0 {
			after = after[end:]
		}
	}
	if !strings.HasPrefix(after, ")") {
		return "", 0, s, false
	}
	return name, pid, strings.TrimPrefix(after[1:], " "), true
}

// takeHead takes "LEVEL MM-DD HH:MM:SS [file:line] " (V0: without the "[") at the very beginning.
func (e *LogEvent) takeHead(s string) bool {
	word := leadingWord(s)
	return e.takeHeadAt(s, word, s[len(word):])
}

// takePrefixedHead finds the same head behind the text of VLLM_LOGGING_PREFIX.
func (e *LogEvent) takePrefixedHead(s string) bool {
	for i := 1; i < len(s) && i <= maxLoggingPrefix; i++ {
		switch s[i-1] {
		case '\'', '"', '`', '{':
			return false // quoted: a client's
		}
		if !isUpper(s[i]) || isUpper(s[i-1]) {
			continue
		}
		word := leadingWord(s[i:])
		if e.takeHeadAt(s, word, s[i+len(word):]) {
			return true
		}
	}
	return false
}

// clock is the shape of " MM-DD HH:MM:SS ", 0 standing for a digit.
const clock = " 00-00 00:00:00 "

func (e *LogEvent) takeHeadAt(s, level, rest string) bool {
	if level == "" || len(rest) < len(clock) || rest[3] != '-' || rest[9] != ':' {
		return false
	}
	for i := range len(clock) {
		if c := rest[i]; clock[i] == '0' && !isDigit(c) || clock[i] != '0' && clock[i] != c {
			return false
		}
	}
	parsed := levelOf(level)
	if parsed == LevelUnknown {
		return false
	}
	told := rest[1 : len(clock)-1]
	rest = strings.TrimPrefix(rest[len(clock):], "[")
	end := strings.IndexByte(rest, ']')
	if end < 0 {
		return false
	}
	place := rest[:end]
	colon := strings.LastIndexByte(place, ':')
	if colon < 0 || strings.IndexByte(place, ' ') >= 0 {
		return false
	}
	line, err := strconv.Atoi(place[colon+1:])
	if err != nil {
		return false
	}
	e.Level, e.Logger, e.Line, e.Clock, e.hearsay = parsed, place[:colon], line, told, false
	e.Message = strings.TrimPrefix(rest[end+1:], " ")
	return true
}

// takeUvicornHead takes "LEVEL:" and the spaces that fill it up to ten columns; uvicorn writes no time.
func (e *LogEvent) takeUvicornHead(s string) bool {
	word := leadingWord(s)
	if word == "" || !strings.HasPrefix(s[len(word):], ":  ") && !(len(word) == 8 && strings.HasPrefix(s[8:], ": ")) {
		return false
	}
	level := levelOf(word)
	if level == LevelUnknown {
		return false
	}
	e.Level, e.Logger, e.hearsay = level, "uvicorn.error", false // uvicorn's name for all that is not an access line
	e.Message = strings.TrimLeft(s[len(word)+1:], " ")
	return true
}

// engineOfProcess gives the data-parallel rank that a process name carries: EngineCore_DP1, Worker_DP1_TP0, and
// EngineCore_1 of 0.9. EngineCore alone is rank 0; a worker without rank does not say.
func engineOfProcess(process string) string {
	rank, ok := strings.CutPrefix(process, "EngineCore")
	if ok && rank == "" {
		return "0"
	}
	if ok && strings.HasPrefix(rank, "_") && isDigits(rank[1:]) {
		return rank[1:]
	}
	i := strings.Index(process, "_DP")
	if i < 0 {
		return ""
	}
	digits := process[i+3:]
	digits = digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))]
	return digits
}

// leadingWord gives the upper-case letters at the beginning of s.
func leadingWord(s string) string {
	i := 0
	for i < len(s) && i < 9 && isUpper(s[i]) { // CRITICAL, the longest level, has 8
		i++
	}
	return s[:i]
}

func isNameByte(c byte) bool {
	return isDigit(c) || isUpper(c) || c >= 'a' && c <= 'z' || c == '_' || c == '-' || c == '.'
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
