//go:build unix

package program

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// FromPath looks for the program on PATH and makes sure that it is the right
// one and new enough.
func FromPath(ctx context.Context, p Program) (Binary, bool) {
	path, err := exec.LookPath(p.Name)
	if err != nil {
		return Binary{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, p.versionArgs...).Output()
	if err != nil {
		return Binary{}, false
	}
	version, ok := p.recognise(string(output))
	if !ok {
		return Binary{}, false
	}
	return Binary{Path: path, Version: version}, true
}

func (p Program) recognise(output string) (version string, ok bool) {
	found := p.identify.FindStringSubmatch(output)
	if found == nil || !AtLeast(found[1], p.oldest) {
		return "", false
	}
	return found[1], true
}

// AtLeast compares the leading major.minor of two versions.
func AtLeast(version, oldest string) bool {
	major, minor := majorMinor(version)
	oldestMajor, oldestMinor := majorMinor(oldest)
	return major > oldestMajor || major == oldestMajor && minor >= oldestMinor
}

func majorMinor(version string) (major, minor int) {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first) // not a number counts as 0, older than anything asked for
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// Cache is the folder of servers that were built once. The path of a build
// names everything that shapes it, so a changed pin is a new build and two
// checkouts can share one cache.
type Cache struct {
	Dir     string // usually DefaultCacheDir
	Modules string // tools/servers of the checkout
}

// DefaultCacheDir survives `go clean` and a fresh checkout.
func DefaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "llmserving-vllm", "servers"), nil
}

// Path is where the program's build lies, or will lie.
func (c Cache) Path(p Program) (string, error) {
	hash := sha256.New()
	folder := filepath.Join(c.Modules, p.folder())
	sources, err := filepath.Glob(filepath.Join(folder, "*.go")) // sorted; only a server that we put together has any
	if err != nil {
		return "", err
	}
	for _, path := range append([]string{filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum")}, sources...) {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", filepath.Base(path), len(text), text)
	}
	fmt.Fprintf(hash, "%q %q %q %s %s %s", p.Package, p.Tags, linkFlags, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return filepath.Join(c.Dir, p.Name+"-"+hex.EncodeToString(hash.Sum(nil))[:16]), nil
}

// Find looks for an earlier build.
func (c Cache) Find(p Program) (Binary, bool) {
	path, err := c.Path(p)
	if err != nil {
		return Binary{}, false
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return Binary{}, false
	}
	return Binary{Path: path}, true
}
