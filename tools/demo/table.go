//go:build unix

package demo

import (
	"strings"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// column is one column of a drawn table. Its width is fixed, so that rows do
// not dance while they refresh.
type column struct {
	title string
	width int
	// fields are candidates by name; the first that the frame has is shown.
	fields []string
	format format
	left   bool // text; numbers are aligned right
}

// format writes a field's value at a row; "" is shown as a dot: not known.
type format func(field *data.Field, row int) string

const notKnown = "·"

// drawTable writes the frame's rows under the columns that fit into width. A
// column whose field the frame does not have keeps its place: the picture
// shows what is missing.
func drawTable(frame *data.Frame, columns []column, width, maxRows int, ink ink) []string {
	columns = fitting(columns, width)
	titles := make([]string, len(columns))
	fields := make([]*data.Field, len(columns))
	for i, c := range columns {
		titles[i] = pad(printable(c.title), c.width, c.left)
		fields[i] = firstField(frame, c.fields)
	}
	lines := []string{ink.faint(strings.TrimRight(strings.Join(titles, " "), " "))}
	for row := range min(rowCount(frame), maxRows) {
		cells := make([]string, len(columns))
		for i, c := range columns {
			text := ""
			if fields[i] != nil {
				text = c.format(fields[i], row)
			}
			if text == "" {
				text = notKnown
			}
			cells[i] = pad(printable(text), c.width, c.left)
		}
		lines = append(lines, ink.row(strings.TrimRight(strings.Join(cells, " "), " "), valueOf(frame, "status", row)))
	}
	return lines
}

func fitting(columns []column, width int) []column {
	used := -1 // one space between columns, none before the first
	for i, c := range columns {
		if used += c.width + 1; used > width {
			return columns[:i]
		}
	}
	return columns
}

func rowCount(frame *data.Frame) int {
	if frame == nil {
		return 0
	}
	return frame.Rows()
}

func firstField(frame *data.Frame, names []string) *data.Field {
	if frame == nil {
		return nil
	}
	for _, name := range names {
		for _, field := range frame.Fields {
			if field.Name == name {
				return field
			}
		}
	}
	return nil
}

// valueOf is a text field's value, "" for everything else.
func valueOf(frame *data.Frame, name string, row int) string {
	field := firstField(frame, []string{name})
	if field == nil {
		return ""
	}
	return text(field, row)
}

// pad cuts or fills text to a width in characters.
func pad(text string, width int, left bool) string {
	length := utf8.RuneCountInString(text)
	if length > width {
		return cut(text, width)
	}
	if left {
		return text + strings.Repeat(" ", width-length)
	}
	return strings.Repeat(" ", width-length) + text
}

// cut keeps the beginning of a text that is too long, and says that it did.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return string(runes[:width-1]) + "…"
}
