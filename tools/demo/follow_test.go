//go:build unix

package demo

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// followed is a follower whose polls the test makes, and what it handed over.
type followed struct {
	*testing.T
	follower
	lines []string
}

func newFollowed(t *testing.T) *followed {
	f := &followed{T: t}
	f.follower = follower{path: filepath.Join(t.TempDir(), "vllm.log"), emit: func(line string) { f.lines = append(f.lines, line) }}
	t.Cleanup(f.close)
	return f
}

// open opens the log as `>` (without flags) or `>>` (os.O_APPEND) would.
func (f *followed) open(flags int) *os.File {
	f.Helper()
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
	require.NoError(f, err)
	f.Cleanup(func() { _ = file.Close() })
	return file
}

// wrote lets the program write, and polls.
func (f *followed) wrote(file *os.File, text string) []string {
	f.Helper()
	_, err := file.WriteString(text)
	require.NoError(f, err)
	return f.seen()
}

// seen polls and gives what is new.
func (f *followed) seen() []string {
	f.Helper()
	f.lines = nil
	require.NoError(f, f.poll(io.SeekStart))
	return f.lines
}

func TestLinesAreHandedOverOnceTheyEnd(t *testing.T) {
	f := newFollowed(t)
	require.ErrorContains(t, f.poll(io.SeekEnd), "not there yet")
	log := f.open(0)
	require.Equal(t, []string{"one"}, f.wrote(log, "one\ntw"))
	require.Empty(t, f.seen())
	require.Equal(t, []string{"two", "three"}, f.wrote(log, "o\r\n\nthree\r\nfo"), "the CR of a traceback and empty lines go")
	require.Equal(t, []string{"four \uFFFD"}, f.wrote(log, "ur \xff\n"), "Loki takes valid text only")
}

func TestWhatAFileHeldBeforeIsLeftOut(t *testing.T) {
	f := newFollowed(t)
	log := f.open(os.O_APPEND)
	_, err := log.WriteString("of yesterday\n")
	require.NoError(t, err)
	require.NoError(t, f.poll(io.SeekEnd))
	require.Equal(t, []string{"of today"}, f.wrote(log, "of today\n"))
}

func TestALongLineIsCut(t *testing.T) {
	f := newFollowed(t)
	lines := f.wrote(f.open(0), strings.Repeat("x", 3*longestLine)+"\nnext\n")
	require.Len(t, lines, 2)
	require.Len(t, lines[0], longestLine)
	require.Equal(t, "next", lines[1])
}

func TestATruncatedFileIsReadFromItsBeginning(t *testing.T) {
	for name, flags := range map[string]int{"by a program that appends": os.O_APPEND, "by one that leaves a hole": 0} {
		t.Run(name, func(t *testing.T) {
			f := newFollowed(t)
			log := f.open(flags)
			require.Equal(t, []string{strings.Repeat("before", 100_000)[:longestLine]}, f.wrote(log, strings.Repeat("before", 100_000)+"\nunended"))
			require.NoError(t, os.Truncate(f.path, 0))
			require.Equal(t, []string{"unended"}, f.seen())
			require.Equal(t, []string{"after"}, f.wrote(log, "after\n"))
		})
	}
}

func TestAReplacedFileIsReadToItsEndFirst(t *testing.T) {
	f := newFollowed(t)
	old := f.open(0)
	require.Equal(t, []string{"one"}, f.wrote(old, "one\n"))
	require.NoError(t, os.Rename(f.path, f.path+".1"))
	require.Equal(t, []string{"two"}, f.wrote(old, "two\n"), "the program writes on into a file without its name")
	replacement := f.open(0)
	_, err := old.WriteString("three\n")
	require.NoError(t, err)
	require.Equal(t, []string{"three", "four"}, f.wrote(replacement, "four\n"))
}

func TestWhatIsNoFileIsSaid(t *testing.T) {
	f := newFollowed(t)
	f.path = filepath.Dir(f.path)
	require.ErrorContains(t, f.poll(io.SeekEnd), "is not a file")
}
