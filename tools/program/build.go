//go:build unix

package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
)

// Build is one program on its way into the cache. Prepare and then Compile:
// apart, because downloads may overlap with another program's compilation,
// and compilations should not overlap, lest every store comes up last.
type Build struct {
	program Program
	cache   Cache
	report  func(Progress)
	now     Progress
	total   int // packages in all, also those that the build cache has
}

// NewBuild begins a build; report is called from one goroutine at a time.
func NewBuild(p Program, cache Cache, report func(Progress)) *Build {
	return &Build{program: p, cache: cache, report: report}
}

// Prepare downloads what the program needs and counts what is to be compiled.
func (b *Build) Prepare(ctx context.Context) error {
	b.now = Progress{Phase: Downloading}
	b.report(b.now)
	if err := b.count(ctx); err != nil {
		return err
	}
	b.now.Phase = Waiting
	b.now.Remaining = b.remaining()
	b.report(b.now)
	return nil
}

// count finds how many packages are to be compiled, downloading on the way
// what it must read for that.
func (b *Build) count(ctx context.Context) error {
	var packages bytes.Buffer
	// Stale asks the build cache, so the count is what really remains to do.
	err := b.goCommand(ctx, &packages, func(line string) {
		if strings.HasPrefix(line, "go: downloading ") {
			b.now.Modules++
			b.report(b.now)
		}
	}, "list", "-deps", "-f", "{{.Stale}}")
	if err != nil {
		return err
	}
	b.total, b.now.PackagesTotal = 0, 0
	for line := range strings.Lines(packages.String()) {
		b.total++
		if strings.TrimSpace(line) == "true" {
			b.now.PackagesTotal++
		}
	}
	return nil
}

// Compile builds the program into the cache, unless another process does or
// did so meanwhile.
func (b *Build) Compile(ctx context.Context) (Binary, error) {
	path, err := b.cache.Path(b.program)
	if err != nil {
		return Binary{}, err
	}
	if err := os.MkdirAll(b.cache.Dir, 0o755); err != nil {
		return Binary{}, err
	}
	unlock, err := Lock(ctx, path+".lock")
	if err != nil {
		return Binary{}, err
	}
	defer unlock()
	if found, ok := b.cache.Find(b.program); ok {
		return found, nil
	}
	// Built beside its place and then renamed: whoever looks sees all or nothing.
	unfinished := path + ".unfinished"
	defer func() { _ = os.Remove(unfinished) }() // gone already when all went well
	if err := b.compile(ctx, unfinished); err != nil {
		return Binary{}, err
	}
	return Binary{Path: path}, os.Rename(unfinished, path)
}

func (b *Build) compile(ctx context.Context, output string) error {
	// Again: the build before this one has compiled much of what they share.
	if err := b.count(ctx); err != nil {
		return err
	}
	begin := time.Now()
	b.now.Phase = Compiling
	lines := make(chan string)
	ended := make(chan error, 1)
	go func() {
		defer close(lines)
		// -v names each package when its compilation begins.
		ended <- b.goCommand(ctx, nil, func(line string) { lines <- line }, "build", "-v", "-o", output)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				return <-ended
			}
			if !strings.HasPrefix(line, "go: ") {
				b.now.Packages++
			}
		case <-tick.C:
		}
		b.now.Elapsed = time.Since(begin)
		b.now.Remaining = b.remaining()
		b.report(b.now)
	}
}

func (b *Build) remaining() time.Duration {
	stale := float64(b.now.PackagesTotal) / float64(max(b.total, 1))
	return estimate(b.program.CPU, b.now.Packages, b.now.PackagesTotal, b.now.Elapsed, stale)
}

// goCommand runs go on the program's package within its own module.
func (b *Build) goCommand(ctx context.Context, stdout *bytes.Buffer, line func(string), verb string, args ...string) error {
	tail := &lineWriter{each: line}
	args = append(append([]string{verb, "-ldflags", linkFlags, "-tags", b.program.Tags}, args...), b.program.Package)
	spec := child.Spec{Path: "go", Args: args, Dir: filepath.Join(b.cache.Modules, b.program.folder()), Stderr: tail}
	// Built as pinned, whatever workspace or flags the user has for other work.
	spec.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if stdout != nil {
		spec.Stdout = stdout
	}
	err := child.Run(ctx, spec)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go %s %s: %w: %s", verb, b.program.Package, err, strings.Join(tail.last, "; "))
	}
	return nil
}

// lineWriter hands on whole lines and remembers the last few for an error.
type lineWriter struct {
	each    func(string)
	partial []byte
	last    []string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.partial = append(w.partial, p...)
	for {
		line, rest, found := bytes.Cut(w.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.partial = rest
		w.last = append(w.last, string(line))
		if len(w.last) > 5 {
			w.last = w.last[1:]
		}
		w.each(string(line))
	}
}
