//go:build unix

// Package fuzz runs the fuzz tests of the plugin beyond their seeds: every one that the sources have, each for some seconds.
package fuzz

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
)

// Target is one fuzz test.
type Target struct {
	Folder   string // below the root, such as "pkg/query"
	Function string // such as "FuzzParse"
}

// Targets finds the fuzz tests below pkg/, in the order of their files.
func Targets(root string) (targets []Target, err error) {
	err = filepath.WalkDir(filepath.Join(root, "pkg"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				targets = append(targets, Target{filepath.ToSlash(folder), f.Name.Name})
			}
		}
		return err
	})
	return targets, err
}

// Run fuzzes the targets, each for a time, and says for each how many inputs it was given. It goes on after a failure, so that one run
// tells all; what failed is kept by Go below the package's testdata/fuzz, where every later run of the tests finds it.
func Run(ctx context.Context, root string, targets []Target, each time.Duration, out io.Writer) error {
	failed := 0
	for _, t := range targets {
		var said strings.Builder
		err := child.Run(ctx, child.Spec{
			Path: "go", Dir: root, Env: os.Environ(), Stdout: &said, Stderr: &said,
			Args: []string{"test", "-vet=off", "-run", "^$", "-fuzz", "^" + t.Function + "$", "-fuzztime", each.String(), "./" + t.Folder},
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			failed++
			fmt.Fprintf(out, "FAILED %s.%s\n%s\n", t.Folder, t.Function, said.String())
		default:
			fmt.Fprintf(out, "%-12s %-34s %s\n", strings.TrimPrefix(t.Folder, "pkg/"), t.Function, lastCount(said.String()))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d fuzz tests failed", failed, len(targets))
	}
	return nil
}

// lastCount is what Go last said of its progress, without the time.
func lastCount(said string) string {
	last := ""
	for line := range strings.Lines(said) {
		if _, counts, ok := strings.Cut(line, "execs: "); ok {
			last = strings.TrimSpace(counts) + " inputs"
			if n, _, ok := strings.Cut(counts, " "); ok {
				last = n + " inputs"
			}
		}
	}
	return last
}
