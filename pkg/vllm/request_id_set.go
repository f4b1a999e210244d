package vllm

import (
	"slices"
	"strings"
)

// RequestIDSet answers whether an id, in whichever spelling a line has it, is one of the ids that were asked for, in
// whichever spelling they were asked for. It never mixes up two clients' ids: where one text has two readings, only the one
// that nothing but the engine's own suffix can explain is followed.
type RequestIDSet struct {
	asked map[string]struct{} // as asked, and without a child prefix
	// engines are the external ids of those asked that may be the engine's own names, by InternalReading.
	engines map[string]struct{}
	// responses are the HTTP responses that those asked belong to: what is logged about one concerns all its prompts.
	responses map[string]struct{}
	texts     []string
	sentences []string // texts, with the sign before them in the sentences that vLLM writes about requests
	all       bool     // some id leaves nothing that a store could look for
}

// NewRequestIDSet makes the set; what is not an id by ComparableRequestID is left out.
func NewRequestIDSet(ids ...string) RequestIDSet {
	s := RequestIDSet{asked: map[string]struct{}{}, engines: map[string]struct{}{}, responses: map[string]struct{}{}}
	for _, id := range ids {
		if !ComparableRequestID(id) {
			continue
		}
		s.add(id)
		if sent := HeaderText(id); sent != id && ComparableRequestID(sent) {
			s.add(sent) // as vLLM reads a header
		}
	}
	return s
}

func (s *RequestIDSet) add(id string) {
	whole := trimChildPrefix(id)
	s.asked[id], s.asked[whole] = struct{}{}, struct{}{}
	shortest := whole
	if external, ok := InternalReading(whole); ok {
		s.engines[external] = struct{}{}
		shortest = external
	}
	shortest = ResponseID(shortest)
	s.responses[shortest] = struct{}{}
	text := SearchText(shortest)
	switch {
	case text == "":
		s.all = true
	case !slices.Contains(s.texts, text):
		s.texts = append(s.texts, text)
		if endpointOf(shortest) == nil && strings.HasPrefix(shortest, text) {
			s.sentences = append(s.sentences, "-"+text, " "+text) // behind an endpoint's word, or by itself
		} else {
			s.sentences = append(s.sentences, text)
		}
	}
}

// WithoutEngines is the set for ids that are known to be no names of the engine's.
func (s RequestIDSet) WithoutEngines() RequestIDSet {
	s.engines = nil
	return s
}

// MayBeEngines reports whether an id was asked for that may be the engine's own name of a request.
func (s RequestIDSet) MayBeEngines() bool { return len(s.engines) > 0 }

// Len is the number of different ids.
func (s RequestIDSet) Len() int { return len(s.asked) }

// Texts lists what every line about these requests has one of, for a store that looks for text. ok is false when an id has no
// part that a store could look for: then every line has to be read. What else is found, Has sorts out.
func (s RequestIDSet) Texts() (texts []string, ok bool) { return s.texts, !s.all }

// SentenceTexts is Texts for the lines that vLLM writes about requests, where an id stands behind an endpoint's word: a client
// that calls its request `req` is not looked for in every line with the word request.
func (s RequestIDSet) SentenceTexts() (texts []string, ok bool) { return s.sentences, !s.all }

// Has reports whether an id as written, of this form, stands for one of the set's requests. An id of a response stands for
// every request of that response.
func (s RequestIDSet) Has(written string, form IDForm) bool {
	id := trimChildPrefix(written)
	if s.is(written) || s.is(id) {
		return true
	}
	if form == IDResponse || form == IDUnknown {
		if _, ok := s.responses[id]; ok {
			return true
		}
		if client, ok := ClientFromResponse(id); ok && s.is(client) {
			return true
		}
	}
	external, suffixed := ExternalFromInternal(id)
	if form == IDInternal || form == IDUnknown {
		if suffixed && (s.hasExternal(external) || s.hasEngine(external) && form == IDUnknown) {
			return true
		}
	}
	// Up to 0.13 the engine's name is the external id, whatever it ends in.
	return s.hasExternal(id) || form != IDInternal && s.hasEngine(id)
}

// hasExternal looks an external id up, the id of its response, and what the client sent.
func (s RequestIDSet) hasExternal(id string) bool {
	if s.is(id) || s.is(ResponseID(id)) {
		return true
	}
	client, ok := ClientRequestID(id)
	return ok && s.is(client)
}

// hasEngine reports whether an external id, or a response of it, is what an id that was asked for may be the engine's name of.
func (s RequestIDSet) hasEngine(id string) bool {
	for external := range s.engines {
		if id == external || id == ResponseID(external) {
			return true
		}
	}
	return false
}

func (s RequestIDSet) is(id string) bool {
	_, ok := s.asked[id]
	return ok
}

// In reports whether the line names one of the set's requests anywhere, be it in a sentence of a known form or not.
func (s RequestIDSet) In(line string) bool {
	event := ParseLogLine(line)
	if event.Kind == LogGenerated || event.Kind == LogDelta {
		event.IDForm = IDResponse // vLLM logs outputs under the response's id
	}
	if event.RequestID != "" && (s.Has(event.RequestID, event.IDForm) || slices.ContainsFunc(event.MoreIDs, func(id string) bool {
		return s.Has(id, event.IDForm)
	})) {
		return true
	}
	if event.RequestID != "" && event.IDForm != IDUnknown {
		return false // its id is known, and another
	}
	for _, text := range []string{event.Message, line} { // a wrapper escapes what it wraps
		for _, ids := range []map[string]struct{}{s.asked, s.engines} {
			for id := range ids {
				if s.wordIn(text, id) {
					return true
				}
			}
		}
	}
	return false
}

// wordIn looks for text that names a request, around each place where the common part of an id's spellings stands.
func (s RequestIDSet) wordIn(line, id string) bool {
	stem := ResponseID(id)
	for at := 0; ; {
		i := strings.Index(line[at:], stem)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(stem)
		if end == len(line) || !isNameByte(line[end]) {
			if start == 0 || !isNameByte(line[start-1]) { // exactly, also where it has blanks or quotes in it
				if s.Has(stem, IDUnknown) {
					return true
				}
			}
		}
		for start > 0 && isNameByte(line[start-1]) {
			start--
		}
		for end < len(line) && isNameByte(line[end]) {
			end++
		}
		if end-start <= MaxComparableIDLength && s.Has(strings.TrimRight(line[start:end], "."), IDUnknown) {
			return true
		}
		at = end // a word is tried once, however often the stem is in it: lines of 256 KiB are met
	}
}

// minSearchText is how short a text may be that a store is asked to look for: shorter ones stand in nearly every line.
const minSearchText = 2

// SearchText gives the longest part of an id that stands in a line as it is, however the line is wrapped: JSON and logfmt
// escape quotes, backslashes and what is not ASCII, some also the signs of HTML. Empty when none is long enough.
func SearchText(id string) string {
	best, start := "", 0
	for i := 0; i <= len(id); i++ {
		if i < len(id) && !escapedSomewhere(id[i]) {
			continue
		}
		if i-start > len(best) {
			best = id[start:i]
		}
		start = i + 1
	}
	if len(best) < minSearchText {
		return ""
	}
	return best
}

func escapedSomewhere(c byte) bool {
	if c < ' ' || c >= 0x7f {
		return true
	}
	switch c {
	case '"', '\'', '\\', '/', '<', '>', '&', '`', '%':
		return true
	}
	return false
}
