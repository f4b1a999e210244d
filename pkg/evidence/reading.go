package evidence

import (
	"fmt"
	"slices"
	"strings"
)

// The checks of how lines could be read.
const (
	CheckLinesUnread = "lines_unread"
	CheckLinesCut    = "lines_cut"
)

// LineReading counts how many lines of vLLM's could be read. Lines of other programs are not in it.
type LineReading struct {
	Read, Unread int
	// Cut are lines that a container runtime or a shipper cut into parts; Parts are the further parts, which are no lines of their
	// own, whatever a client's text makes them look like.
	Cut, Parts int
	Examples   []string // of lines that could not be read, fit to be shown
}

// maxExamples is how many lines that could not be read are shown.
const maxExamples = 2

// Add adds what another answer held.
func (l *LineReading) Add(o LineReading) {
	l.Read += o.Read
	l.Unread += o.Unread
	l.Cut += o.Cut
	l.Parts += o.Parts
	for _, example := range o.Examples {
		l.Show(example)
	}
}

// Show keeps a line that could not be read, if there is room; it is fit to be shown.
func (l *LineReading) Show(example string) {
	if len(l.Examples) < maxExamples && !slices.Contains(l.Examples, example) {
		l.Examples = append(l.Examples, example)
	}
}

// UnreadShare is the share of vLLM's lines that could not be read; NaN without lines.
func (l LineReading) UnreadShare() float64 {
	if l.Read+l.Unread == 0 {
		return NaN
	}
	return float64(l.Unread) / float64(l.Read+l.Unread)
}

// fewUnread is up to which share of lines that cannot be read is no matter: other programs quote vLLM too.
const fewUnread = 0.01

// Findings says what is odd about the lines.
func (l LineReading) Findings() (out []Finding) {
	if share := l.UnreadShare(); share >= fewUnread {
		quoted := make([]string, len(l.Examples))
		for i, example := range l.Examples {
			quoted[i] = "“" + example + "”"
		}
		found := fmt.Sprintf("%d of %d log lines of vLLM (%.3g %%) could not be read", l.Unread, l.Read+l.Unread, 100*share)
		if len(quoted) > 0 {
			found += ", such as " + strings.Join(quoted, " and ")
		}
		out = append(out, Finding{
			Check: CheckLinesUnread, Value: share, Found: found + ".",
			Fix: "Let the logging configuration or the shipper write the lines in one of the forms that docs/configure-vllm.md names.",
		})
	}
	if l.Cut > 0 {
		out = append(out, Finding{
			Check: CheckLinesCut, Value: float64(l.Cut),
			Found: fmt.Sprintf("%d log lines were cut into parts on their way; %d further parts were not taken for lines.", l.Cut, l.Parts),
			Fix:   "Let the shipper put the parts together again (the stages cri or docker of Promtail and Alloy, the container parser of the collector), or shorten logged answers with --max-log-len.",
		})
	}
	return out
}
