//go:build unix

// Package ragapp gives tests the example application of examples/rag-app: a Python with what it needs, and the
// application itself as a process.
package ragapp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/program"
)

// Folder of the application, below the repository's root.
const Folder = "examples/rag-app"

// lock file with the tools that check the application, beside what it needs itself.
const lockFile = "requirements-dev.txt"

// oldest is the first Python that the application runs on.
const oldest = "3.11"

// Missing says what this machine lacks to run the application; "" when nothing.
func Missing() string {
	version, err := version()
	switch {
	case err != nil:
		return "no python3 found: " + err.Error()
	case !program.AtLeast(version, oldest):
		return fmt.Sprintf("python3 is %s, and the application needs %s", version, oldest)
	case exec.Command("python3", "-c", "import venv, ensurepip").Run() != nil:
		return "python3 cannot make virtual environments (Debian's package python3-venv)"
	}
	return ""
}

// MissingHere is Missing for a developer's machine, where a check without its tools is skipped. In CI nothing is: there
// the check has to run, and fails.
func MissingHere() string {
	if os.Getenv("CI") == "true" {
		return ""
	}
	return Missing()
}

// version of python3 on PATH.
func version() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, "python3", "-c", "import platform; print(platform.python_version())").Output()
	return strings.TrimSpace(string(output)), err
}

// Python gives the interpreter of a virtual environment with everything that the lock file names. It is made once per
// lock file, Python and machine, in the user's cache: a fresh checkout finds it there.
func Python(ctx context.Context, root string, out io.Writer) (string, error) {
	if missing := Missing(); missing != "" {
		return "", errors.New(missing)
	}
	lock := filepath.Join(root, Folder, lockFile)
	dir, err := cached(lock)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	unlock, err := program.Lock(ctx, dir+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	python, complete := filepath.Join(dir, "bin", "python"), filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return python, nil
	}
	if err := os.RemoveAll(dir); err != nil { // of an installation that was interrupted
		return "", err
	}
	_, _ = fmt.Fprintf(out, "installing %s into %s\n", lockFile, dir)
	for _, command := range [][]string{
		{"python3", "-m", "venv", dir},
		{python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
			"--only-binary", ":all:", "--require-hashes", "-r", lock},
	} {
		if err := child.Run(ctx, child.Spec{Path: command[0], Args: command[1:], Stdout: out, Stderr: out}); err != nil {
			return "", fmt.Errorf("%s: %w", strings.Join(command[:4], " "), err)
		}
	}
	return python, os.WriteFile(complete, nil, 0o644)
}

// cached is where the environment of a lock file lies, or will lie.
func cached(lock string) (string, error) {
	text, err := os.ReadFile(lock)
	if err != nil {
		return "", err
	}
	version, err := version()
	if err != nil {
		return "", err
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%s %s %s\n%s", version, runtime.GOOS, runtime.GOARCH, text) // never fails
	return filepath.Join(base, "llmserving-vllm", "rag-app-"+hex.EncodeToString(hash.Sum(nil))[:16]), nil
}
