// Package publish packs the built plugin as Grafana's catalogue wants it, and holds the rules of Grafana's plugin validator that
// need no network: what an archive may contain here, what the sources may say in its tests.
package publish

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Metadata is what an archive needs to know of plugin.json.
type Metadata struct {
	ID         string
	Executable string
	Languages  []string
	Info       struct {
		Version, Updated string
		Logos            struct{ Small, Large string }
		Screenshots      []struct{ Path string }
	}
	Includes []struct{ Type, Path string }
}

// required is the platform without which Grafana's catalogue takes no backend plugin.
const required = "linux_amd64"

// Pack writes dist/ as ID-VERSION.zip into a folder and returns the file's path. The same dist gives the same bytes.
func Pack(dist, folder string) (string, error) {
	meta, err := readMetadata(os.DirFS(dist))
	if err != nil {
		return "", err
	}
	names, err := packed(os.DirFS(dist))
	if err != nil {
		return "", err
	}
	built, err := time.Parse(time.DateOnly, meta.Info.Updated)
	if err != nil {
		return "", fmt.Errorf("plugin.json: info.updated: %w", err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		header := &zip.FileHeader{Name: path.Join(meta.ID, name), Method: zip.Deflate, Modified: built}
		header.SetMode(mode(name, meta))
		entry, err := w.CreateHeader(header)
		if err != nil {
			return "", err
		}
		content, err := os.ReadFile(filepath.Join(dist, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		if _, err := entry.Write(content); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := Check(b.Bytes()); err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(folder, fmt.Sprintf("%s-%s.zip", meta.ID, meta.Info.Version))
	return file, os.WriteFile(file, b.Bytes(), 0o644)
}

// packed lists what goes into the archive. The scaffold copies every JSON file of src; what Go writes for the editors is in
// module.js already.
func packed(dist fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(dist, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !strings.HasSuffix(name, ".generated.json") {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

func mode(name string, meta Metadata) fs.FileMode {
	if strings.HasPrefix(name, meta.Executable+"_") {
		return 0o755
	}
	return 0o644
}

// Check says what is wrong with an archive.
func Check(archive []byte) error {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return err
	}
	roots := map[string]bool{}
	for _, file := range r.File {
		root, _, _ := strings.Cut(file.Name, "/")
		roots[root] = true
	}
	if len(roots) != 1 {
		return fmt.Errorf("archive: %d folders at the top, want one", len(roots))
	}
	root, _, _ := strings.Cut(r.File[0].Name, "/")
	plugin, err := fs.Sub(r, root)
	if err != nil {
		return err
	}
	meta, err := readMetadata(plugin)
	if err != nil {
		return err
	}
	if root != meta.ID {
		return fmt.Errorf("archive: the folder is %s, the plugin %s", root, meta.ID)
	}
	for _, name := range needed(meta) {
		if info, err := fs.Stat(plugin, name); err != nil || info.Size() == 0 {
			return fmt.Errorf("archive: %s is missing or empty", name)
		}
	}
	for _, file := range r.File {
		name := strings.TrimPrefix(file.Name, root+"/")
		if !expected(name, meta) {
			return fmt.Errorf("archive: nothing needs %s", name)
		}
		if got, want := file.Mode().Perm(), mode(name, meta); got != want {
			return fmt.Errorf("archive: %s has mode %o, want %o", name, got, want)
		}
	}
	return nil
}

// needed is what must be there: what Grafana reads, and all that plugin.json names.
func needed(meta Metadata) []string {
	names := []string{
		"plugin.json", "module.js", "README.md", "query_help.md", "CHANGELOG.md", "LICENSE", "go_plugin_build_manifest",
		meta.Executable + "_" + required, meta.Info.Logos.Small, meta.Info.Logos.Large,
	}
	for _, shot := range meta.Info.Screenshots {
		names = append(names, shot.Path)
	}
	for _, include := range meta.Includes {
		names = append(names, include.Path)
	}
	for _, language := range meta.Languages {
		names = append(names, fmt.Sprintf("locales/%s/%s.json", language, meta.ID))
	}
	return names
}

// chunk is a part of the frontend that is loaded when it is needed, and the source maps, which the catalogue's reviewers want.
var chunk = regexp.MustCompile(`^[\w-]+\.js(\.map)?$`)

func expected(name string, meta Metadata) bool {
	platforms := []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm", "linux_arm64", "windows_amd64.exe"}
	platform, isBinary := strings.CutPrefix(name, meta.Executable+"_")
	return slices.Contains(needed(meta), name) || name == signature || chunk.MatchString(name) || isBinary && slices.Contains(platforms, platform)
}

func readMetadata(plugin fs.FS) (Metadata, error) {
	var meta Metadata
	file, err := plugin.Open("plugin.json")
	if err != nil {
		return meta, fmt.Errorf("the plugin is not built: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return meta, err
	}
	return meta, json.Unmarshal(text, &meta)
}
