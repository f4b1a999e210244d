package vllm

import "strings"

// takeMention finds the first request id in a line of level warning or above that has no form of its own. It is the
// weakest of all evidence: such text may quote a client, so it counts as "a line that names the request", not as outcome.
func (e *LogEvent) takeMention() {
	m, at := e.Message, 0
	for range maxMentions {
		start, ok := nextID(m, at)
		if !ok {
			return
		}
		end := start
		for end < len(m) && plainByte(m[end]) {
			end++
		}
		id := strings.TrimRight(m[start:end], ".:")
		if !quoted(m, start, end) && e.setID(id, IDUnknown) {
			e.Kind = LogRequestError
			e.External, _ = ExternalFromInternal(id)
			return
		}
		at = end + 1
	}
}

// quoted reports whether a word stands in quotes of any kind: there vLLM puts what a client sent, such as the name of a model.
func quoted(m string, start, end int) bool {
	return start > 0 && strings.IndexByte("'\"`", m[start-1]) >= 0 || end < len(m) && strings.IndexByte("'\"`", m[end]) >= 0
}

// maxMentions is how many words that begin like an id are tried, so that a hostile line costs no more than others.
const maxMentions = 8

// mentionable are the prefixes distinct enough to be told from words; "rt-", "score-" and the like are not.
var mentionable = []string{"chatcmpl-", "cmpl-", "embd-", "resp_"}

// nextID finds where the next id with one of these prefixes begins in m[at:].
func nextID(m string, at int) (start int, ok bool) {
	start = len(m)
	for _, prefix := range mentionable {
		for from := at; from < start; {
			i := strings.Index(m[from:], prefix)
			if i < 0 {
				break
			}
			begin := childStart(m, from+i)
			if begin == 0 || !isNameByte(m[begin-1]) { // not the end of a longer word
				start = min(start, begin)
				break
			}
			from += i + 1
		}
	}
	return start, start < len(m)
}

// childStart moves the beginning of an id back over the "<i>_" of an n>1 request's child.
func childStart(m string, at int) int {
	if at < 2 || m[at-1] != '_' {
		return at
	}
	start := at - 1
	for start > 0 && isDigit(m[start-1]) {
		start--
	}
	if start == at-1 {
		return at
	}
	return start
}
