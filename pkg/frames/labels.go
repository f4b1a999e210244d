package frames

import (
	"fmt"
	"hash/fnv"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

const (
	// MaxLabel is how long the value of a label is at most, in characters: names of models and pods are shorter, and a message has a title.
	MaxLabel = 200
	// MaxInstances is how many instances one query of an alert rule has at most: each is stored, evaluated and told by itself. More
	// than anybody can read, and than a fleet of 500 engines needs.
	MaxInstances = 1000
)

// Labelled cleans the values of all labels, and the names of series, of frames that are about to leave: one line of visible
// characters, no longer than MaxLabel. Engines and stores name models and places, and a text with line breaks, invisible characters or
// marks that turn the direction of writing would reach titles of messages.
func Labelled(fs data.Frames) data.Frames {
	for _, frame := range fs {
		for _, field := range frame.Fields {
			field.Labels = cleanLabels(field.Labels)
			if c := field.Config; c != nil && field.Labels != nil {
				if name := cleanText(c.DisplayNameFromDS, MaxLabel); name != c.DisplayNameFromDS {
					named := *c
					named.DisplayNameFromDS = name
					field.Config = &named
				}
			}
		}
	}
	return fs
}

// Instances counts the instances that an alert rule makes of frames: the fields with values. The error says that they are too many.
func Instances(fs data.Frames) error {
	n := 0
	for _, frame := range fs {
		for _, field := range frame.Fields {
			if field.Type().Numeric() {
				n++
			}
		}
	}
	if n > MaxInstances {
		return fmt.Errorf("%d instances are more than the %d that one query of an alert rule may have: group by less, or narrow the scope; none was left out of the answer, there is no answer", n, MaxInstances)
	}
	return nil
}

// cleanLabels leaves labels that need no cleaning as they are, and never changes the given ones: answers share them.
func cleanLabels(labels data.Labels) data.Labels {
	out, copied := labels, false
	for name, value := range labels {
		cleaned := cleanLabel(value)
		if cleaned == value {
			continue
		}
		if !copied {
			out, copied = maps.Clone(labels), true
		}
		out[name] = cleaned
	}
	return out
}

// cleanLabel marks a text that it changed with a few digits made of the whole of it: two that read the same stay two, and one is the
// same from one evaluation of a rule to the next.
func cleanLabel(text string) string {
	cleaned := cleanText(text, MaxLabel)
	if cleaned == text {
		return text
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	return strings.TrimSpace(cleanText(text, MaxLabel-len(" #00000000")) + fmt.Sprintf(" #%08x", h.Sum32()))
}

// cleanText is a text on one line of visible characters, at most so many; what it drops from within is not marked, a cut is.
func cleanText(text string, most int) string {
	if plain(text) && len(text) <= most {
		return text
	}
	marks := 0
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			marks = 0
			return ' '
		case !unicode.IsGraphic(r), unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector), r == '\u2800':
			return -1 // direction marks, joiners, fillers: invisible all of them
		case unicode.IsMark(r):
			if marks++; marks > maxMarks {
				return -1
			}
			return r
		}
		marks = 0
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// maxMarks is how many combining marks one letter has at most: more grow over the lines above and below.
const maxMarks = 3

// plain reports whether a text is of visible ASCII characters and single spaces within.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(text)-1 || text[i+1] == ' ') {
			return false
		}
	}
	return true
}
