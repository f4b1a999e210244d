package vllm

import "strings"

// maxColours bounds how often colours are taken out: a coloured line in a record has its escapes escaped again by each layer.
const maxColours = 4

// escapes are the spellings of ESC that programs between the terminal and the store leave behind: rsyslog's octal, JSON's,
// Python's, a shell's.
// The last is what is left where a program dropped ESC itself.
var escapes = [...]string{"#033[", `\u001b[`, `\u001B[`, `\x1b[`, `\x1B[`, `\033[`, `\e[`, "^[[", "\ufffd[", "["}

// plainText takes the colours out of a text (ESC [ … letter). The text as it was is kept, for colours are a line's own only outside of
// what a client sent.
func (e *LogEvent) plainText(s string) string {
	plain := stripANSI(s)
	if len(plain) != len(s) && e.coloured == "" {
		e.coloured = s
	}
	return plain
}

// decolour takes colours out whose ESC is spelled otherwise, where a line's head has one.
func (e *LogEvent) decolour(s string) string {
	head := s[:min(len(s), 120)]
	if strings.IndexByte(head, '[') < 0 {
		return s
	}
	plain := s
	for _, escape := range escapes {
		if strings.Contains(head, escape) {
			plain = stripEscape(plain, escape)
		}
	}
	if len(plain) != len(s) && e.coloured == "" {
		e.coloured = s
	}
	return plain
}

// dropColouredID takes an id back that a colour within stood apart: it is no id, and without the colour might be another's.
func (e *LogEvent) dropColouredID() {
	at := strings.Index(e.Message, e.RequestID)
	if e.RequestID == "" || at < 0 {
		return
	}
	verb := strings.Index(e.coloured, e.Message[:at])
	if verb < 0 || !strings.HasPrefix(e.coloured[verb+at:], e.RequestID) {
		e.RequestID, e.External, e.IDForm, e.MoreIDs = "", "", IDUnknown, nil
	}
}

// stripANSI removes colour codes (ESC [ … letter). vLLM colours on a terminal, and before 0.12 always its process prefix.
func stripANSI(s string) string {
	if strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != 0x1b {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '[' {
			i += 2
			for i < len(s) && (s[i] < 0x40 || s[i] > 0x7e) { // up to the final byte of a control sequence
				i++
			}
		}
	}
	return b.String()
}

// stripEscape removes colours whose ESC is spelled so: numbers, semicolons and an m follow.
func stripEscape(s, escape string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, escape)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		end := len(after) - len(strings.TrimLeft(after, "0123456789;"))
		if end < len(after) && after[end] == 'm' && (end > 0 || escape != "[") {
			s = after[end+1:]
			continue
		}
		b.WriteString(escape)
		s = after
	}
}
