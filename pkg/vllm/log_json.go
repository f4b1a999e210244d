package vllm

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// value is one JSON value, unread: most fields of a record are never looked at.
type value struct {
	kind byte   // s string, o object, a array, n number or word
	raw  string // of a string what stands between its quotes, else the value with its brackets
	cut  bool   // the document ended within
}

// text is a string without its escapes, or a number or word as it is written.
func (v value) text() string {
	switch v.kind {
	case 's':
		return unescape(v.raw)
	case 'n':
		return v.raw
	}
	return ""
}

// number reads a whole number, also one that is written as a string; 0 for all else.
func (v value) number() int {
	n, err := strconv.Atoi(v.text())
	if err != nil {
		return 0
	}
	return n
}

// members gives each member of the object at the beginning of s, its name in lower case. It reports whether s is an object and
// nothing else, also one that is cut off: then the last value is what there is of it.
func members(s string, member func(name string, v value)) bool {
	i := skipSpace(s, 1)
	if s == "" || s[0] != '{' || i < len(s) && s[i] != '"' && s[i] != '}' {
		return false
	}
	for i < len(s) && s[i] != '}' {
		if s[i] != '"' {
			return false
		}
		end := stringEnd(s, i)
		if end == len(s) {
			return true
		}
		name := strings.ToLower(unescape(s[i+1 : end]))
		if i = skipSpace(s, end+1); i == len(s) {
			return true
		}
		if s[i] != ':' {
			return false
		}
		v, next, ok := valueAt(s, skipSpace(s, i+1))
		if !ok {
			return false
		}
		member(name, v)
		if i = skipSpace(s, next); i == len(s) {
			return true
		}
		if s[i] == ',' {
			i = skipSpace(s, i+1)
		} else if s[i] != '}' {
			return false
		}
	}
	return i >= len(s) || skipSpace(s, i+1) == len(s)
}

// elements gives each element of the array at the beginning of s.
func elements(s string, element func(value)) {
	for i := skipSpace(s, 1); i < len(s) && s[i] != ']'; {
		v, next, ok := valueAt(s, i)
		if !ok {
			return
		}
		element(v)
		if i = skipSpace(s, next); i < len(s) && s[i] == ',' {
			i = skipSpace(s, i+1)
		}
	}
}

// valueAt reads the value that begins at s[i], and gives where it ends.
func valueAt(s string, i int) (v value, next int, ok bool) {
	if i >= len(s) {
		return value{kind: 'n', cut: true}, len(s), true
	}
	switch s[i] {
	case '"':
		end := stringEnd(s, i)
		return value{kind: 's', raw: s[i+1 : end], cut: end == len(s)}, min(end+1, len(s)), true
	case '{', '[':
		kind := byte('o')
		if s[i] == '[' {
			kind = 'a'
		}
		end := bracketEnd(s, i)
		return value{kind: kind, raw: s[i:end], cut: end == len(s)}, end, true
	}
	end := i
	for end < len(s) && s[end] != ',' && s[end] != '}' && s[end] != ']' && s[end] > ' ' {
		if s[end] == '"' || s[end] == '\'' || s[end] == '{' || s[end] == ':' {
			return value{}, 0, false
		}
		end++
	}
	return value{kind: 'n', raw: s[i:end], cut: end == len(s)}, end, end > i
}

// bracketEnd is where the object or array that begins at s[open] ends, behind its bracket.
func bracketEnd(s string, open int) int {
	depth := 0
	for i := open; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = stringEnd(s, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return min(i, len(s))
}

// unescape takes the escapes of JSON out. What is none stays as it is written.
func unescape(s string) string {
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for at >= 0 {
		b.WriteString(s[:at])
		s = s[at:]
		n := 2
		switch {
		case len(s) < 2:
			n = 1 // cut off within an escape
		case s[1] == 'u':
			r, size := unicodeEscape(s)
			if n = size; r >= 0 {
				b.WriteRune(r)
			} else {
				b.WriteString(s[:n])
			}
		default:
			if c := strings.IndexByte(`nrtbf`, s[1]); c >= 0 {
				b.WriteByte("\n\r\t\b\f"[c])
			} else if strings.IndexByte(`"\/'`, s[1]) >= 0 {
				b.WriteByte(s[1])
			} else {
				b.WriteString(s[:2])
			}
		}
		s = s[n:]
		at = strings.IndexByte(s, '\\')
	}
	b.WriteString(s)
	return b.String()
}

// unicodeEscape reads one escape of JSON, a backslash, u and four hex digits, or two of them that are one rune; r is -1 for what is neither.
func unicodeEscape(s string) (r rune, size int) {
	hex := func(s string) rune {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return -1
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		if err != nil {
			return -1
		}
		return rune(n)
	}
	if r = hex(s); r < 0 {
		return -1, min(2, len(s))
	}
	if utf16.IsSurrogate(r) {
		if low := hex(s[6:]); low >= 0 {
			if whole := utf16.DecodeRune(r, low); whole != utf8.RuneError {
				return whole, 12
			}
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

// bytesOf is the text of an array of numbers, each a byte; empty for any other array.
func bytesOf(v value) string {
	var b strings.Builder
	whole := true
	elements(v.raw, func(element value) {
		n := element.number()
		if element.kind != 'n' || n < 0 || n > 255 {
			whole = false
			return
		}
		b.WriteByte(byte(n))
	})
	if !whole {
		return ""
	}
	return b.String()
}
