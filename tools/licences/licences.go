// Package licences says under which licences others' code is linked into the plugin, by their texts, and refuses those that its own
// licence (Apache-2.0) does not go with, such as the GPL and the AGPL.
package licences

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"
)

// Allowed are the licences under which code may be linked in. MPL-2.0 is for files that are used as they are, such as go-plugin's.
var Allowed = []string{"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "Unlicense", "CC0-1.0", "MPL-2.0", "Zlib"}

// Platforms are those that the plugin is built for, as GOOS/GOARCH: each links packages of its own.
var Platforms = []string{"linux/amd64", "linux/arm", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64"}

// Module is one module with code in the plugin.
type Module struct {
	Path, Version string
	Licences      []string // names as SPDX has them, sorted
}

// Judge says which of a module's licences are not allowed, or that it has none.
func (m Module) Judge() error {
	if len(m.Licences) == 0 {
		return fmt.Errorf("%s %s: no licence was found", m.Path, m.Version)
	}
	for _, name := range m.Licences {
		if !slices.Contains(Allowed, name) {
			return fmt.Errorf("%s %s is linked into the plugin under %s", m.Path, m.Version, name)
		}
	}
	return nil
}

// Linked lists the modules that have code in the plugin, on any platform, by name. Its error joins what Judge refuses.
func Linked(ctx context.Context, root string) ([]Module, error) {
	folders, err := packages(ctx, root)
	if err != nil {
		return nil, err
	}
	texts, err := NewTexts()
	if err != nil {
		return nil, err
	}
	var modules []Module
	var refused []error
	for _, of := range folders {
		m := Module{Path: of.module.Path, Version: of.module.Version}
		for dir := range of.dirs {
			names, err := texts.In(dir)
			if err != nil {
				return nil, err
			}
			m.Licences = append(m.Licences, names...)
		}
		slices.Sort(m.Licences)
		m.Licences = slices.Compact(m.Licences)
		modules = append(modules, m)
		refused = append(refused, m.Judge())
	}
	return modules, errors.Join(refused...)
}

// linked is a module and the folders of its packages that are linked in, with those above them.
type linked struct {
	module struct{ Path, Version, Dir string }
	dirs   map[string]bool
}

// packages asks Go what is linked in.
func packages(ctx context.Context, root string) ([]linked, error) {
	found := map[string]*linked{}
	for _, platform := range Platforms {
		system, machine, _ := strings.Cut(platform, "/")
		list := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Module", "./pkg")
		list.Dir, list.Env = root, append(os.Environ(), "GOOS="+system, "GOARCH="+machine, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", platform, err)
		}
		for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
			var p struct {
				Dir    string
				Module *struct {
					Path, Version, Dir string
					Main               bool
				}
			}
			if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module == nil || p.Module.Main { // Go's own, and ours
				continue
			}
			of := found[p.Module.Path]
			if of == nil {
				of = &linked{dirs: map[string]bool{}}
				of.module.Path, of.module.Version, of.module.Dir = p.Module.Path, p.Module.Version, p.Module.Dir
				found[p.Module.Path] = of
			}
			for dir := p.Dir; strings.HasPrefix(dir, p.Module.Dir); dir = filepath.Dir(dir) {
				of.dirs[dir] = true
			}
		}
	}
	all := make([]linked, 0, len(found))
	for _, of := range found {
		all = append(all, *of)
	}
	slices.SortFunc(all, func(a, b linked) int { return strings.Compare(a.module.Path, b.module.Path) })
	return all, nil
}

// Texts tells licences by what they say.
type Texts struct{ known *classifier.Classifier }

// NewTexts reads the licences that it knows, which takes some seconds.
func NewTexts() (*Texts, error) {
	known, err := assets.DefaultClassifier()
	return &Texts{known}, err
}

// fileName is what the file of a licence is called.
var fileName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([.-].*)?$`)

// In names the licences whose texts lie in a folder. A file that is called a licence and says none that is known is "unknown".
func (t *Texts) In(dir string) (names []string, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if !file.Type().IsRegular() || !fileName.MatchString(file.Name()) || strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, err
		}
		of := t.Of(text)
		if len(of) == 0 {
			of = []string{"unknown (" + file.Name() + ")"}
		}
		names = append(names, of...)
	}
	return names, nil
}

// Of names the licences that a text holds.
func (t *Texts) Of(text []byte) (names []string) {
	for _, match := range t.known.Match(text).Matches {
		if match.MatchType == "License" || match.MatchType == "Header" {
			names = append(names, match.Name)
		}
	}
	return names
}
