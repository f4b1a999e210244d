//go:build unix

package demo

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Size is what a picture must fit into. Height 0 is as high as it gets.
type Size struct{ Width, Height int }

// leastRequests is how many request rows stay on the smallest screen.
const leastRequests = 5

// Draw writes a snapshot as lines of text. It reads no clock and asks nobody.
func Draw(s Snapshot, size Size, coloured bool) []string {
	ink := ink{coloured}
	head := drawHead(s, size.Width, ink)
	var tail []string
	tail = append(tail, section("MODELS", s.Models, size.Width, ink)...)
	tail = append(tail, drawTable(s.Models.Frame, modelColumns, size.Width, 12, ink)...)
	tail = append(tail, "")
	tail = append(tail, section("COVERAGE what the join saw of the window", s.Coverage, size.Width, ink)...)
	tail = append(tail, drawCoverage(s.Coverage.Frame, size.Width, ink)...)

	title := section("REQUESTS newest first; T L M: traces, logs, metrics know of it", s.Requests, size.Width, ink)
	rows := s.Requests.rows()
	if size.Height > 0 {
		// Two more lines: the table's heading and the gap below it.
		rows = min(rows, max(leastRequests, size.Height-len(head)-len(title)-len(tail)-2))
	}
	lines := append(head, title...)
	lines = append(lines, drawTable(s.Requests.Frame, requestColumns, size.Width, rows, ink)...)
	lines = append(lines, "")
	lines = append(lines, tail...)
	if size.Height > 0 && len(lines) > size.Height {
		lines = lines[:size.Height]
	}
	return lines
}

func drawHead(s Snapshot, width int, ink ink) []string {
	right := fmt.Sprintf("%s UTC, up %s, window %s to %s ago", s.Now.UTC().Format(time.TimeOnly), s.Up.Round(time.Second), short(s.Window), short(settle))
	title := "vLLM: one row per request, out of traces, logs and metrics"
	lines := []string{ink.bold(pad(title, max(width-len(right)-1, 0), true)) + " " + ink.faint(right)}
	for _, p := range s.Parts {
		state := ink.mood(pad(p.State, 9, true), p.Mood)
		lines = append(lines, pad(p.Name, 11, true)+" "+state+" "+cut(p.Detail, width-22))
	}
	lines = append(lines, drawHealth(s, width, ink)...)
	return append(lines, "")
}

// drawHealth writes what "Save & test" would say.
func drawHealth(s Snapshot, width int, ink ink) []string {
	if s.Health.Status == "" {
		return nil
	}
	mood := Bad
	if s.Health.Status == "OK" {
		mood = Good
	}
	state := ink.mood(pad(strings.ToLower(s.Health.Status), 9, true), mood)
	texts := splitLines(s.Health.Message)
	if s.Health.Details != s.Health.Message {
		texts = append(texts, splitLines(s.Health.Details)...)
	}
	if mood == Good {
		texts = wrap(texts, width-22) // nothing to act on: as few lines as it takes
	}
	const most = 6 // a health check can explain itself at length; the picture is about rows
	lines := []string{pad("health", 11, true) + " " + state}
	for i, text := range texts[:min(len(texts), most)] {
		if i == 0 {
			lines[0] += " " + cut(text, width-22)
		} else {
			lines = append(lines, strings.Repeat(" ", 22)+ink.faint(cut(text, width-22)))
		}
	}
	return lines
}

// wrap joins short texts into lines as long as fit.
func wrap(texts []string, width int) []string {
	var lines []string
	for _, text := range texts {
		if last := len(lines) - 1; last >= 0 && len(lines[last])+2+len(text) <= width {
			lines[last] += "; " + text
		} else {
			lines = append(lines, text)
		}
	}
	return lines
}

func splitLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = oneLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// section is a title with what there is to say about the whole answer.
func section(title string, a Answer, width int, ink ink) []string {
	word, rest, _ := strings.Cut(title, " ")
	right := ""
	if a.Took > 0 {
		right = fmt.Sprintf("rows %d, took %s", a.rows(), short(a.Took))
	}
	lines := []string{ink.bold(word) + " " + ink.faint(pad(rest, width-len(word)-len(right)-2, true)+" "+right)}
	if a.Err != "" {
		lines = append(lines, ink.mood("error: "+cut(oneLine(a.Err), width-7), Bad))
	}
	const most = 3
	for i, notice := range a.Notices {
		if i == most {
			lines = append(lines, ink.mood(fmt.Sprintf("and %d more notices", len(a.Notices)-most), Busy))
			break
		}
		lines = append(lines, ink.mood("note: "+cut(oneLine(notice), width-6), Busy))
	}
	return lines
}

// drawCoverage shows a report whose numbers are the plugin's to choose: a table
// of what differs between its rows, and below it what is the same in all.
func drawCoverage(frame *data.Frame, width int, ink ink) []string {
	if rowCount(frame) == 0 {
		return nil
	}
	const most = 12
	var lines []string
	shared, differing := frame.Fields, []*data.Field(nil)
	if frame.Rows() > 1 {
		shared, differing = split(frame)
		lines = drawTable(frame, asTheyCome(differing, min(frame.Rows(), most)), width, most, ink)
	}
	return append(lines, drawPairs(shared, width, ink)...)
}

// split separates the fields that have the same value in every row, which describe the whole window or all engines, from those
// that differ between rows. Texts that are empty in every row are left out: an engine without a cluster has nothing to show.
func split(frame *data.Frame) (shared, differing []*data.Field) {
	for _, field := range frame.Fields {
		first := byUnit(field, 0)
		same := true
		for row := range frame.Rows() {
			same = same && byUnit(field, row) == first
		}
		switch {
		case !same:
			differing = append(differing, field)
		case first != "" || field.Type().Numeric():
			shared = append(shared, field)
		}
	}
	return shared, differing
}

// drawPairs writes the first value of each field behind its name.
func drawPairs(fields []*data.Field, width int, ink ink) []string {
	if len(fields) == 0 {
		return nil
	}
	var lines []string
	line, length := "", 0
	for _, field := range fields {
		value := byUnit(field, 0)
		if value == "" {
			value = notKnown
		}
		name := printable(field.Name)
		plain := name + " " + value
		if length > 0 && length+3+len(plain) > width {
			lines, line, length = append(lines, line), "", 0
		}
		if length > 0 {
			line, length = line+"   ", length+3
		}
		line, length = line+ink.faint(name)+" "+value, length+len(plain)
	}
	return append(lines, line)
}

// asTheyCome makes columns of all fields, as wide as their widest value.
func asTheyCome(fields []*data.Field, rows int) []column {
	const widest = 34
	var columns []column
	for _, field := range fields {
		c := column{title: field.Name, width: len([]rune(field.Name)), fields: []string{field.Name}, format: byUnit}
		c.left = !field.Type().Numeric()
		for row := range rows {
			c.width = max(c.width, min(widest, len([]rune(byUnit(field, row)))))
		}
		columns = append(columns, c)
	}
	return columns
}

func oneLine(text string) string { return printable(strings.Join(strings.Fields(text), " ")) }

// printable takes the power out of text that came through a store: a client
// chooses its own request id, and an escape sequence in it would be obeyed.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// short writes a duration without what does not matter at its size.
func short(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
