package vllm

import "strings"

// RequestIDSet answers whether an id, in whichever spelling a line has it, is one of the ids that were asked for, in
// whichever spelling they were asked for.
type RequestIDSet struct {
	readings  map[string]struct{} // what the ids may be read as
	responses map[string]struct{} // the HTTP responses that they belong to
	stems     []string
}

// NewRequestIDSet makes the set; what is not an id by ValidRequestID is left out.
func NewRequestIDSet(ids ...string) RequestIDSet {
	s := RequestIDSet{readings: map[string]struct{}{}, responses: map[string]struct{}{}}
	seen := map[string]struct{}{}
	for _, id := range ids {
		if !ValidRequestID(id) {
			continue
		}
		s.readings[id] = struct{}{}
		external, suffixed := ExternalFromInternal(id)
		if suffixed {
			s.readings[external] = struct{}{}
		}
		s.responses[ResponseID(external)] = struct{}{}
		stem := RequestIDStem(id)
		if _, dup := seen[stem]; !dup {
			seen[stem] = struct{}{}
			s.stems = append(s.stems, stem)
		}
	}
	return s
}

// RequestIDStem gives the part of an id that all its spellings share, so that a search for it as plain text finds every
// line: without child prefix, random suffix and item number. What else it finds, RequestIDSet sorts out.
func RequestIDStem(id string) string {
	external, _ := ExternalFromInternal(id)
	return ResponseID(external)
}

// Len is the number of different stems.
func (s RequestIDSet) Len() int { return len(s.stems) }

// Stems lists what to search for, in the order of the ids.
func (s RequestIDSet) Stems() []string { return s.stems }

// Has reports whether an id as written, of this form, stands for one of the set's requests. An id of a response stands for
// every request of that response.
func (s RequestIDSet) Has(written string, form IDForm) bool {
	if form == IDResponse || form == IDUnknown {
		if _, ok := s.responses[written]; ok {
			return true
		}
	}
	child := ExternalFromChild(written)
	if s.hasReading(written) || s.hasReading(child) {
		return true
	}
	external, suffixed := ExternalFromInternal(written)
	return suffixed && form != IDExternal && s.hasReading(external)
}

// hasReading looks the id up, the id of its response, and what the client sent.
func (s RequestIDSet) hasReading(id string) bool {
	if _, ok := s.readings[id]; ok {
		return true
	}
	response := ResponseID(id)
	if _, ok := s.readings[response]; ok && response != id {
		return true
	}
	if client, ok := ClientRequestID(id); ok {
		_, ok = s.readings[client]
		return ok
	}
	return false
}

// In reports whether the line names one of the set's requests anywhere, be it of a known form or not.
func (s RequestIDSet) In(line string) bool {
	for _, stem := range s.stems {
		for at := 0; ; {
			i := strings.Index(line[at:], stem)
			if i < 0 {
				break
			}
			start, end := at+i, at+i+len(stem)
			for start > 0 && isNameByte(line[start-1]) {
				start--
			}
			for end < len(line) && isNameByte(line[end]) {
				end++
			}
			if end-start <= MaxRequestIDLength && s.Has(strings.TrimRight(line[start:end], "."), IDUnknown) {
				return true
			}
			at = end // a word is tried once, however often the stem is in it: lines of 256 KiB are met
		}
	}
	return false
}
