//go:build unix

package attack

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

// attack is one row of the list. It has run, or test where its test must lie elsewhere.
type attack struct {
	name  string             // unique
	tried string             // what the attacker does, in a sentence
	holds string             // what must hold
	run   func(t *testing.T) // fails when the attack succeeds
	test  string             // folder below the root and function, such as "pkg/fetch/upstream.TestRedirects"
}

// result is how an attack ended.
type result struct {
	kind string
	attack
	outcome string
	figures []string
	took    time.Duration
}

// list is what was tried in this run, in order.
var list struct {
	sync.Mutex
	results []*result
	by      map[string]*result // by the name of the test that runs
}

// try runs the attacks of one kind and notes their outcomes.
func try(t *testing.T, kind string, attacks ...attack) {
	t.Helper()
	require.True(t, strings.HasPrefix(t.Name(), "TestAttack"), "the check runs what is named TestAttack…")
	for _, a := range attacks {
		require.NotEmpty(t, a.tried, a.name)
		require.NotEmpty(t, a.holds, a.name)
		require.NotEqual(t, a.run == nil, a.test == "", "%s: either run or test", a.name)
		r := &result{kind: kind, attack: a, outcome: "BROKE"}
		list.Lock()
		require.False(t, slices.ContainsFunc(list.results, func(r *result) bool { return r.name == a.name }), "%s: twice", a.name)
		list.results = append(list.results, r)
		list.Unlock()
		t.Run(a.name, func(t *testing.T) {
			list.Lock()
			list.by[t.Name()] = r
			list.Unlock()
			begun := time.Now()
			t.Cleanup(func() {
				r.took = time.Since(begun)
				switch {
				case t.Failed():
				case t.Skipped():
					r.outcome = "not tried"
				case a.test != "":
					r.outcome = "held by " + a.test
				default:
					r.outcome = "held"
				}
			})
			if a.test != "" {
				requireTest(t, a.test)
				return
			}
			a.run(t)
		})
	}
}

// figure adds what was measured to the attack's row.
func figure(t *testing.T, format string, values ...any) {
	t.Helper()
	list.Lock()
	defer list.Unlock()
	for name := t.Name(); name != ""; name = name[:max(strings.LastIndex(name, "/"), 0)] {
		if r := list.by[name]; r != nil {
			r.figures = append(r.figures, fmt.Sprintf(format, values...))
			return
		}
	}
	t.Fatal("figure is for what try runs")
}

// requireTest makes sure that a test of another package exists: "folder.Function".
func requireTest(t *testing.T, name string) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	at := strings.LastIndex(name, ".")
	require.Positive(t, at, "%s is not folder.Function", name)
	folder, function := name[:at], name[at+1:]
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == function {
				return
			}
		}
	}
	t.Fatalf("there is no test %s in %s", function, folder)
}

func TestMain(m *testing.M) {
	flag.Parse()
	list.by = map[string]*result{}
	code := m.Run()
	if removed != nil {
		removed()
	}
	fmt.Print(table(list.results))
	os.Exit(code)
}

// table is the list as text: a line per attack and its outcome, under a heading per kind.
func table(results []*result) string {
	var b strings.Builder
	kind, held := "", 0
	for _, r := range results {
		if r.kind != kind {
			kind = r.kind
			fmt.Fprintf(&b, "attacks: %s\n", kind)
		}
		fmt.Fprintf(&b, "attacks:   %-62s %s", r.name, r.outcome)
		if len(r.figures) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(r.figures, ", "))
		}
		b.WriteString("\n")
		if strings.HasPrefix(r.outcome, "held") {
			held++
		}
	}
	if len(results) > 0 {
		fmt.Fprintf(&b, "attacks: %d of %d held\n", held, len(results))
	}
	return b.String()
}
