package upstream

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

// maxMessage, in bytes, is as much of a store's own words as a panel shows; Loki and Prometheus put the position of a
// syntax error well before it.
const maxMessage = 1024

// longestSaid, in bytes, is as much of a store's own words as is read at all.
const longestSaid = maxErrorBody

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
			return clean(store, e, maxMessage)
		case map[string]any:
			if message, ok := e["message"].(string); ok {
				return clean(store, message, maxMessage)
			}
		}
		return clean(store, answer.Message, maxMessage)
	}
	return clean(store, text, maxMessage)
}

// urlSecrets finds the parts of URLs that may hold secrets: user info and everything from the question mark on.
var (
	urlUser  = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^\s/@"']+@`)
	urlQuery = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s?"'<>]*)\?[^\s"'<>]*`)
)

// Words makes a store's own remark fit to be shown beside its answer, as error messages are: all that is shown of what a store says
// about itself, its answers or our calls goes through here. At most `most` bytes are left of it.
func Words(ctx context.Context, store settings.Store, text string, most int) string {
	return clean(Asked(ctx, store), text, most)
}

// Asked is the store with the secrets that a call in this context carries besides the store's own: the user's identity.
func Asked(ctx context.Context, store settings.Store) settings.Store {
	if !store.ForwardIdentity {
		return store
	}
	var sent []settings.Secret
	for _, values := range Identity(ctx) {
		for _, value := range values {
			sent = append(sent, settings.Secret(value))
		}
	}
	return store.WithSent(sent...)
}

// clean makes a foreign text fit to be shown: without this store's secrets and URL, without queries and user info of other
// URLs, on one line of visible characters, at most so many bytes long.
func clean(store settings.Store, text string, most int) string {
	// A secret that ends beyond the cut would lose its end and be recognised no more: redact first, cut last. Bodies are
	// bounded by the caller.
	text = strings.ToValidUTF8(text, "")
	if len(text) >= longestSaid {
		text = store.RedactCut(strings.ToValidUTF8(text[:longestSaid], ""))
	} else {
		text = store.Redact(text)
	}
	text = withoutURLs(store, text)
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case settings.Invisible(r): // direction marks and the like
			return -1
		default:
			return r
		}
	}, text)
	text = withoutURLs(store, text) // what was hidden from the first look
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most-len("…")], "") + "…"
	}
	return text
}

// withoutURLs takes out what URLs may hold of secrets, and the store's own, since a path may hold a tenant's key, and only who may
// see the settings may see where they lead.
func withoutURLs(store settings.Store, text string) string {
	text = urlUser.ReplaceAllString(text, "$1")
	text = urlQuery.ReplaceAllString(text, "$1")
	if store.URL != "" {
		text = strings.ReplaceAll(text, store.URL, "its URL")
	}
	return text
}
