package upstream

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
)

func TestTheStoresOwnWordsAreFound(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"in Prometheus' JSON":         {`{"status":"error","errorType":"bad_data","error":"parse error"}`, "parse error"},
		"in a gateway's JSON":         {`{"message":"no such tenant"}`, "no such tenant"},
		"in a nested error":           {`{"error":{"code":7,"message":"denied"}}`, "denied"},
		"in plain text":               {"too many outstanding requests\n", "too many outstanding requests"},
		"in no HTML page":             {"<!doctype html><html><body>Sign in</body></html>", "an HTML page, so the URL may lead to a proxy or a login page"},
		"in no empty body":            {"", ""},
		"in no JSON that has none":    {`{"ok":false}`, ""},
		"in cut-off JSON as it is":    {`{"error":"parse`, `{"error":"parse`},
		"on one line":                 {"line 1\r\n\tline 2", "line 1 line 2"},
		"without terminal sequences":  {"\x1b[31mred\x1b[0m", "[31mred [0m"},
		"without invisible direction": {"abc\u202etxt.exe", "abctxt.exe"},
		"without broken UTF-8":        {"a\xffb", "ab"},
		"without the query of a URL":  {`Get "http://loki:3100/api?query=x&token=hunter2": EOF`, `Get "http://loki:3100/api": EOF`},
		"without the user of a URL":   {"dial https://user:hunter2@loki/x", "dial https://loki/x"},
		"without the store's URL":     {"no route at http://10.0.0.7/key-of-team/api", "no route at its URL/api"},
		"without our own secret":      {`{"error":"token hunter2 is expired"}`, "token [redacted] is expired"},
		"without it when escaped":     {`{"error":"token \u0068unter2 is expired"}`, "token [redacted] is expired"},
		"but with a question mark":    {"really? yes", "really? yes"},
		"cut where it gets long":      {strings.Repeat("é", 2000), strings.Repeat("é", 510) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, storeMessage(settings.Store{URL: "http://10.0.0.7/key-of-team", BearerToken: "hunter2"}, []byte(c.body)))
		})
	}
}

// A secret across the cut must not survive as its first half.
func TestASecretAtTheCutIsTakenOutWhole(t *testing.T) {
	body := strings.Repeat("x", maxMessage-4) + "hunter2"
	require.NotContains(t, storeMessage(settings.Store{Password: "hunter2"}, []byte(body)), "hun")
}

func FuzzMessagesAreFitToBeShown(f *testing.F) {
	f.Add(`{"error":"token hunter2"}`)
	f.Add("http://a:hunter2@b/?hunter2\x00\u202e")
	f.Add("hunhunter2ter2")
	f.Fuzz(func(t *testing.T, body string) {
		got := storeMessage(settings.Store{Password: "hunter2"}, []byte(body))
		require.LessOrEqual(t, len(got), maxMessage)
		require.True(t, utf8.ValidString(got))
		require.False(t, strings.ContainsFunc(got, unicode.IsControl), got)
	})
}
