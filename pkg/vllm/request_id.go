package vllm

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IDForm tells in which of vLLM's spellings an id was written. The spelling depends on the place, not on the id: the
// same request is `cmpl-B-0` on its span, `cmpl-B-0-9f3c1a7e` in the engine and `cmpl-B` in the HTTP response.
type IDForm uint8

const (
	// IDUnknown is an id whose place did not say how it is spelled.
	IDUnknown IDForm = iota
	// IDExternal is what the span attribute gen_ai.request.id and the lines Received, Generated, failed, aborted carry.
	IDExternal
	// IDInternal is what the engine uses: since 0.14 the external id plus "-" and 8 random hex digits, with "<i>_" in
	// front for the children of an n>1 request. The lines Added and Aborted request(s) carry it.
	IDInternal
	// IDResponse is the id of the HTTP response: the external id without the per-prompt suffix of completions.
	IDResponse
	// IDClient is what the client sent as X-Request-Id (or what a router made up for it).
	IDClient
)

// MaxRequestIDLength bounds an id that is found in the midst of a text, MaxComparableIDLength one that is compared, asked for
// and shown. vLLM sets no limit; ids longer than that are not ids but payload.
const (
	MaxRequestIDLength    = 256
	MaxComparableIDLength = 1024
)

// ComparableRequestID reports whether s may stand for a request: be compared with other ids, and be shown. vLLM takes any
// text that a client sends as its X-Request-Id, blanks and quotes included, and a request does not get lost for that. Only
// what could break a line or steer a terminal is none. A store is asked for such an id through a builder that escapes.
func ComparableRequestID(s string) bool {
	if s == "" || len(s) > MaxComparableIDLength || !utf8.ValidString(s) {
		return false
	}
	return graphic(s) || graphic(SentText(s))
}

func graphic(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsGraphic(r) && r != '\u200c' && r != '\u200d' // the joiners within words and emoji
	})
}

// PlainRequestID reports whether s is visible ASCII without quotes, backslashes, backticks, braces, commas or white space:
// text in which such an id stands shows by itself where the id ends.
func PlainRequestID(s string) bool {
	if s == "" || len(s) > MaxRequestIDLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !plainByte(s[i]) {
			return false
		}
	}
	return true
}

func plainByte(c byte) bool {
	if c <= ' ' || c >= 0x7f {
		return false
	}
	switch c {
	case '"', '\'', '`', '\\', '{', '}', '<', '>', '|', ',', ';', '(', ')', '[', ']':
		return false
	}
	return true
}

// SentText gives what a client sent, of what vLLM made of it: HTTP headers are bytes, which vLLM's server reads as Latin-1,
// so that `é` in UTF-8 is `Ã©` on spans and in lines. Text that cannot have come about that way is returned as it is.
func SentText(s string) string {
	if isASCII(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return s
		}
		b = append(b, byte(r))
	}
	if !utf8.Valid(b) {
		return s
	}
	return string(b)
}

// HeaderText is the other way round: what vLLM makes of the text that a client sends in a header.
func HeaderText(s string) string {
	if isASCII(s) {
		return s
	}
	out := make([]rune, len(s))
	for i := 0; i < len(s); i++ {
		out[i] = rune(s[i])
	}
	return string(out)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// ExternalFromInternal gives the external id of an internal one: without the child prefix "<i>_" and, when the last
// "-"-separated part is 8 lower-case hex digits, without that random suffix. Before 0.14 there is no suffix; then the id
// comes back with only the child prefix removed. suffixed says whether a suffix was found.
//
// An id without suffix can end in 8 hex digits by itself (a uuid's first group never stands last, but a client's own id
// may): whoever knows the other ids of the window settles that.
func ExternalFromInternal(internal string) (external string, suffixed bool) {
	id := trimChildPrefix(internal)
	if n := len(id); n > 9 && id[n-9] == '-' && isLowerHex(id[n-8:]) && !isEndpointPrefix(id[:n-8]) {
		return id[:n-9], true
	}
	return id, false
}

// InternalReading gives the external id that an id of unknown place belongs to should it be the engine's own. Only an id
// with one of vLLM's words can be: `job-1a2b3c4d` is what a client sent, and never the engine's name for `job`.
func InternalReading(id string) (external string, ok bool) {
	external, ok = ExternalFromInternal(id)
	return external, ok && endpointOf(external) != nil
}

// ExternalFromChild removes the child prefix "<i>_" that spans of 0.10.2 to 0.13 carry for n>1 requests.
func ExternalFromChild(id string) string { return trimChildPrefix(id) }

// ChildOrdinal gives the place of a sequence among those of its n>1 request, counted from 0: the number in the child prefix.
// ok is false for an id that has none.
func ChildOrdinal(id string) (n int, ok bool) {
	number, _ := strings.CutSuffix(id, "_"+trimChildPrefix(id))
	n, err := strconv.Atoi(number)
	return n, number != id && err == nil
}

func trimChildPrefix(id string) string {
	i := 0
	for i < len(id) && isDigit(id[i]) {
		i++
	}
	if i == 0 || i >= len(id)-1 || id[i] != '_' {
		return id
	}
	if rest := id[i+1:]; endpointOf(rest) != nil { // a client's own id may look like "3_x": only vLLM's words follow a child prefix
		return rest
	}
	return id
}

func isLowerHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isDigit(c) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
