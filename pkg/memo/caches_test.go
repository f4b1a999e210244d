package memo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stateful are the types of pkg/ that hold something which several goroutines change, and are no Memo: each with the reason why nothing
// that a store answered to one identity lives on in it for another.
var stateful = map[string]string{
	"fetch.gather":         "lives as long as one question",
	"jaeger.origins":       "lives as long as one search",
	"loki.decoder":         "lives as long as one question",
	"loki.partReader":      "lives as long as one question",
	"loki.queue":           "lives as long as one question",
	"loki.reader":          "lives as long as one question",
	"memo.Limit":           "lives as long as one question",
	"memo.Memo":            "is what all others are to use",
	"memory.Account":       "lives as long as one question, and counts bytes",
	"memory.gate":          "counts the questions that run, by viewer",
	"live.stream":          "is what all viewers of one live query see; runs only where no store is sent a user's identity (cannotFollow)",
	"live.Streams":         "lists the live queries that run, by their own question",
	"prometheus.inTurn":    "lives as long as one question",
	"prometheustest.Store": "is a fake of tests",
	"upstream.question":    "lives as long as one question",
	"var memo.declared":    "holds descriptions written in the program",
}

// longLived are the types of which one value serves all queries. Their methods change no field, but for those that make the value.
var longLived = []string{"prometheus.Client", "loki.Client", "jaeger.Client", "upstream.Client", "fetch.Fetcher", "answer.Sources", "host.Datasource", "choices.Lists"}

// makers are the methods that make a long-lived value.
var makers = []string{"host.Datasource.connect", "host.Datasource.open"}

func TestWhatIsKeptBetweenQueriesIsKeptByMemo(t *testing.T) {
	found := map[string]bool{}
	for name, where := range state(t, "..") {
		found[name] = true
		_, known := stateful[name]
		assert.True(t, known, "%s: %s holds what several goroutines change: keep it in a memo.Memo, so that it is apart for each identity, "+
			"bounded and listed, or say here why nothing of one identity lives on in it for another", where, name)
	}
	for name := range stateful {
		assert.True(t, found[name], "%s is gone", name)
	}
}

// state finds the types and variables below root that can keep something: with a lock, an atomic value or a time of expiry in a struct, and
// package variables that are locks, or maps that a function changes.
func state(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pkg := range packages(t, root) {
		changed := map[string]bool{}
		for _, file := range pkg.files {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncDecl:
					return n.Recv != nil || n.Name.Name != "init" // tables are made before anybody asks
				case *ast.AssignStmt:
					for _, left := range n.Lhs {
						if index, ok := left.(*ast.IndexExpr); ok {
							changed[text(index.X)] = true
						}
						if method := pkg.changes(file, n, left); method != "" && !slices.Contains(makers, method) {
							out["field "+method] = pkg.set.Position(n.Pos()).String()
						}
					}
				case *ast.TypeSpec:
					if s, ok := n.Type.(*ast.StructType); ok && keeps(s) {
						out[pkg.name+"."+n.Name.Name] = pkg.set.Position(n.Pos()).String()
					}
				}
				return true
			})
		}
		for _, file := range pkg.files {
			for _, d := range file.Decls {
				group, ok := d.(*ast.GenDecl)
				if !ok || group.Tok != token.VAR {
					continue
				}
				for _, spec := range group.Specs {
					spec := spec.(*ast.ValueSpec)
					s, isStruct := spec.Type.(*ast.StructType)
					for _, name := range spec.Names {
						if changed[name.Name] || isStruct && keeps(s) || spec.Type != nil && shared(spec.Type) {
							out["var "+pkg.name+"."+name.Name] = pkg.set.Position(name.Pos()).String()
						}
					}
				}
			}
		}
	}
	return out
}

// keeps reports whether a struct has what a cache has: something that several goroutines may change, or a time until which it is believed.
func keeps(s *ast.StructType) bool {
	for _, f := range s.Fields.List {
		if shared(f.Type) {
			return true
		}
		for _, name := range f.Names {
			switch strings.ToLower(name.Name) {
			case "expires", "expiry", "believed":
				if text(f.Type) == "time.Time" {
					return true
				}
			}
		}
	}
	return false
}

// shared reports whether a type is one of sync's or atomic's that hold state.
func shared(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.StarExpr:
		return shared(t.X)
	case *ast.IndexExpr:
		return shared(t.X)
	case *ast.ArrayType:
		return shared(t.Elt)
	case *ast.SelectorExpr:
		return (text(t.X) == "sync" || text(t.X) == "atomic" || text(t.X) == "singleflight") && t.Sel.Name != "WaitGroup"
	}
	return false
}

func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	}
	return ""
}

// changes names the method of a long-lived type in which an assignment changes a field of the receiver; "" when it is none.
func (p *source) changes(file *ast.File, at ast.Node, left ast.Expr) string {
	selector, ok := left.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || at.Pos() < f.Pos() || at.End() > f.End() || len(f.Recv.List[0].Names) == 0 {
			continue
		}
		star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
		if ok && slices.Contains(longLived, p.name+"."+text(star.X)) && text(selector.X) == f.Recv.List[0].Names[0].Name {
			return p.name + "." + text(star.X) + "." + f.Name.Name
		}
	}
	return ""
}

type source struct {
	name  string
	set   *token.FileSet
	files []*ast.File
}

func packages(t *testing.T, root string) map[string]*source {
	t.Helper()
	out := map[string]*source{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "testdata" && path != root {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir := filepath.Dir(path)
		if out[dir] == nil {
			out[dir] = &source{set: token.NewFileSet()}
		}
		file, err := parser.ParseFile(out[dir].set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		out[dir].name, out[dir].files = file.Name.Name, append(out[dir].files, file)
		return nil
	}))
	return out
}

func TestAHandMadeCacheIsFound(t *testing.T) {
	require.Equal(t, []string{"field loki.Client.get", "loki.atomicCache", "loki.timed", "loki.withLock", "var loki.byName", "var loki.table"}, sorted(state(t, "testdata")))
}

func sorted(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
