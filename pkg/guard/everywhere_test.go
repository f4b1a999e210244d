package guard

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// starters run what they are given in a goroutine of its own, by the name of the method or function.
var starters = map[string]bool{"Go": true, "TryGo": true, "AfterFunc": true, "DoChan": true}

// unguarded lists what a file does that only this package may: recover, and start goroutines that do not begin with
// `defer guard.Recover(…)`.
func unguarded(files *token.FileSet, file *ast.File) (found []string) {
	say := func(n ast.Node, what string) { found = append(found, files.Position(n.Pos()).String()+": "+what) }
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if !guardedCall(n.Call.Fun) {
				say(n, "starts a goroutine without guard.Recover")
			}
		case *ast.CallExpr:
			switch f := n.Fun.(type) {
			case *ast.Ident:
				if f.Name == "recover" {
					say(n, "recovers")
				}
			case *ast.SelectorExpr:
				if starters[f.Sel.Name] && (len(n.Args) == 0 || !guardedCall(n.Args[len(n.Args)-1])) {
					say(n, f.Sel.Name+" starts a goroutine without guard.Recover")
				}
			}
		}
		return true
	})
	return found
}

// guardedCall reports whether a function begins with `defer guard.Recover(…)`. Only a literal shows that.
func guardedCall(function ast.Expr) bool {
	literal, ok := function.(*ast.FuncLit)
	if !ok || len(literal.Body.List) == 0 {
		return false
	}
	first, ok := literal.Body.List[0].(*ast.DeferStmt)
	if !ok {
		return false
	}
	called, ok := first.Call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := called.X.(*ast.Ident)
	return ok && of.Name == "guard" && called.Sel.Name == "Recover"
}

func TestNoGoroutineStartsUnguarded(t *testing.T) {
	files, seen := token.NewFileSet(), 0
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Dir(path) == filepath.Join("..", "guard") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err == nil {
			seen++
			for _, mistake := range unguarded(files, file) {
				t.Error(mistake)
			}
		}
		return err
	}))
	require.Greater(t, seen, 100, "this is not the plugin's code")
}

func TestWhatIsUnguardedIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		found int
	}{
		"a bare goroutine":            {`go func() { work() }()`, 1},
		"a named function":            {`go work()`, 1},
		"a group":                     {`var g sync.WaitGroup; g.Go(func() { work() })`, 1},
		"a group's named function":    {`g.Go(work)`, 1},
		"a timer":                     {`time.AfterFunc(1, work)`, 1},
		"a call in flight":            {`flight.DoChan("a", func() (any, error) { return nil, nil })`, 1},
		"a recover of its own":        {`defer func() { recover() }()`, 1},
		"a guard that comes too late": {`go func() { work(); defer guard.Recover(ctx, &err) }()`, 1},
		"another's guard":             {`go func() { defer other.Recover(ctx, &err) }()`, 1},
		"a guarded goroutine":         {`go func() { defer guard.Recover(ctx, &err); work() }()`, 0},
		"a guarded group":             {`g.Go(func() error { defer guard.Recover(ctx, &err); return nil })`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, "a.go", "package a\nfunc f() {\n"+c.body+"\n}", parser.SkipObjectResolution)
			require.NoError(t, err)
			require.Len(t, unguarded(files, file), c.found)
		})
	}
}
