package publish

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
)

// permissive are the licences under which others' code may go into module.js, which is handed on under Apache-2.0.
var permissive = []string{"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "Unlicense", "CC0-1.0", "BlueOak-1.0.0"}

// Package is one npm package that has code in the frontend.
type Package struct{ Name, Version, License string }

// fromPackage finds a package's folder below node_modules in a path of a source map. It may lie within another package.
var fromPackage = regexp.MustCompile(`node_modules/((?:.*/node_modules/)?(?:@[^/]+/)?[^/]+)/`)

// Bundled lists whose code is in dist/, by its source maps. A licence that does not permit it is an error.
func Bundled(dist, nodeModules string) ([]Package, error) {
	maps, err := filepath.Glob(filepath.Join(dist, "*.js.map"))
	if err != nil {
		return nil, err
	}
	if len(maps) == 0 {
		return nil, fmt.Errorf("%s has no source maps", dist)
	}
	names := map[string]bool{}
	for _, file := range maps {
		var sourceMap struct{ Sources []string }
		if err := readJSON(file, &sourceMap); err != nil {
			return nil, err
		}
		for _, source := range sourceMap.Sources {
			if found := fromPackage.FindStringSubmatch(source); found != nil {
				names[found[1]] = true
			}
		}
	}
	// What webpack makes up in that place, to tell the page's public path.
	delete(names, "grafana-public-path.js")
	var packages []Package
	for name := range names {
		var p Package
		if err := readJSON(filepath.Join(nodeModules, name, "package.json"), &p); err != nil {
			return nil, err
		}
		if !slices.Contains(permissive, p.License) {
			return nil, fmt.Errorf("%s is in the bundle under %q", name, p.License)
		}
		packages = append(packages, p)
	}
	sort.Slice(packages, func(i, j int) bool { return packages[i].Name < packages[j].Name })
	return packages, nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
