package vllm

import (
	"math"
	"strconv"
	"strings"
)

// Python writes objects into log lines by repr(): Name(key=value, …), lists, dicts, strings in either quote with
// backslashes. A scan over them must step over strings as wholes, since they hold what a client sent.

// skipLiteral steps over one Python value at the beginning of s and gives the rest, which begins with the comma or bracket
// that ended the value. A value that is cut off takes all.
func skipLiteral(s string) string { return s[literalEnd(s):] }

func literalEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			i = stringEnd(s, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// stringEnd gives the index of the quote that closes the string beginning at s[open]; len(s) when it is cut off.
func stringEnd(s string, open int) int {
	quote := s[open]
	for i := open + 1; ; i++ {
		next := strings.IndexByte(s[i:], quote)
		if next < 0 {
			return len(s)
		}
		// Only a quote with an even number of backslashes before it ends the string.
		end, slashes := i+next, 0
		for end-1-slashes > open && s[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end
		}
		i = end
	}
}

// scanFields reads "key=value, key=value)" and gives each pair to field until that returns false; it returns what follows
// the closing parenthesis, or the unread rest.
func scanFields(s string, field func(key, value string) bool) string {
	for {
		equals := strings.IndexByte(s, '=')
		if equals < 0 {
			return ""
		}
		key := strings.TrimLeft(s[:equals], " ")
		if closing := strings.IndexByte(key, ')'); closing >= 0 { // no further key: the object ended
			return s[strings.IndexByte(s, ')')+1:]
		}
		s = s[equals+1:]
		end := valueEnd(s)
		if !field(key, s[:end]) {
			return s[end:]
		}
		if end >= len(s) {
			return ""
		}
		if s[end] == ')' {
			return s[end+1:]
		}
		s = s[end+1:]
	}
}

// valueEnd is literalEnd with the short way for numbers, None, True and False.
func valueEnd(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ',' || c == ')':
			return i
		case c == '\'' || c == '"' || c == '(' || c == '[' || c == '{':
			return literalEnd(s)
		}
	}
	return len(s)
}

// unquote gives the text of a simple string literal; escapes stay as they are, names do not have them.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return ""
}

// parseFloat reads a finite number; anything else, None included, is not known.
func parseFloat(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// parseCount reads a number of things; anything else is -1, not known.
func parseCount(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}
