package publish

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// signature is the file that Grafana's signing adds to a plugin: what is signed, by whom, with the digest of each file.
const signature = "MANIFEST.txt"

// Notes are the notes of a release, in Markdown: the newest chapter of CHANGELOG.md. It is an error when package.json or the changelog
// do not name the version of the tag, such as v1.2.3, or the chapter is still called unreleased.
func Notes(root, tag string) (string, error) {
	version, ok := strings.CutPrefix(tag, "v")
	if !ok || version == "" {
		return "", fmt.Errorf("tag %q: want v and a version", tag)
	}
	text, err := os.ReadFile(filepath.Join(root, "package.json"))
	if err != nil {
		return "", err
	}
	var manifest struct{ Version string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return "", fmt.Errorf("package.json: %w", err)
	}
	if manifest.Version != version {
		return "", fmt.Errorf("tag %s: package.json has version %q", tag, manifest.Version)
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	_, newest, ok := strings.Cut("\n"+string(changelog), "\n## ")
	if !ok {
		return "", errors.New("CHANGELOG.md has no chapter")
	}
	newest, _, _ = strings.Cut(newest, "\n## ")
	heading, notes, _ := strings.Cut(newest, "\n")
	if of, date, _ := strings.Cut(heading, " "); of != version || date == "(Unreleased)" {
		return "", fmt.Errorf("tag %s: the newest chapter of CHANGELOG.md is %q, want the version and the date", tag, heading)
	}
	if notes = strings.TrimSpace(notes); notes == "" {
		return "", fmt.Errorf("CHANGELOG.md says nothing of %s", version)
	}
	return notes + "\n", nil
}

// Stage copies what Pack would put into an archive to a folder, which must not exist yet. Grafana's signing lists every file of a
// folder, so it must see these files and no others: a plugin that lacks a signed file does not start.
func Stage(dist, folder string) error {
	meta, err := readMetadata(os.DirFS(dist))
	if err != nil {
		return err
	}
	names, err := packed(os.DirFS(dist))
	if err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dist, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, mode(name, meta)); err != nil {
			return err
		}
	}
	return nil
}

// Sums writes the checksums of an archive beside it: NAME.sha1, which the form of Grafana's catalogue asks for, and SHA256SUMS, in the
// form that sha1sum and sha256sum check.
func Sums(archive string) error {
	content, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	name := filepath.Base(archive)
	weak := fmt.Sprintf("%x  %s\n", sha1.Sum(content), name)
	if err := os.WriteFile(archive+".sha1", []byte(weak), 0o644); err != nil {
		return err
	}
	strong := fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name)
	return os.WriteFile(filepath.Join(filepath.Dir(archive), "SHA256SUMS"), []byte(strong), 0o644)
}
