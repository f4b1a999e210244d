package vllm

import "strings"

// The kinds of words that heads are made of.

// bracket takes a word in brackets: [INFO], [info     ], [async_llm.py:439], [71], [MainThread], [2026-11-30 10:00:00 +0000],
// [trace_id=0 span_id=0], (MainThread), <INFO>.
func (r *headReader) bracket(rest string) bool {
	closing := "]>)"[strings.IndexByte("[<(", rest[0])]
	end := strings.IndexByte(rest[:min(len(rest), 160)], closing)
	if end < 1 {
		return false
	}
	inside := strings.TrimSpace(rest[1:end])
	for i := range len(inside) {
		if c := inside[i]; !isNameByte(c) && strings.IndexByte(" .:/,+=@#()<>", c) < 0 {
			return false
		}
	}
	level := ParseLogLevel(inside)
	if level == LevelUnknown {
		first, _, _ := strings.Cut(inside, "/")
		level = levelOf(first)
	}
	switch {
	case level != LevelUnknown && r.level == LevelUnknown:
		r.level = level
		r.take(end+1, true)
		return true
	case r.place(inside):
		r.take(end+1, true)
		return true
	case r.timed(inside):
		r.take(end+1, true)
		return true
	case r.level != LevelUnknown && (r.file != "" || r.name != ""):
		if !strings.Contains(inside, "=") && !isDigits(inside) && !isIdentifier(inside) {
			return false // all is told: the message begins so
		}
	}
	r.take(end+1, rest[0] == '[' && (r.strong || r.i == 0))
	return true
}

// place takes a place that stands in brackets.
func (r *headReader) place(inside string) bool {
	if !isPlace(inside) {
		return false
	}
	first, rest, _ := strings.Cut(inside, ":")
	switch {
	case isFile(first):
		r.file = fileName(first)
	case isLoggerName(first) && r.name == "":
		r.name = first
	default:
		return false
	}
	for part := range strings.SplitSeq(rest, ":") {
		if n := int(parseCount(part)); n > 0 {
			r.line = n
		}
	}
	return true
}

// timed takes a time in brackets, and what else stands there: a level's letter, process and thread as Ray's core writes them.
func (r *headReader) timed(inside string) bool {
	words := 0
	for word := range strings.FieldsSeq(inside) {
		switch {
		case isTime(word):
			if clock := inside[strings.Index(inside, word):]; strings.Count(clock, ":") >= 2 && strings.ContainsAny(word, "-/") && r.clock == "" {
				r.clock, _, _ = strings.Cut(clock, " +")
			}
		case isZone(word):
		case len(word) == 1 && levelOfLetter(word[0]) != LevelUnknown && r.level == LevelUnknown:
			r.level = levelOfLetter(word[0])
		case levelOf(word) != LevelUnknown && r.level == LevelUnknown:
			r.level = levelOf(word)
		default:
			return false
		}
		words++
	}
	return words > 0 && isDigit(inside[0])
}

// isTime reports whether a word is a date, a time, both, or a number.
func isTime(word string) bool {
	if !isDigit(word[0]) && word[0] != '+' {
		return false
	}
	digits := 0
	for i := range len(word) {
		switch c := word[i]; {
		case isDigit(c):
			digits++
		case strings.IndexByte("-/.:,+_TZ", c) >= 0:
		case i >= 2 && i+3 <= len(word) && isUpper(c) && isMonth(word[i:i+3]): // 30/Nov/2026:10:00:00
		case i >= 3 && c >= 'a' && c <= 'z' && isMonthTail(word, i):
		default:
			return false
		}
	}
	return digits > 0
}

// isMonthTail reports whether the letter at i is the second or third of a month's name.
func isMonthTail(word string, i int) bool {
	for start := i - 1; start >= i-2 && start >= 0; start-- {
		if isUpper(word[start]) && start+3 <= len(word) && isMonth(word[start:start+3]) {
			return true
		}
	}
	return false
}

// isZone reports whether a word is a time zone, half of a day, a day or a month.
func isZone(word string) bool {
	switch word = strings.TrimSuffix(word, ","); word {
	case "UTC", "GMT", "Z", "CET", "CEST", "EST", "EDT", "PST", "PDT", "JST", "KST", "CST", "IST", "BST", "AM", "PM",
		"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return len(word) == 3 && isMonth(word)
}

// isPlace reports whether a word has only what names of files, modules, functions and their lines have.
func isPlace(word string) bool {
	for i := range len(word) {
		if c := word[i]; !isNameByte(c) && c != '/' && c != ':' && c != '<' && c != '>' && c != '(' && c != ')' {
			return false
		}
	}
	return word != ""
}

// isFile reports whether a word is the name of a source file.
func isFile(word string) bool {
	dot := strings.LastIndexByte(word, '.')
	if dot <= 0 {
		return false
	}
	switch word[dot+1:] {
	case "py", "rs", "cpp", "cc", "cu", "h", "go", "pyx", "hpp":
		return true
	}
	return false
}

// isLoggerName reports whether a word is the dotted name of a Python module.
func isLoggerName(word string) bool {
	if strings.IndexByte(word, '.') <= 0 || strings.HasSuffix(word, ".") {
		return false
	}
	for i := range len(word) {
		if c := word[i]; !isNameByte(c) {
			return false
		}
	}
	return !isDigit(word[0])
}

// levelOfLetter reads a level that is one letter, as glog and Ray's core write it.
func levelOfLetter(c byte) LogLevel {
	switch c {
	case 'I':
		return LevelInfo
	case 'W':
		return LevelWarning
	case 'E':
		return LevelError
	case 'F', 'C':
		return LevelCritical
	case 'D':
		return LevelDebug
	}
	return LevelUnknown
}

// cutTail cuts what rich and structlog put behind a message: the place, at the line's end or in brackets with fields after it.
func cutTail(m string) string {
	if i := strings.LastIndex(m, "  "); i > 0 {
		if file, _, ok := cutPlace(strings.TrimSpace(m[i:])); ok && isFile(file) && strings.IndexByte(file, ' ') < 0 {
			return strings.TrimRight(m[:i], " ")
		}
	}
	if i := strings.LastIndex(m, " ["); i > 0 && beginsSentence(m) {
		name, fields, ok := strings.Cut(m[i+2:], "]")
		if ok && isLoggerName(name) && strings.IndexByte(name, ' ') < 0 && (fields == "" || fields[0] == ' ' && logfmtFields(strings.TrimSpace(fields), func(string, value) {})) {
			return strings.TrimRight(m[:i], " ")
		}
	}
	return m
}
