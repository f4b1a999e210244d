package wellformed

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONHoldsTextsOnly(t *testing.T) {
	for raw, want := range map[string]error{
		`{"a": "plain"}`:                     nil,
		`{"a": "密码 \u5bc6 \ud83d\ude00 \n"}`: nil,
		`{"a": "\\u0000 is written out"}`:    nil,
		`{"a": "\\\\ud800"}`:                 nil,
		"":                                   nil,
		`{"a": "\u0000"}`:                    ErrNUL,
		`{"a\u0000": 1}`:                     ErrNUL,
		`{"a": "\\\u0000"}`:                  ErrNUL,
		"{\"a\": \"\x00\"}":                  ErrNUL,
		"{\"a\": \"\xff\"}":                  ErrUTF8,
		"{\"a\": \"\xed\xa0\x80\"}":          ErrUTF8,
		"{\"a\": \"\xc0\x80\"}":              ErrUTF8,
		`{"a": "\ud800"}`:                    ErrSurrogate,
		`{"a": "\udc00\ud800"}`:              ErrSurrogate,
		`{"a": "\ud800\u0041"}`:              ErrSurrogate,
		`{"a": "\ud83d`:                      ErrSurrogate,
		`{"a": "\u12`:                        nil, // the decoder says so
	} {
		require.Equal(t, want, JSON([]byte(raw)), raw)
	}
}

// What passes is what was written: decoding puts no U+FFFD in.
func FuzzWhatPassesIsDecodedAsItWasWritten(f *testing.F) {
	f.Add(`"\ud83d\ude00"`)
	f.Add(`"\ud800"`)
	f.Add("\"\xff\"")
	f.Fuzz(func(t *testing.T, raw string) {
		var text string
		if JSON([]byte(raw)) != nil || strings.Contains(raw, "\ufffd") || strings.Contains(strings.ToLower(raw), `\ufffd`) || json.Unmarshal([]byte(raw), &text) != nil {
			return
		}
		require.NoError(t, Text(text))
		require.NotContains(t, text, "\ufffd")
	})
}
