package settings

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// quoted are the forms in which somebody may quote a secret.
var quoted = map[string]func(string) string{
	"as it is":               func(s string) string { return s },
	"in upper case":          strings.ToUpper,
	"in lower case":          strings.ToLower,
	"base64":                 func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, not padded":     func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64 for URLs":        func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"that, not padded":       func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"base64 with user (u:)":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte("u:" + s)) },
	"base64 with user (us:)": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("us:" + s)) },
	"base64 with user (usr:), URL alphabet": func(s string) string {
		return base64.RawURLEncoding.EncodeToString([]byte("usr:" + s))
	},
	"base64 within an object":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte(`{"key":` + asJSON(s) + `}`)) },
	"base64 in lower case":         func(s string) string { return strings.ToLower(base64.StdEncoding.EncodeToString([]byte("user:" + s))) },
	"base64 in lines":              func(s string) string { return wrapped(base64.StdEncoding.EncodeToString([]byte("user:"+s)), 5) },
	"base64 in a URL":              func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("user:" + s))) },
	"base64 of upper case":         func(s string) string { return base64.StdEncoding.EncodeToString([]byte(strings.ToUpper(s))) },
	"for a URL's query":            url.QueryEscape,
	"for a URL's path":             url.PathEscape,
	"every byte for a URL":         func(s string) string { return eachByte(s, "%%%02x") },
	"that, in upper case":          func(s string) string { return eachByte(s, "%%%02X") },
	"twice for a URL":              func(s string) string { return url.QueryEscape(eachByte(s, "%%%02x")) },
	"as JSON":                      asJSON,
	"every character as JSON":      func(s string) string { return eachUnit(s, `\u%04x`) },
	"that, in upper case ":         func(s string) string { return eachUnit(s, `\u%04X`) },
	"JSON within JSON":             func(s string) string { return asJSON(eachUnit(s, `\u%04x`)) },
	"as a Go string":               func(s string) string { return fmt.Sprintf("%q", s) },
	"as a Go string in ASCII":      func(s string) string { return fmt.Sprintf("%+q", s) },
	"every byte as in Go":          func(s string) string { return eachByte(s, `\x%02x`) },
	"every byte in octal":          func(s string) string { return eachByte(s, `\%03o`) },
	"as bytes in Go":               func(s string) string { return fmt.Sprint([]byte(s)) },
	"as bytes in JSON":             func(s string) string { return strings.ReplaceAll(fmt.Sprint([]byte(s)), " ", ", ") },
	"as in JavaScript":             func(s string) string { return eachRune(s, `\u{%x}`) },
	"as HTML":                      html.EscapeString,
	"every character as HTML":      func(s string) string { return eachRune(s, "&#%d;") },
	"that, in hex":                 func(s string) string { return eachRune(s, "&#x%X;") },
	"that, without semicolons":     func(s string) string { return eachRune(s, "&#x%x") + " " },
	"HTML within a URL":            func(s string) string { return url.QueryEscape(eachRune(s, "&#%d;")) },
	"hex":                          func(s string) string { return hex.EncodeToString([]byte(s)) },
	"hex in upper case":            func(s string) string { return fmt.Sprintf("%X", s) },
	"hex with spaces":              func(s string) string { return fmt.Sprintf("% x", s) },
	"hex with colons":              func(s string) string { return strings.ReplaceAll(fmt.Sprintf("% x", s), " ", ":") },
	"hex as in C":                  func(s string) string { return fmt.Sprintf("% #x", s) },
	"hex as in Go":                 func(s string) string { return fmt.Sprintf("%#v", []byte(s)) },
	"with spaces of no width":      func(s string) string { return between(s, "\u200b") },
	"with marks of direction":      func(s string) string { return between(s, "\u202e") },
	"with soft hyphens":            func(s string) string { return between(s, "\u00ad") },
	"with NUL":                     func(s string) string { return between(s, "\x00") },
	"with selectors":               func(s string) string { return between(s, "\ufe0f") },
	"with escaped ones":            func(s string) string { return between(s, `\u200b`) },
	"spaced out":                   func(s string) string { return between(s, " ") },
	"on several lines":             func(s string) string { return wrapped(s, 3) },
	"invisible within the escapes": func(s string) string { return between(eachUnit(s, `\u%04x`), "\u2060") },
}

func asJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func eachByte(s, format string) (out string) {
	for i := range len(s) {
		out += fmt.Sprintf(format, s[i])
	}
	return out
}

func eachRune(s, format string) (out string) {
	for _, r := range s {
		out += fmt.Sprintf(format, r)
	}
	return out
}

func eachUnit(s, format string) (out string) {
	for _, unit := range utf16.Encode([]rune(s)) {
		out += fmt.Sprintf(format, unit)
	}
	return out
}

func between(s, what string) string {
	var out strings.Builder
	for _, r := range s {
		out.WriteRune(r)
		out.WriteString(what)
	}
	return out.String()
}

func wrapped(s string, width int) (out string) {
	for i, r := range []rune(s) {
		if i > 0 && i%width == 0 {
			out += "\r\n"
		}
		out += string(r)
	}
	return out
}

func TestASecretIsFoundInWhateverForm(t *testing.T) {
	for name, secret := range map[string]string{
		"a password":               "hunter2",
		"four letters":             "s3cr",
		"a token":                  "glsa_Zx9/Qw+Er7==.aB-c_D",
		"one with quotes":          `pa"ss'wo\rd<&>`,
		"one with spaces":          "correct horse battery",
		"one like an escape":       "ab%41cd&#65;e",
		"one that begins like one": `n\u0041bcdef`,
		"one of other letters":     "pässwörd-密码",
	} {
		for form, quote := range quoted {
			t.Run(name+" "+form, func(t *testing.T) {
				if form == "with escaped ones" && strings.Contains(secret, `\`) {
					t.Skip("a backslash before an escape is an escape itself")
				}
				text := "it said (" + quote(secret) + ") and no more"
				got := Store{Password: Secret(secret)}.Redact(text)
				require.Contains(t, got, redacted, text)
				require.NotContains(t, got, quote(secret))
				require.True(t, strings.HasPrefix(got, "it said ("), got)
				require.True(t, strings.HasSuffix(got, "and no more"), got)
				if form == "base64 in lines" {
					return // its first line may be the user's alone
				}
				rest := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(got, redacted, ""), "it said ("), ") and no more"), "\"'[]{}()&;,0xbyte \\\r\n")
				require.Less(t, len(rest), 8, "nothing is left of it: %q", got)
			})
		}
	}
}

func TestEverySecretOfAStoreIsTakenOut(t *testing.T) {
	for name, c := range map[string]struct {
		store      Store
		text, want string
	}{
		"the credential of a header":      {Store{Headers: []Header{{"X-Key", "Token k-12345"}}}, "no k-12345", "no [redacted]"},
		"the value of a cookie":           {Store{Headers: []Header{{"Cookie", "session=abcdefgh; theme=dark"}}}, "no abcdefgh here", "no [redacted] here"},
		"what the user's call carries":    {Store{}.WithSent("Bearer eyJhbGciOi", ""), "no eyjhbgcioi", "no [redacted]"},
		"user and password of basic auth": {Store{Auth: AuthBasic, BasicAuthUser: "u", Password: "pw"}, "Basic dTpwdw== is bad", "Basic [redacted] is bad"},
		"no text without secrets":         {Store{}, "quite harmless", "quite harmless"},
		"no words that are not secret":    {Store{Password: "hunter2"}, "hunters hunt", "hunters hunt"},
		"one secret within another":       {Store{Password: "pass", BearerToken: "passport"}, "PASSPORT", "[redacted]"},
		"each of several":                 {Store{Password: "pass", BearerToken: "token"}, "pass, token", "[redacted], [redacted]"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.store.Redact(c.text)) })
	}
}

// A text that was cut may end within a secret.
func TestTheBeginningOfASecretAtACutIsTakenOut(t *testing.T) {
	store := Store{Password: "hunter2-and-more"}
	require.Equal(t, "bad [redacted]", store.RedactCut("bad hunter2-an"))
	require.Equal(t, "bad [redacted]", store.RedactCut("bad "+base64.StdEncoding.EncodeToString([]byte("u:hunter2-and-more"))[:15]))
	require.Equal(t, "bad hunter2-an", store.Redact("bad hunter2-an"), "only where it was cut: else a word would tell how the secret begins")
}

func FuzzNoSecretIsLeft(f *testing.F) {
	f.Add("hunter2", "a ", " b", uint8(0))
	f.Add("pa\"ss&#65;", "%", "\\", uint8(9))
	f.Fuzz(func(t *testing.T, secret, before, after string, form uint8) {
		if len(secret) < 2*leastSecret || strings.TrimSpace(secret) != secret || !utf8.ValidString(secret+before+after) || len(viewOf(secret).comparable().b) < 2*leastSecret {
			t.Skip()
		}
		encode := []func(string) string{
			func(s string) string { return s }, strings.ToUpper, url.QueryEscape, asJSON, html.EscapeString,
			func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, func(s string) string { return fmt.Sprintf("%x", s) },
		}
		written := encode[int(form)%len(encode)](secret)
		got := Store{Password: Secret(secret)}.Redact(before + written + after)
		require.Contains(t, got, redacted)
		require.True(t, utf8.ValidString(got))
	})
}

func BenchmarkRedact(b *testing.B) {
	store := Store{Auth: AuthBasic, BasicAuthUser: "grafana", Password: "a-password-of-some-length", BearerToken: Secret(strings.Repeat("token", 100)), Headers: []Header{{"X-Key", "key-of-a-tenant"}}}
	for name, text := range map[string]string{
		"a sentence":        "no: parse error at char 12",
		"64 KiB":            strings.Repeat("some words of a proxy that says too much ", 1600),
		"64 KiB of escapes": strings.Repeat("%25%2525&amp;\\u0041", 3600),
		"64 KiB of base64":  strings.Repeat(base64.StdEncoding.EncodeToString([]byte("u:a-password-of-some-length")), 1600),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				store.Redact(text)
			}
		})
	}
}
