// Command alerts writes the rule files of Prometheus, Loki's ruler, Kubernetes and promtool, and the table of docs/alerts.md,
// from the catalogue in tools/alerts.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	files, err := alerts.Files()
	if err != nil {
		return err
	}
	page, err := os.ReadFile(filepath.Join(root, alerts.Page))
	if err != nil {
		return err
	}
	if files[alerts.Page], err = alerts.WithTable(page); err != nil {
		return err
	}
	for path, content := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
