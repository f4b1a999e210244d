package vllm

import "strings"

// Heads that vLLM's own formatter does not write: any dictConfig, loguru, structlog, rich, glog, Ray Serve. A head is a row of
// words of few kinds (times, a level, names of loggers, places in files, brackets, separators), and it ends where a sentence of
// vLLM's begins or, without one, behind the last word that is surely of a head. A client's words come behind it only: a word
// that might be one ends the head.
const (
	maxHead      = 240 // bytes
	maxHeadWords = 16
	maxWeak      = 4 // words of a head that could be any word: host names, threads, functions
)

// headReader goes through a head word by word.
type headReader struct {
	s    string
	i    int // where the next word begins
	sure int // behind the last word that is surely of a head

	level  LogLevel
	file   string
	line   int
	name   string
	weak   int
	strong bool // a time, a level or a place was read
	serve  bool // "--", with which Ray Serve ends its head

	clock string
	date  int // where the date begins that the last word was; -1 = it was none
}

// takeAnyHead takes a head of any form; it reports whether there was one, with a level in it or a sentence behind it.
func (e *LogEvent) takeAnyHead(s string) bool {
	if len(s) > 0 && plainWord(s) {
		return false
	}
	r := headReader{s: s, level: LevelUnknown, date: -1}
	for range maxHeadWords {
		r.skipSeparators()
		rest := r.s[r.i:]
		if rest == "" || r.i > maxHead {
			break
		}
		if r.strong && (beginsSentence(rest) || beginsAccess(rest)) {
			return r.finish(e, rest)
		}
		if r.i > 0 && (r.strong || r.weak > 0) && r.nested(e, rest) {
			return true
		}
		if !r.word(rest) {
			break
		}
	}
	if r.level == LevelUnknown { // a place alone may be Python's own warning: path.py:138: FutureWarning
		return false
	}
	return r.finish(e, strings.TrimLeft(r.s[r.sure:], " "))
}

// plainWord reports whether a line begins with a word as sentences do, which no head does.
func plainWord(s string) bool {
	i := 0
	for i < len(s) && s[i] != ' ' {
		if c := s[i]; !(c >= 'a' && c <= 'z') && !(i == 0 && isUpper(c)) {
			return false
		}
		i++
	}
	return i < len(s) && !isIdentifier(s[:i]) && !isZone(s[:i]) && ParseLogLevel(s[:i]) == LevelUnknown
}

// finish gives the event what the head told, and the message.
func (r *headReader) finish(e *LogEvent, message string) bool {
	if r.level != LevelUnknown {
		e.Level, e.hearsay = r.level, false
	}
	if logger := firstOf(r.file, r.name); logger != "" {
		e.Logger, e.Line = logger, r.line
	}
	for _, separator := range [...]string{"-- ", "- ", "| ", ": ", "] ", "> ", "– ", "— "} {
		if rest, ok := strings.CutPrefix(message, separator); ok {
			r.serve = r.serve || separator == "-- "
			message = rest
			break
		}
	}
	if r.clock != "" {
		e.Clock = r.clock
	}
	e.Message = cutTail(message)
	if r.serve && strings.Contains(message, " -- ") { // the client's own request id stands in Ray Serve's head
		e.Message = ""
	}
	return true
}

// nested takes what begins a line of its own within: a process, a rank, vLLM's own head or another program's, a record.
func (r *headReader) nested(e *LogEvent, rest string) bool {
	if rest[0] == '(' || rest[0] == '{' || rest[0] == '[' {
		before := *e
		inner := e.unwrap(rest)
		if len(inner) == len(rest) {
			return rest[0] == '[' && e.takeForeignHead(rest)
		}
		if r.level != LevelUnknown && e.Level == before.Level {
			e.Level, e.hearsay = r.level, false
		}
		if !e.takeHead(inner) && !e.takeUvicornHead(inner) && !e.takeForeignHead(inner) && (beginsSentence(inner) || !e.takeAnyHead(inner)) {
			e.Message = inner
		}
		return true
	}
	return isUpper(rest[0]) && (e.takeHead(rest) || e.takeUvicornHead(rest))
}

func (r *headReader) skipSeparators() {
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == ' ' || c == '\t' || c == '|':
		case c == '-' && r.standsAlone():
			r.serve = r.serve || strings.HasPrefix(r.s[r.i:], "-- ")
		case c == ':' || c == '>':
			if r.i == 0 {
				return
			}
		default:
			return
		}
		r.i++
	}
}

// standsAlone reports whether the dash at i is between blanks, or one of two.
func (r *headReader) standsAlone() bool {
	before := r.i == 0 || r.s[r.i-1] == ' ' || r.s[r.i-1] == '-'
	return before && r.i+1 < len(r.s) && (r.s[r.i+1] == ' ' || r.s[r.i+1] == '-')
}

// word takes one word of the head; it reports whether it was one.
func (r *headReader) word(rest string) bool {
	if c := rest[0]; c == '[' || c == '<' || c == '(' {
		return r.bracket(rest)
	}
	end := strings.IndexAny(rest, " |\t[")
	if end < 0 {
		return false // the last word of a line is no head
	}
	word := rest[:end]
	switch {
	case isTime(word):
		r.takeClock(word)
		r.take(end, true)
	case isZone(word):
		r.take(end, true)
	case r.takeLevel(word):
	case r.takePlace(word):
	case strings.HasPrefix(word, "---"): // Spring's separator
		r.take(end, true)
	default:
		return r.takeWeak(word, end)
	}
	return true
}

// takeClock takes a date with its time, in one word or in two that follow each other.
func (r *headReader) takeClock(word string) {
	time := strings.IndexByte(word, ':') >= 0
	switch {
	case time && strings.IndexByte(word, 'T') > 0:
		r.clock = word
	case time && r.date >= 0 && r.clock == "":
		r.clock = r.s[r.date : r.i+len(word)]
	}
	if r.date = -1; !time && strings.ContainsAny(word, "-/") {
		r.date = r.i
	}
}

func (r *headReader) take(n int, sure bool) {
	r.i += n
	if sure {
		r.sure, r.strong = r.i, true
	}
}

// takeLevel takes "INFO", "INFO:", "info:", also with what follows at once: "INFO:vllm.engine:Added request".
func (r *headReader) takeLevel(word string) bool {
	name, after, colon := strings.Cut(word, ":")
	name = strings.TrimSuffix(name, ",")
	level := levelOf(name)
	if level == LevelUnknown {
		before, _, process := strings.Cut(name, "/") // multiprocessing: INFO/MainProcess
		if level = levelOf(before); level == LevelUnknown || !process {
			if !colon && !r.followedByBar(len(name)) {
				return false
			}
			if level = ParseLogLevel(name); level == LevelUnknown {
				return false
			}
		}
	}
	if r.level != LevelUnknown {
		return false
	}
	r.level = level
	if !colon || after == "" {
		r.take(len(word), true)
		return true
	}
	r.take(len(name)+1, true)
	if dotted, _, ok := strings.Cut(after, ":"); ok && isLoggerName(dotted) { // basicConfig: LEVEL:name:message
		r.name = dotted
		r.take(len(dotted)+1, true)
	}
	return true
}

func (r *headReader) followedByBar(n int) bool {
	return strings.HasPrefix(strings.TrimLeft(r.s[r.i+n:], " "), "|")
}

// takePlace takes where a line was logged: "async_llm.py:439", "async_llm.py:439:add_request", "vllm.v1.engine.async_llm:add_request:439",
// "vllm.v1.engine.async_llm".
func (r *headReader) takePlace(word string) bool {
	place := strings.TrimRight(word, ":],-)")
	if place == "" || !isPlace(place) {
		return false
	}
	first, rest, _ := strings.Cut(place, ":")
	file := isFile(first)
	if !file && !isLoggerName(first) || exceptionClass(word) != "" {
		return false
	}
	if file {
		r.file = fileName(first)
	} else if r.name == "" {
		r.name = first
	} else if r.level != LevelUnknown {
		return false // a second name behind the level is of the message
	}
	for part := range strings.SplitSeq(rest, ":") {
		if n := int(parseCount(part)); n > 0 {
			r.line = n
		}
	}
	if i := len(place); i < len(word) && word[i] == ':' { // "name:" may be followed by the message at once
		r.take(i+1, true)
		return true
	}
	r.take(len(word), true)
	return true
}

// takeWeak takes a word that heads have and messages too. Behind the level only such as no sentence of vLLM's begins with.
func (r *headReader) takeWeak(word string, n int) bool {
	if r.weak++; r.weak > maxWeak {
		return false
	}
	bare := strings.TrimRight(word, ":,")
	for i := range len(bare) {
		if c := bare[i]; !isNameByte(c) && c != '@' && c != '/' && c != '=' && c != '#' && c != ':' && c != '(' && c != ')' && c != '<' && c != '>' {
			return false
		}
	}
	if bare == "" || r.level != LevelUnknown && !isIdentifier(bare) {
		return false
	}
	r.take(n, false)
	return true
}

// isIdentifier reports whether a word is a name of a program's rather than one of a sentence.
func isIdentifier(word string) bool {
	switch word {
	case "root", "vllm", "uvicorn", "stdout", "stderr", "main", "generate":
		return true
	}
	for i := range len(word) {
		if c := word[i]; !(c >= 'a' && c <= 'z') && !(isUpper(c) && i == 0) && c != '-' {
			return true
		}
	}
	return false
}
