// Package images holds the container images of this repository to one list, deploy/images.txt, and pins them there by digest.
package images

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// List is the file, below the root, that every image goes through: one a line, NAME:TAG or NAME:TAG@sha256:DIGEST.
const List = "deploy/images.txt"

// Use is one place that names an image.
type Use struct {
	File  string // below the root
	Line  int
	Image string // as it stands there
}

// Pin is one line of the list.
type Pin struct {
	Name   string // with its tag
	Digest string // "" while it is not pinned, else sha256:…
}

// String is the image as files name it.
func (p Pin) String() string {
	if p.Digest == "" {
		return p.Name
	}
	return p.Name + "@" + p.Digest
}

var (
	// named finds images in compose files, manifests and Dockerfiles.
	named = regexp.MustCompile(`(?m)^\s*(?:-\s*)?image:\s*"?([^\s"#]+)"?|\bimage: "([^"]+)"|^FROM\s+(\S+)`)
	// exact is a tag that names one version: three numbers and what stands behind them.
	exact  = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([.\w-]*)$`)
	digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Read reads the list. Comments begin with #.
func Read(root string) ([]Pin, error) {
	text, err := os.ReadFile(filepath.Join(root, List))
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, of, _ := strings.Cut(line, "@")
		pins = append(pins, Pin{name, of})
	}
	return pins, nil
}

// Files are the compose files, manifests and Dockerfiles below the root that start images.
func Files(root string) ([]string, error) {
	found := []string{"docker-compose.yml", "examples/rag-app/Dockerfile", "tools/simulator/Dockerfile", "tools/sink/Dockerfile"}
	err := filepath.WalkDir(filepath.Join(root, "deploy"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")) {
			name, err := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(name))
			return err
		}
		return err
	})
	slices.Sort(found)
	return found, err
}

// Uses are the images that a file names. What is built here (build:) has no image.
func Uses(root, file string) ([]Use, error) {
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	var uses []Use
	for _, at := range named.FindAllSubmatchIndex(text, -1) {
		for group := 1; group < len(at)/2; group++ {
			if from, to := at[2*group], at[2*group+1]; from >= 0 {
				uses = append(uses, Use{file, 1 + bytes.Count(text[:from], []byte("\n")), string(text[from:to])})
			}
		}
	}
	return uses, nil
}

// Judge says what is wrong with an image that a file names: a tag that is not exact, or an image that the list has otherwise or not at all.
func (u Use) Judge(pins []Pin) error {
	name, of, _ := strings.Cut(u.Image, "@")
	colon := strings.LastIndex(name, ":")
	switch {
	case colon < 0 || colon < strings.LastIndex(name, "/"):
		return fmt.Errorf("%s:%d: %s has no tag", u.File, u.Line, u.Image)
	case !exact.MatchString(name[colon+1:]):
		return fmt.Errorf("%s:%d: the tag of %s is not exact", u.File, u.Line, u.Image)
	case of != "" && !digest.MatchString(of):
		return fmt.Errorf("%s:%d: %s has no digest of SHA-256", u.File, u.Line, u.Image)
	}
	i := slices.IndexFunc(pins, func(p Pin) bool { return p.Name == name })
	if i < 0 {
		return fmt.Errorf("%s:%d: %s is not in %s", u.File, u.Line, name, List)
	}
	if pins[i].String() != u.Image {
		return fmt.Errorf("%s:%d: %s is pinned as %s in %s: go run ./cmd/images", u.File, u.Line, u.Image, pins[i], List)
	}
	return nil
}

// Write brings a file's images to what the list says of them.
func Write(root, file string, pins []Pin) error {
	path := filepath.Join(root, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := string(text)
	for _, p := range pins {
		was := regexp.MustCompile(regexp.QuoteMeta(p.Name) + `(@sha256:[0-9a-f]{64})?([\s"])`)
		changed = was.ReplaceAllString(changed, p.String()+"$2")
	}
	if changed == string(text) {
		return nil
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// Save writes the pins into the list, whose comments stay.
func Save(root string, pins []Pin) error { return Write(root, List, pins) }
