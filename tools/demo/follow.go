//go:build unix

package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

const (
	// followEvery is how late a line may be seen, and with that how wrong its
	// time: well below the 250 ms by which the join tells retries apart.
	followEvery = 100 * time.Millisecond
	// longestLine is what is kept of a line; Loki takes 256 kB.
	longestLine = 128 << 10
)

// follower hands over the lines that a program appends to a file, as `tail -F`
// shows them. The file may come later, be truncated, or be replaced.
type follower struct {
	path string
	emit func(line string)

	file   *os.File
	read   int64  // bytes of file
	line   []byte // without its end yet, at most longestLine
	buffer [64 << 10]byte
}

// follow polls until ctx ends. What a file holds already is left out when it
// is there at the start: nobody knows when that was written. report hears why
// the file cannot be read, and nil when it can.
func (f *follower) follow(ctx context.Context, report func(error)) {
	defer f.close()
	report(f.poll(io.SeekEnd))
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			report(f.poll(io.SeekStart))
		case <-ctx.Done():
			return
		}
	}
}

// poll reads what is new. A file that it opens is read from whence on.
func (f *follower) poll(whence int) error {
	named, missing := os.Stat(f.path) // before the read, or the end of a replaced file could be lost
	if f.file != nil {
		if err := f.readOn(); err != nil {
			return err
		}
		open, err := f.file.Stat()
		if err != nil || missing != nil || os.SameFile(open, named) {
			return err
		}
		f.close()
	}
	switch {
	case errors.Is(missing, fs.ErrNotExist):
		return fmt.Errorf("%s is not there yet", f.path)
	case missing != nil:
		return missing
	case !named.Mode().IsRegular(): // opening a pipe could block for ever
		return fmt.Errorf("%s is not a file", f.path)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	f.file = file
	if f.read, err = file.Seek(0, whence); err != nil {
		return err
	}
	return f.readOn()
}

// readOn hands over the lines up to the end of the file.
func (f *follower) readOn() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < f.read { // truncated: what comes now is new
		f.end()
		f.read = 0
	}
	for {
		n, err := f.file.ReadAt(f.buffer[:], f.read)
		f.read += int64(n)
		f.split(f.buffer[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *follower) split(data []byte) {
	for {
		if len(f.line) == 0 {
			// A file truncated under a program that does not append has a hole
			// at its beginning, which reads as NUL.
			data = bytes.TrimLeft(data, "\x00")
		}
		part, rest, ended := bytes.Cut(data, []byte{'\n'})
		f.line = append(f.line, part[:min(len(part), longestLine-len(f.line))]...)
		if !ended {
			return
		}
		f.end()
		data = rest
	}
}

// end hands over the line that is complete, or never will be.
func (f *follower) end() {
	if line := bytes.TrimRight(f.line, "\r"); len(line) > 0 {
		f.emit(strings.ToValidUTF8(string(line), "\uFFFD"))
	}
	f.line = f.line[:0]
}

func (f *follower) close() {
	if f.file != nil {
		f.end()
		_ = f.file.Close() // only read
		f.file, f.read = nil, 0
	}
}
