package world

import (
	"fmt"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// clientsSend is a fleet whose clients send such ids; n counts from 1.
func clientsSend(id func(n int) string) func(*simulator.Config) {
	return func(c *simulator.Config) {
		n := 0
		c.Calls = then(c, func(call *traffic.Call) {
			n++
			call.RequestID = id(n)
		})
	}
}

func init() {
	for name, w := range map[string]struct {
		doc string
		id  func(n int) string
	}{
		"underscore": {"a word, an underscore and a number, as user_42", func(n int) string { return fmt.Sprintf("user_%d", n) }},
		"dash":       {"a word, a dash and a number, as req-42", func(n int) string { return fmt.Sprintf("req-%d", n) }},
		"joined":     {"a job and its part, as job7_1", func(n int) string { return fmt.Sprintf("job%d_%d", n/4, n%4) }},
		"hex":        {"a word and eight hexadecimal digits, as vLLM's own suffix is", func(n int) string { return fmt.Sprintf("job-%08x", uint32(n)*2654435761) }}, // #nosec G115 -- counts from one
		"digits":     {"a bare number", func(n int) string { return fmt.Sprint(100000 + n) }},
		"blanks":     {"words with blanks", func(n int) string { return fmt.Sprintf("order %d of today", n) }},
		"quotes":     {"text with quotes of each kind", func(n int) string { return fmt.Sprintf(`the "best" of '%d'`+"`s", n) }},
		"commas":     {"lists with commas", func(n int) string { return fmt.Sprintf("a,b, c%d,", n) }},
		"pipes":      {"text with pipes, braces and backslashes", func(n int) string { return fmt.Sprintf(`a|b|{x=%d}\d`, n) }},
		"unicode":    {"names with letters beyond ASCII", func(n int) string { return fmt.Sprintf("Müller-東京-%d-é", n) }},
		"guid":       {"a proxy's GUID, a colon and the caller's id", func(n int) string { return fmt.Sprintf("%08x-1c2d-4e5f-8a9b-%012x:abc-%d", n, n*7, n) }},
		"colons":     {"a path with colons and slashes", func(n int) string { return fmt.Sprintf("tenant/a:job:%d: part", n) }},
	} {
		Add(World{Name: "ids_" + name, Doc: "Clients send X-Request-Id: " + w.doc + ".", Config: clientsSend(w.id)})
	}
	Add(
		World{Name: "ids_reused", Doc: "One client in eight sends the id of the call before it, within five seconds.",
			Marked: 0.2, Undecidable: []Undecidable{}, Config: func(c *simulator.Config) {
				c.Calls = then(c, reuse(func(n int, _ *traffic.Call) bool { return n%8 == 0 }))
			}},
		World{Name: "ids_reused_after_refusal", Doc: "A client whose call was refused (400, 404) corrects and sends the call again within five seconds, with the same id.",
			Marked: 0.2, Config: func(c *simulator.Config) {
				n := 0
				c.Calls = then(c, func(call *traffic.Call) {
					if n++; n%12 == 0 {
						call.Rejection = &traffic.Rejection{Status: 400, Reason: "Bad Request", Message: "This model's maximum context length is 8192 tokens."}
						call.Retries = 0
					}
				})
				c.Calls = then(c, reuse(func(_ int, before *traffic.Call) bool { return before.Rejection != nil }))
			}},
	)
}

// reuse gives a call the id, the endpoint and the model of the one before it where that is wanted and less than five seconds ago.
func reuse(wanted func(n int, before *traffic.Call) bool) func(*traffic.Call) {
	var before *traffic.Call
	n := 0
	return func(call *traffic.Call) {
		n++
		if before != nil && before.RequestID != "" && call.At-before.At < 5*time.Second && wanted(n, before) && before.Endpoint == call.Endpoint {
			call.RequestID = before.RequestID
		}
		before = call
	}
}
