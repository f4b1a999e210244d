package vllm

import "strings"

// takeForeignHead takes the heads of other programs in the same output, each in its own form.
func (e *LogEvent) takeForeignHead(s string) bool {
	return e.takeLMCacheHead(s) || e.takeGlogHead(s) || e.takeNCCLHead(s)
}

// takeLMCacheHead takes "[2026-11-30 10:00:00,753] LMCache INFO: " and the place "(file.py:1050:module)" at the line's end.
func (e *LogEvent) takeLMCacheHead(s string) bool {
	if s == "" || s[0] != '[' || !strings.Contains(s[:min(len(s), 64)], "] LMCache ") {
		return false
	}
	clock, rest, _ := strings.Cut(s[1:], "] LMCache ")
	word := leadingWord(rest)
	level := levelOf(word)
	message, ok := strings.CutPrefix(rest[len(word):], ": ")
	if level == LevelUnknown || !ok {
		return false
	}
	e.Level, e.Logger, e.Line, e.Clock, e.foreign, e.hearsay = level, "lmcache", 0, clock, true, false
	if open := strings.LastIndex(message, " ("); open >= 0 && strings.HasSuffix(message, ")") {
		place := strings.Split(message[open+2:len(message)-1], ":")
		if len(place) > 1 && isFile(place[0]) {
			e.Logger, e.Line = place[0], int(max(0, parseCount(place[1])))
			message = message[:open]
		}
	}
	e.Message = message
	return true
}

// takeGlogHead takes glog's "I1130 10:00:00.123456 71 async_llm.py:439] ", and torch's in brackets: "[E1130 10:00:00.123 X.cpp:682] ".
func (e *LogEvent) takeGlogHead(s string) bool {
	s = strings.TrimPrefix(s, "[")
	if len(s) < 20 || levelOfLetter(s[0]) == LevelUnknown {
		return false
	}
	digits := leadingDigits(s[1:])
	if digits != 4 && digits != 8 || s[1+digits] != ' ' || !isDigit(s[2+digits]) {
		return false
	}
	end := strings.IndexByte(s[:min(len(s), 120)], ']')
	if end < 0 {
		return false
	}
	words := strings.Fields(s[:end])
	file, line, ok := cutPlace(words[len(words)-1])
	if !ok {
		return false
	}
	e.Level, e.Logger, e.Line, e.hearsay = levelOfLetter(s[0]), file, line, false
	e.foreign = e.foreign || !strings.HasSuffix(file, ".py")
	e.Message = strings.TrimPrefix(s[end+1:], " ")
	return true
}

// takeNCCLHead takes "host:pid:tid [0] misc/socket.cc:484 NCCL WARN ".
func (e *LogEvent) takeNCCLHead(s string) bool {
	at := strings.Index(s[:min(len(s), 160)], " NCCL ")
	if at < 0 {
		return false
	}
	word := leadingWord(s[at+6:])
	level := levelOf(word)
	if host, _, ok := strings.Cut(s[:at], " "); level == LevelUnknown || !ok && strings.Count(s[:at], ":") < 2 || strings.Count(host, ":") < 2 {
		return false
	}
	e.Level, e.Logger, e.foreign, e.hearsay = level, "NCCL", true, false
	for word := range strings.FieldsSeq(s[:at]) {
		if file, line, ok := cutPlace(word); ok && isFile(file) {
			e.Logger, e.Line = file, line
		}
	}
	e.Message = strings.TrimPrefix(s[at+6+len(word):], " ")
	return true
}

// takeCacheHit takes LMCache's "<id>, Total tokens 8891, LMCache hit tokens: 8704, need to load: 8704".
func (e *LogEvent) takeCacheHit(rest string) {
	id, fields, ok := strings.Cut(rest, ", Total tokens ")
	if !ok {
		return
	}
	e.Kind = LogCacheHit
	if !e.setID(id, IDInternal) {
		return
	}
	for _, name := range [...]string{"LMCache hit tokens: ", "Inference Engine computed tokens: "} {
		if _, after, found := strings.Cut(fields, name); found {
			number, _, _ := strings.Cut(after, ",")
			e.CachedTokens = max(e.CachedTokens, parseCount(number))
		}
	}
}

// takeResumed takes "<id> has been resumed!", and what other wordings there are.
func (e *LogEvent) takeResumed(rest, words string) {
	if id, _, ok := strings.Cut(rest, words); ok && e.setID(id, IDInternal) {
		e.Kind = LogResumed
	}
}
