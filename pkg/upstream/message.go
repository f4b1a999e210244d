package upstream

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// maxMessage, in bytes, is as much of a store's own words as a panel shows; Loki and Prometheus put the position of a
// syntax error well before it.
const maxMessage = 1024

// storeMessage finds the store's own words in the body of an error answer: the "error" or "message" of a JSON object, else
// plain text. An HTML page is some proxy's and says nothing in a panel.
func storeMessage(store settings.Store, body []byte) string {
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "<") {
		return "an HTML page, so the URL may lead to a proxy or a login page"
	}
	var answer struct {
		Error   any    `json:"error"` // Prometheus and Loki: text; gateways: an object with a message
		Message string `json:"message"`
	}
	if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &answer) == nil {
		switch e := answer.Error.(type) {
		case string:
			return clean(store, e)
		case map[string]any:
			if message, ok := e["message"].(string); ok {
				return clean(store, message)
			}
		}
		return clean(store, answer.Message)
	}
	return clean(store, text)
}

// urlSecrets finds the parts of URLs that may hold secrets: user info and everything from the question mark on.
var (
	urlUser  = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^\s/@"']+@`)
	urlQuery = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s?"'<>]*)\?[^\s"'<>]*`)
)

// Words makes a store's own remark fit to be shown beside its answer, as error messages are.
func Words(store settings.Store, text string) string { return clean(store, text) }

// clean makes a foreign text fit to be shown: without this store's secrets and URL, without queries and user info of other
// URLs, on one line of graphic characters, at most maxMessage bytes long.
func clean(store settings.Store, text string) string {
	// A secret that ends beyond the cut would lose its end and be recognised no more: redact first, cut last. Bodies are
	// bounded by the caller.
	text = store.Redact(strings.ToValidUTF8(text, ""))
	text = urlUser.ReplaceAllString(text, "$1")
	text = urlQuery.ReplaceAllString(text, "$1")
	if store.URL != "" { // a path may hold a tenant's key, and only who may see the settings may see where they lead
		text = strings.ReplaceAll(text, store.URL, "its URL")
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case !unicode.IsGraphic(r): // direction marks and other invisible characters
			return -1
		default:
			return r
		}
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage-len("…")], "") + "…"
	}
	return text
}
