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

// MaxRequestIDLength bounds an id that is sent on to a store, MaxComparableIDLength one that is compared and shown. vLLM sets
// no limit; ids longer than that are not ids but payload.
const (
	MaxRequestIDLength    = 256
	MaxComparableIDLength = 1024
)

// ComparableRequestID reports whether s may stand for a request: be compared with other ids, and be shown. vLLM takes any
// text that a client sends as its X-Request-Id, blanks and quotes included, and a request does not get lost for that. What
// is not ValidRequestID besides is never sent on.
func ComparableRequestID(s string) bool {
	return s != "" && len(s) <= MaxComparableIDLength && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// ValidRequestID reports whether s may be sent on to another store as a request id: visible ASCII without quotes, backslashes, backticks,
// braces or white space, at most MaxRequestIDLength bytes. A client chooses its own X-Request-Id, so every id that comes
// out of one store is hostile until this has been asked, and is still escaped by the builder that sends it on.
func ValidRequestID(s string) bool {
	if s == "" || len(s) > MaxRequestIDLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f {
			return false
		}
		switch c {
		case '"', '\'', '`', '\\', '{', '}', '<', '>', '|', ',', ';', '(', ')', '[', ']':
			return false
		}
	}
	return true
}

// endpointPrefixes are the words vLLM puts before the base id, by endpoint. perItem says whether the endpoint appends
// "-<i>" for each prompt or item of one HTTP request. Longest first where one is the beginning of another.
var endpointPrefixes = []struct {
	prefix  string
	perItem bool
}{
	{"chatcmpl-", false},
	{"cmpl-", true},
	{"resp_", false},
	{"embd-", true},
	{"classify-", true},
	{"generative-scoring-", true},
	{"generate-tokens-", false},
	{"score-", true},
	{"pooling-", true},
	{"tokenize-", false},
	{"tokn-", false}, // tokenize, up to 0.13
	{"transcribe-", false},
	{"translate-", false},
	{"rt-", false},
}

// ExternalFromInternal gives the external id of an internal one: without the child prefix "<i>_" and, when the last
// "-"-separated part is 8 lower-case hex digits, without that random suffix. Before 0.14 there is no suffix; then the id
// comes back with only the child prefix removed. suffixed says whether a suffix was found.
//
// An id without suffix can end in 8 hex digits by itself (a uuid's first group never stands last, but a client's own id
// may): the caller that knows the id set of the window settles that by asking for both spellings.
func ExternalFromInternal(internal string) (external string, suffixed bool) {
	id := trimChildPrefix(internal)
	if n := len(id); n > 9 && id[n-9] == '-' && isLowerHex(id[n-8:]) && !isEndpointPrefix(id[:n-8]) {
		return id[:n-9], true
	}
	return id, false
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

// ReachesEngine is false for the requests that the API server answers by itself: tokenize and detokenize are logged as
// received, and no engine ever hears of them.
func ReachesEngine(external string) bool {
	return !strings.HasPrefix(external, "tokenize-") && !strings.HasPrefix(external, "tokn-")
}

// BeamResponseID gives the id of the HTTP response that a beam belongs to: for each beam of each step of a beam search, the
// engine works on a request of its own, `cmpl-B-<16 hex>-beam-<k>`. ok is false when the id is not one of these.
func BeamResponseID(external string) (response string, ok bool) {
	step := trimNumber(external, '-')
	if step == external || !strings.HasSuffix(step, "-beam") {
		return "", false
	}
	step = strings.TrimSuffix(step, "-beam")
	n := len(step) - 17
	if n <= 0 || step[n] != '-' || !isLowerHex(step[n+1:]) {
		return "", false
	}
	return step[:n], true
}

// ResponseID gives the id of the HTTP response that an external id belongs to: `cmpl-B-0` → `cmpl-B`.
// Endpoints without per-item suffix return the id unchanged; batch chat and /v1/responses lose their `_<i>`. Never the other
// way round: a client's own id may end in a number too, so the response id `cmpl-req-1-0` may stand for the engine's
// `cmpl-req-1-0-0`.
func ResponseID(external string) string {
	if response, ok := BeamResponseID(external); ok {
		return response
	}
	for _, e := range endpointPrefixes {
		if strings.HasPrefix(external, e.prefix) {
			if e.perItem {
				return trimNumber(external, '-')
			}
			if e.prefix == "chatcmpl-" || e.prefix == "resp_" { // batch chat, and the engine's spelling of /v1/responses
				return trimNumber(external, '_')
			}
			return external
		}
	}
	return external
}

// ClientRequestID gives what the client sent as X-Request-Id, recovered from an external id. ok is false when the id
// carries none of vLLM's endpoint prefixes (a gateway's raw id is returned as it is, without claim) or when the endpoint
// ignores the header (`resp_…`). vLLM makes the base up when the header is missing, so a recovered id may be vLLM's own.
func ClientRequestID(external string) (client string, ok bool) {
	for _, e := range endpointPrefixes {
		if strings.HasPrefix(external, e.prefix) {
			if e.prefix == "resp_" {
				return "", false
			}
			base := strings.TrimPrefix(ResponseID(external), e.prefix)
			return base, base != ""
		}
	}
	return external, false
}

// ClientFromResponse gives what the client sent, recovered from the id of an HTTP response: that has no per-item suffix to
// take off, a number at its end is the client's own. ours is false when the id is not one that vLLM gives to responses; it
// comes back as it is then.
func ClientFromResponse(response string) (client string, ours bool) {
	for _, e := range endpointPrefixes {
		if strings.HasPrefix(response, e.prefix) {
			if e.prefix == "resp_" { // made by vLLM, whatever the client sent
				return "", true
			}
			return strings.TrimPrefix(response, e.prefix), true
		}
	}
	return response, false
}

// ExternalCandidates lists the external ids that a request with this client id may have, for stores that can only be
// asked by exact value: first the id as given, then each generation endpoint's form, completions for the first items
// prompts.
func ExternalCandidates(client string, items int) []string {
	out := []string{client, "chatcmpl-" + client}
	for i := range items {
		out = append(out, "cmpl-"+client+"-"+strconv.Itoa(i))
	}
	return out
}

func trimChildPrefix(id string) string {
	i := 0
	for i < len(id) && id[i] >= '0' && id[i] <= '9' {
		i++
	}
	if i == 0 || i >= len(id)-1 || id[i] != '_' {
		return id
	}
	rest := id[i+1:]
	for _, e := range endpointPrefixes { // a client's own id may look like "3_x": only vLLM's words follow a child prefix
		if strings.HasPrefix(rest, e.prefix) {
			return rest
		}
	}
	return id
}

// trimNumber removes a last part of digits and the separator before it.
func trimNumber(id string, sep byte) string {
	i := len(id)
	for i > 0 && id[i-1] >= '0' && id[i-1] <= '9' {
		i--
	}
	if i == len(id) || i < 2 || id[i-1] != sep {
		return id
	}
	return id[:i-1]
}

// isEndpointPrefix reports whether s is one of vLLM's words and its dash: 8 hex digits right behind it are the base id, as
// the Rust front end makes it up, and no suffix.
func isEndpointPrefix(s string) bool { return s != "" && endpointPrefix(s) == s }

// endpointPrefix gives the one of vLLM's words that an id begins with; empty when it begins with none.
func endpointPrefix(id string) string {
	for _, e := range endpointPrefixes {
		if strings.HasPrefix(id, e.prefix) {
			return e.prefix
		}
	}
	return ""
}

func isLowerHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
