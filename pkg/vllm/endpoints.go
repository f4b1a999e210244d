package vllm

import (
	"strconv"
	"strings"
)

// endpoint says how one of vLLM's endpoints spells its ids: prefix, what the client sent (the base), and what it adds for
// each prompt, item or turn that becomes a request of its own in the engine.
type endpoint struct {
	prefix string
	// every is what stands before the number that each engine request of this endpoint has; 0 for none.
	every byte
	// several are what may stand before a number, when one HTTP request became several in the engine. Alone, such a number
	// may as well be the end of what the client sent.
	several string
	// made says that the base is vLLM's own: the endpoint does not look at X-Request-Id.
	made bool
}

// endpoints were read from vLLM 0.10.2 to 0.33 (serving code of each endpoint). Longest first where one is the beginning of
// another.
var endpoints = []endpoint{
	{prefix: "chatcmpl-", several: "_"}, // also /v1/messages; _<i> for each conversation of /v1/chat/completions/batch
	{prefix: "cmpl-", every: '-'},
	{prefix: "resp_", every: '_', made: true}, // _<i> for each turn with a built-in tool
	{prefix: "embd-", every: '-'},
	{prefix: "classify-", every: '-'},
	{prefix: "score-", every: '-'},
	{prefix: "rerank-", every: '-'},  // up to 0.17; then score-
	{prefix: "pool-", every: '-'},    // up to 0.17
	{prefix: "pooling-", every: '-'}, // since 0.18
	{prefix: "generative-scoring-", every: '-'},
	{prefix: "decision-", every: '-'},
	{prefix: "generate-tokens-"},
	{prefix: "transcribe-", several: "-_"}, // a number for each piece of long audio: "_" up to 0.17, "-" since
	{prefix: "translate-", several: "-_"},
	{prefix: "tokenize-"},
	{prefix: "tokn-"},           // tokenize, up to 0.14
	{prefix: "rt-", made: true}, // a websocket's
}

// endpointOf finds the endpoint whose word an id begins with; nil when it begins with none.
func endpointOf(id string) *endpoint {
	for i := range endpoints {
		if strings.HasPrefix(id, endpoints[i].prefix) {
			return &endpoints[i]
		}
	}
	return nil
}

// endpointPrefix gives the one of vLLM's words that an id begins with; empty when it begins with none.
func endpointPrefix(id string) string {
	if e := endpointOf(id); e != nil {
		return e.prefix
	}
	return ""
}

// isEndpointPrefix reports whether s is one of vLLM's words and its dash: 8 hex digits right behind it are the base id, as
// the Rust front end makes it up, and no suffix.
func isEndpointPrefix(s string) bool { return s != "" && endpointPrefix(s) == s }

// ReachesEngine is false for the requests that the API server answers by itself: tokenize and detokenize are logged as
// received, and no engine ever hears of them.
func ReachesEngine(external string) bool {
	return !strings.HasPrefix(external, "tokenize-") && !strings.HasPrefix(external, "tokn-")
}

// BeamResponseID gives the id of the HTTP response that a beam belongs to: for each beam of each step of a beam search, the
// engine works on a request of its own, `cmpl-B-<16 hex>-beam-<k>`. ok is false when the id is not one of these.
func BeamResponseID(external string) (response string, ok bool) {
	response, _, ok = CutBeam(external)
	return response, ok
}

// CutBeam gives also which step of the search a beam belongs to: the hex digits that the beams of one step share.
func CutBeam(external string) (response, step string, ok bool) {
	beam := trimNumber(external, '-')
	if beam == external || !strings.HasSuffix(beam, "-beam") {
		return "", "", false
	}
	beam = strings.TrimSuffix(beam, "-beam")
	for _, digits := range []int{16, 32} { // 32 up to 0.11
		if n := len(beam) - digits - 1; n > 0 && beam[n] == '-' && isLowerHex(beam[n+1:]) {
			return beam[:n], beam[n+1:], true
		}
	}
	return "", "", false
}

// BeamSearchID gives the id under which a whole beam search is known, from the id of its Received line: completions number
// their prompts there, and the beams do not.
func BeamSearchID(external string) string {
	if strings.HasPrefix(external, "cmpl-") {
		return ResponseID(external)
	}
	return external
}

// ResponseID gives the id of the HTTP response that an external id belongs to: `cmpl-B-0` → `cmpl-B`. Only what an endpoint
// adds to each of its ids is taken off: `chatcmpl-user_42` is what a client called its request. SeveralOf has the other
// reading. Never the other way round: a client's own id may end in a number too, so the response id `cmpl-req-1-0` may stand
// for the engine's `cmpl-req-1-0-0`.
func ResponseID(external string) string {
	if response, ok := BeamResponseID(external); ok {
		return response
	}
	e := endpointOf(external)
	if e == nil || e.every == 0 {
		return external
	}
	if e.prefix == "embd-" {
		if response, ok := cutChunk(external); ok {
			return response
		}
	}
	return trimNumber(external, e.every)
}

// cutChunk takes off what /v1/embeddings writes instead of a number for the pieces of a long text: "-prompt-<i>-chunk-<j>".
func cutChunk(external string) (response string, ok bool) {
	id := trimNumber(external, '-')
	chunk, ok := strings.CutSuffix(id, "-chunk")
	if !ok || id == external {
		return "", false
	}
	id = trimNumber(chunk, '-')
	response, ok = strings.CutSuffix(id, "-prompt")
	return response, ok && id != chunk
}

// SeveralOf gives the HTTP response that an id belongs to should it be one of several that an endpoint made of one request,
// and its number: `chatcmpl-B_1` is conversation 1 of the batch `chatcmpl-B`, or what a client called `B_1`. ok is false
// where there is only one reading.
func SeveralOf(external string) (response string, number int, ok bool) {
	e := endpointOf(external)
	if e == nil || e.several == "" {
		return "", 0, false
	}
	for _, sep := range []byte(e.several) {
		if response = trimNumber(external, sep); response != external && len(response) > len(e.prefix) {
			digits := external[len(response)+1:]
			n, err := strconv.Atoi(digits)
			return response, n, err == nil && strconv.Itoa(n) == digits
		}
	}
	return "", 0, false
}

// SharedResponseID is what the prompts, conversations, pieces and beams of one HTTP request have in common, of an external or internal
// id of the engine's. Requests of clients that number theirs have it in common as well.
func SharedResponseID(id string) string {
	id = ExternalFromChild(id)
	if response, _, ok := SeveralOf(id); ok {
		return response
	}
	return ResponseID(id)
}

// FamilyOf is what all ids have in common whose lines and calls are settled together: those of one HTTP request, and those of
// all requests that a client calls the same, at whatever endpoint. A call that lost its engine's span knows no more.
func FamilyOf(id string) string {
	response := SharedResponseID(id)
	if client, ok := ClientFromResponse(response); ok && client != "" {
		return client
	}
	return response
}

// ClientRequestID gives what the client sent as X-Request-Id, recovered from an external id. ok is false when the id
// carries none of vLLM's endpoint prefixes (a gateway's raw id is returned as it is, without claim) or when the endpoint
// ignores the header (`resp_…`). vLLM makes the base up when the header is missing, so a recovered id may be vLLM's own.
func ClientRequestID(external string) (client string, ok bool) {
	e := endpointOf(external)
	if e == nil {
		return external, false
	}
	if e.made {
		return "", false
	}
	return ClientFromResponse(ResponseID(external))
}

// WithoutClient reports whether nothing in an id is the client's: its endpoint makes up its ids (`resp_…`), or vLLM was sent none.
func WithoutClient(external string) bool {
	e := endpointOf(external)
	if e == nil {
		return false
	}
	return e.made || MadeUp(strings.TrimPrefix(ResponseID(external), e.prefix))
}

// ClientFromResponse gives what the client sent, recovered from the id of an HTTP response: that has no per-item suffix to
// take off, a number at its end is the client's own. ours is false when the id is not one that vLLM gives to responses; it
// comes back as it is then.
func ClientFromResponse(response string) (client string, ours bool) {
	e := endpointOf(response)
	switch {
	case e == nil:
		return response, false
	case e.made: // whatever the client sent
		return "", true
	}
	client = SentText(strings.TrimPrefix(response, e.prefix))
	return client, client != ""
}

// Unrepeatable reports whether an id holds so many digits in a row that no two requests have it by chance, as uuids and what
// vLLM makes up do. What a client counts or names itself may come again.
func Unrepeatable(id string) bool {
	digits := 0
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case isDigit(c), c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			if digits++; digits == 16 {
				return true
			}
		case c == '-':
		default:
			digits = 0
		}
	}
	return false
}

// MadeUp reports whether a base id looks like one that vLLM makes up when the client sends none: 16 hex digits, 32 up to
// 0.11, 8 from the Rust front end.
func MadeUp(client string) bool {
	return (len(client) == 8 || len(client) == 16 || len(client) == 32) && isLowerHex(client)
}

// trimNumber removes a last part of digits and the separator before it.
func trimNumber(id string, sep byte) string {
	i := len(id)
	for i > 0 && isDigit(id[i-1]) {
		i--
	}
	if i == len(id) || i < 2 || id[i-1] != sep {
		return id
	}
	return id[:i-1]
}

// Audio reports whether an id is one of those of transcription and translation.
func Audio(id string) bool {
	return strings.HasPrefix(id, "transcribe-") || strings.HasPrefix(id, "translate-")
}

// Numbers reports whether the endpoint of an id numbers each of its requests, so that the id of its response is never that
// of a request.
func Numbers(id string) bool {
	e := endpointOf(id)
	return e != nil && e.every != 0
}
