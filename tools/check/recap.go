//go:build unix

package check

import "unicode/utf8"

// A log that is cut, as CI's may be, still has its end: there a failed step says once more what went wrong.
const (
	recapLines = 40  // of a step, or of one failed Go test
	recapWidth = 300 // bytes of a line: a diff of two long values would push out everything else
)

// tail keeps the last lines that it is given.
type tail struct{ lines []string }

func (t *tail) keep(lines ...string) {
	for _, line := range lines {
		if len(line) > recapWidth {
			cut := recapWidth
			for !utf8.RuneStart(line[cut]) {
				cut--
			}
			line = line[:cut] + "…"
		}
		t.lines = append(t.lines, line)
	}
	if over := len(t.lines) - recapLines; over > 0 {
		t.lines = append(t.lines[:0:0], t.lines[over:]...)
	}
}
