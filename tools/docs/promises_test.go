package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// promisePage says what the plugin promises, and which test holds each promise.
const promisePage = "docs/security.md"

// TestPromisesHaveTests makes sure that each promise of the table stands in the page by its own words, and that each test exists.
func TestPromisesHaveTests(t *testing.T) {
	root, pages := load(t)
	page, table, ok := strings.Cut(string(pages[promisePage].Source), "<!-- promises -->")
	require.True(t, ok)
	page = words(page)
	promises := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 2 || strings.TrimSpace(cells[0]) == "promise" {
			continue
		}
		promises++
		promise, test := words(cells[0]), strings.Trim(strings.TrimSpace(cells[1]), "`")
		require.Contains(t, page, promise, "no sentence of the page promises this")
		require.True(t, hasTest(t, root, test), "%s: there is no test %s", promise, test)
	}
	require.Greater(t, promises, 15)
}

// words are a text's, whatever lines and lists they are broken into.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// hasTest reports whether a test exists: its folder and its function, such as "pkg/fetch/upstream.TestX".
func hasTest(t *testing.T, root, name string) bool {
	t.Helper()
	at := strings.LastIndex(name, ".")
	require.Positive(t, at, name)
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(name[:at]), "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name[at+1:] {
				return true
			}
		}
	}
	return false
}
