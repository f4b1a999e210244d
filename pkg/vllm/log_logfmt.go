package vllm

import "strings"

// logfmtFields gives each field of a line of key=value pairs, values in double quotes or bare; ok is false when the line is not
// made of such pairs. A value that is cut off takes the rest.
func logfmtFields(s string, field func(name string, v value)) (ok bool) {
	n := 0
	for s != "" {
		i := 0
		for i < len(s) && (isNameByte(s[i]) || s[i] == '/' || s[i] == '@') {
			i++
		}
		if i == 0 {
			return false
		}
		name := strings.ToLower(s[:i])
		if s = s[i:]; !strings.HasPrefix(s, "=") {
			if n == 0 || s != "" && s[0] != ' ' { // a word alone is a field without value, but never the first
				return false
			}
			s = strings.TrimLeft(s, " ")
			continue
		}
		s = s[1:]
		n++
		var v value
		if strings.HasPrefix(s, `"`) {
			end := stringEnd(s, 0)
			v = value{kind: 's', raw: s[1:end], cut: end == len(s)}
			s = s[min(end+1, len(s)):]
			if s != "" && s[0] != ' ' && s[0] != ',' {
				return false
			}
		} else {
			end := strings.IndexByte(s, ' ')
			if end < 0 {
				end = len(s)
			}
			v = value{kind: 's', raw: s[:end]}
			s = s[end:]
		}
		field(name, v)
		s = strings.TrimLeft(s, " ,\t")
	}
	return n > 0
}

// isLogfmt reports whether a line begins as logfmt does.
func isLogfmt(s string) bool {
	i := 0
	for i < len(s) && i < 40 && (isNameByte(s[i]) || s[i] == '@' || s[i] == '/') {
		i++
	}
	return i > 0 && i < len(s)-1 && s[i] == '=' && s[i+1] != ' '
}
