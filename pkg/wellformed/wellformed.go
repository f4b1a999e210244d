// Package wellformed says whether a text is one: valid UTF-8 without NUL. Go's JSON decoder replaces what is not by U+FFFD without
// a word, so that another text would be asked than was written; stores differ in what they make of NUL. Every way into the plugin
// asks here first. It is pure.
package wellformed

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The ways in which a text is none, as the end of a sentence.
var (
	ErrUTF8      = errors.New("it is not valid UTF-8")
	ErrNUL       = errors.New("it holds a NUL character (U+0000)")
	ErrSurrogate = errors.New("it holds half of a surrogate pair (such as \\ud800), which is no character")
)

// Text checks a decoded text.
func Text(s string) error {
	switch {
	case !utf8.ValidString(s):
		return ErrUTF8
	case strings.IndexByte(s, 0) >= 0:
		return ErrNUL
	}
	return nil
}

// JSON checks all texts of a JSON document, before it is decoded. Whether it is JSON at all, its decoder has to say.
func JSON(raw []byte) error {
	if err := Text(string(raw)); err != nil {
		return err
	}
	for at := 0; ; {
		next := bytes.IndexByte(raw[at:], '\\')
		if next < 0 || at+next+1 >= len(raw) {
			return nil
		}
		at += next
		if raw[at+1] != 'u' {
			at += 2 // an escaped backslash begins no escape
			continue
		}
		unit, ok := unitAt(raw, at)
		switch {
		case !ok: // no JSON
			return nil
		case unit == 0:
			return ErrNUL
		case utf16.IsSurrogate(unit):
			low, ok := unitAt(raw, at+6)
			if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
				return ErrSurrogate
			}
			at += 6
		}
		at += 6
	}
}

// unitAt reads one escape of JSON, a backslash, u and four hex digits. ok is false for anything else.
func unitAt(raw []byte, at int) (rune, bool) {
	if len(raw) < at+6 || raw[at] != '\\' || raw[at+1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(raw[at+2:at+6]), 16, 16)
	return rune(unit), err == nil
}
