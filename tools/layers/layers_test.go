package layers_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/layers"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

const prefix = "github.com/llmserving/grafana-vllm-datasource/pkg"

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Name string
	GoFiles, Imports      []string
	Standard              bool
}

func (p listed) folder() string { return folder(p.ImportPath) }

// folder is a package's folder below pkg/; empty for a package of others.
func folder(path string) string {
	switch rest, ok := strings.CutPrefix(path, prefix); {
	case !ok:
		return ""
	case rest == "":
		return "."
	default:
		return strings.TrimPrefix(rest, "/")
	}
}

// list gives the plugin's packages and all that they link, by import path.
func list(t *testing.T) map[string]listed {
	t.Helper()
	packages, err := once()
	require.NoError(t, err)
	return packages
}

var once = sync.OnceValues(func() (map[string]listed, error) {
	root, err := repo.Root()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Name,GoFiles,Imports,Standard", "./pkg/...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	packages := map[string]listed{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, err
		}
		packages[p.ImportPath] = p
	}
})

// rank is the place of a folder in layers.Order, -1 where it has none.
func rank(folder string) int {
	return slices.IndexFunc(layers.Order, func(l layers.Layer) bool { return slices.Contains(l.Packages, folder) })
}

func TestEveryPackageHasALayerAndUsesNoneAbove(t *testing.T) {
	packages := list(t)
	seen := map[string]bool{}
	for _, p := range packages {
		if p.folder() == "" {
			continue
		}
		seen[p.folder()] = true
		own := rank(p.folder())
		require.NotEqual(t, -1, own, "pkg/%s has no layer in tools/layers/doc.go", p.folder())
		for _, other := range p.Imports {
			if f := folder(other); f != "" {
				require.LessOrEqual(t, rank(f), own, "pkg/%s (%s) imports pkg/%s (%s), which is above it", p.folder(), layers.Order[own].Name, f, layers.Order[max(rank(f), 0)].Name)
			}
		}
	}
	for _, l := range layers.Order {
		for _, f := range l.Packages {
			require.True(t, seen[f], "there is no package pkg/%s", f)
		}
	}
}

// forbidden reports whether a pure package must not link a package: what reaches the network, a store's client, or a log.
func forbidden(path string) bool {
	for _, f := range []string{
		"net/http", "log", "log/slog", "os/exec", "crypto/tls", "google.golang.org/grpc", "github.com/prometheus/client_golang",
		"github.com/grafana/grafana-plugin-sdk-go/backend", "github.com/jaegertracing/jaeger-idl", "github.com/grafana/loki",
	} {
		if path == f || strings.HasPrefix(path, f+"/") {
			return true
		}
	}
	return path == "net"
}

// linked lists what a package links, by the package that imports it; what only an excused package links is left out.
func linked(packages map[string]listed, path string) map[string]string {
	by := map[string]string{}
	var visit func(string)
	visit = func(from string) {
		for _, to := range packages[from].Imports {
			if _, done := by[to]; done || layers.Excused[to] != "" {
				continue
			}
			by[to] = from
			visit(to)
		}
	}
	visit(path)
	return by
}

func TestPurePackagesLinkNoNetworkNoClientAndNoLogger(t *testing.T) {
	packages := list(t)
	for _, l := range layers.Order {
		for _, f := range l.Packages {
			if !l.Pure {
				continue
			}
			by := linked(packages, prefix+"/"+f)
			for _, path := range slices.Sorted(maps.Keys(by)) {
				require.False(t, forbidden(path), "pkg/%s is pure and links %s, through %s", f, path, by[path])
			}
		}
	}
}

func TestTheExcusedPackagesNeedTheirExcuse(t *testing.T) {
	packages := list(t)
	for path := range layers.Excused {
		require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(linked(packages, path))), forbidden), "%s links nothing that is forbidden", path)
	}
}

// clock are the functions of package time that read the clock or wait.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTicker", "NewTimer"}

func TestPurePackagesReadNoClock(t *testing.T) {
	packages := list(t)
	read := 0
	for _, l := range layers.Order {
		for _, f := range l.Packages {
			if !l.Pure {
				continue
			}
			p := packages[prefix+"/"+f]
			for _, name := range p.GoFiles {
				file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
				require.NoError(t, err)
				read++
				require.Empty(t, clockIn(file), "pkg/%s/%s", f, name)
			}
		}
	}
	require.Greater(t, read, 50)
}

// clockIn lists the uses of the clock in a file.
func clockIn(file *ast.File) (uses []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, selector.Sel.Name) {
				uses = append(uses, "time."+selector.Sel.Name)
			}
		}
		return true
	})
	return uses
}

func TestTheChecksFindWhatTheyLookFor(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nimport \"time\"\nvar at = time.Now()\nfunc f() { time.Sleep(time.Second) }", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"time.Now", "time.Sleep"}, clockIn(file))
	packages := list(t)
	require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(linked(packages, prefix+"/fetch"))), forbidden), "pkg/fetch asks over the network")
}
