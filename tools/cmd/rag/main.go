//go:build unix

// Command rag checks the example application as its authors do: ruff, mypy, pytest, from the lock file.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/ragapp"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "rag:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	python, err := ragapp.Python(ctx, root, os.Stdout)
	if err != nil {
		return err
	}
	// Beside the environment: a fresh checkout is judged as fast as an old one.
	cache := func(tool string) string { return filepath.Join(filepath.Dir(filepath.Dir(python)), tool+"-cache") }
	for _, args := range [][]string{{"ruff", "check", "."}, {"ruff", "format", "--check", "."}, {"mypy"}, {"pytest"}} {
		fmt.Println("python -m", args)
		err := child.Run(ctx, child.Spec{
			Path: python, Args: append([]string{"-m"}, args...), Dir: filepath.Join(root, ragapp.Folder),
			Env:    append(os.Environ(), "MYPY_CACHE_DIR="+cache("mypy"), "RUFF_CACHE_DIR="+cache("ruff"), "PYTHONDONTWRITEBYTECODE=1"),
			Stdout: os.Stdout, Stderr: os.Stderr,
		})
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
	}
	return nil
}
