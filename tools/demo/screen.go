//go:build unix

package demo

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/term"
)

// Screen shows pictures one after another.
type Screen interface {
	// Size to draw for, asked anew for each picture: terminals are resized.
	Size() Size
	Coloured() bool
	Show(lines []string) error
	Close() error
}

// defaultWidth is what the tables are made for, and what logs get.
const defaultWidth = 120

// NewScreen draws in place on a terminal, and appends to anything else.
func NewScreen(out *os.File) Screen {
	if term.IsTerminal(int(out.Fd())) {
		return &terminal{out: out}
	}
	return appended{out}
}

// terminal redraws on the alternate screen, so that what was there before the
// demo is there again after it.
type terminal struct {
	out  *os.File
	open bool
	last []string
}

func (t *terminal) Size() Size {
	width, height, err := term.GetSize(int(t.out.Fd()))
	if err != nil || width < 40 { // some terminals say 0
		return Size{Width: defaultWidth, Height: 40}
	}
	return Size{width, height}
}

func (t *terminal) Coloured() bool { return os.Getenv("NO_COLOR") == "" }

const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // alternate screen, cursor hidden
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	restOfLine  = "\x1b[K"
	restBelow   = "\x1b[J"
)

// Show overwrites in place: clearing first would flicker.
func (t *terminal) Show(lines []string) error {
	w := bufio.NewWriter(t.out)
	if !t.open {
		t.open = true
		write(w, enterScreen)
	}
	t.last = lines
	write(w, home)
	for i, line := range lines {
		write(w, line, restOfLine)
		if i < len(lines)-1 { // a newline on the last line would scroll
			write(w, "\r\n")
		}
	}
	write(w, restBelow)
	return w.Flush()
}

func (t *terminal) Close() error {
	if !t.open {
		return nil
	}
	t.open = false
	w := bufio.NewWriter(t.out)
	write(w, leaveScreen)
	for _, line := range t.last { // what was seen last stays to be read and copied
		write(w, line, "\n")
	}
	return w.Flush()
}

// appended is pictures one below the other, for files and pipes.
type appended struct{ out io.Writer }

func (appended) Size() Size     { return Size{Width: defaultWidth} }
func (appended) Coloured() bool { return false }

func (a appended) Show(lines []string) error {
	w := bufio.NewWriter(a.out)
	for _, line := range lines {
		write(w, line, "\n")
	}
	write(w, "\n")
	return w.Flush()
}

func (appended) Close() error { return nil }

// write leaves the error to Flush, where bufio repeats it.
func write(w *bufio.Writer, texts ...string) {
	for _, text := range texts {
		_, _ = w.WriteString(text)
	}
}
