package vllm

import "strconv"

// candidateItems is how many of one call's prompts, items or conversations are listed as candidates: a store that finds ids by
// exact value is asked once for each. Of two, one may have left no span.
const candidateItems = 2

// Candidates lists the external ids that a request may have which is asked for by id, in whatever spelling, for stores that
// can only be asked by exact value. NextNumbered goes on where these end. The ids of the steps of a beam search, which
// are random, cannot be listed.
func Candidates(id string) []string {
	seen := map[string]bool{}
	var out []string
	add := func(id string) {
		if !seen[id] && ComparableRequestID(id) {
			seen[id] = true
			out = append(out, id)
		}
	}
	for _, text := range []string{id, HeaderText(id)} {
		whole := trimChildPrefix(text)
		add(text)
		add(whole)
		if external, ok := InternalReading(whole); ok {
			add(external)
		}
		if e := endpointOf(whole); e != nil { // of a response, unless it is the request's own already
			e.each(whole, add)
		}
		for i := range endpoints {
			if e := &endpoints[i]; !e.made && ReachesEngine(e.prefix) {
				e.each(e.prefix+text, add)
			}
		}
	}
	return out
}

// each lists what an endpoint may have made of a response's id.
func (e *endpoint) each(response string, add func(string)) {
	if e.every != 0 {
		for i := range candidateItems {
			add(response + string(e.every) + strconv.Itoa(i))
		}
		return
	}
	add(response)
	for _, sep := range []byte(e.several) { // a batch has a first one
		add(response + string(sep) + "0")
	}
}

// NextNumbered gives the candidate behind one that was found, by its number: `cmpl-B-3` → `cmpl-B-4`. ok is false
// for an id that no endpoint numbers.
func NextNumbered(external string) (next string, ok bool) {
	e := endpointOf(external)
	if e == nil {
		return "", false
	}
	for _, sep := range []byte(string(e.every) + e.several) {
		if sep == 0 {
			continue
		}
		if response := trimNumber(external, sep); response != external {
			n, err := strconv.Atoi(external[len(response)+1:])
			return response + string(sep) + strconv.Itoa(n+1), err == nil
		}
	}
	return "", false
}
