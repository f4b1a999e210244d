// Package alertstest says what a message must not hold, to tests of templates by their engine alone and by real servers.
package alertstest

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Hostile is what a client, an engine or a cluster may have for a label or a text.
var Hostile = []string{
	"<https://evil.example|Reset your password> <!channel>", "<!here> <@U024BE7LH> <#C024BE7LR|general> @channel @here @everyone",
	"& &amp; &lt;!channel&gt;", "*bold* _italic_ ~struck~ `code` ```block```", "> quoted", "https://evil.example/login",
	"<script>alert(1)</script><img src=x onerror=alert(1)>", `"quoted" 'quoted' \ %22 &from=0#fragment`, "{{ .ExternalURL }} {{ template \"vllm.text\" . }} {{",
	"a\r\nSubject: b\r\n\r\nc", "a\x00b\x1b[31mc\x07", "\u202egnp.exe\u202c \u2066x\u2069", "l\u200bl\u200da\ufeffm\u00ada\u3164\u2028\u2029", "\xff\xfe",
	"$1 ${1} $labels", "a: b: c\n- d", strings.Repeat("long ", 2000), "", " ",
}

// slackMarkup is what Slack takes for more than text: its own brackets, and marks of formatting around words.
var slackMarkup = regexp.MustCompile("[<>`*~]|(?:^|[^\\pL\\pN&])_|@(?:channel|here|everyone)")

// entity is one of Slack's three escapes; an ampersand elsewhere is none.
var entity = regexp.MustCompile(`&(?:amp|lt|gt);`)

// RequirePlain fails when a text has a link, an invisible character or something that ends a line, besides line ends.
func RequirePlain(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "://") {
		t.Fatalf("%q has a link", text)
	}
	for _, r := range text {
		if r != '\n' && r != utf8.RuneError && !unicode.IsGraphic(r) {
			t.Fatalf("%q holds %U", text, r)
		}
	}
}

// RequireSlack fails when Slack would take anything of a text for more than text.
func RequireSlack(t *testing.T, text string) {
	t.Helper()
	RequirePlain(t, text)
	if found := slackMarkup.FindString(text); found != "" {
		t.Fatalf("%q has %q", text, found)
	}
	if strings.Contains(entity.ReplaceAllString(text, ""), "&") {
		t.Fatalf("%q has an ampersand that is not escaped", text)
	}
}

// links are the lines of a message that hold a rule's own addresses.
var links = regexp.MustCompile(`(?m)^(Dashboard|Runbook|Requests, the slowest first): .*$`)

// WithoutLinks leaves out the addresses of rules.
func WithoutLinks(text string) string { return links.ReplaceAllString(text, "$1") }
