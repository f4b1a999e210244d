// Command alerts writes the rule files of Prometheus, Loki's ruler, Kubernetes and promtool, and the table of docs/alerts.md,
// from the catalogue in tools/alerts. Where a collector renames vLLM's metrics, -metric-prefix and -out write the files for that
// installation into another folder:
//
//	go run ./cmd/alerts -metric-prefix kserve_vllm: -out /tmp/rules
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/alerts"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	prefix := flag.String("metric-prefix", vllm.DefaultMetricPrefix, "what vLLM's metrics begin with in your Prometheus")
	out := flag.String("out", "", "folder for the rule files of your installation; empty writes the files of this repository")
	flag.Parse()
	if err := run(*prefix, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(prefix, out string) error {
	if prefix != vllm.DefaultMetricPrefix && out == "" {
		return fmt.Errorf("-metric-prefix needs -out: the files of this repository have the prefix %s", vllm.DefaultMetricPrefix)
	}
	files, err := alerts.Files(prefix)
	if err != nil {
		return err
	}
	root := out
	if out == "" {
		if root, err = repo.Root(); err != nil {
			return err
		}
		page, err := os.ReadFile(filepath.Join(root, alerts.Page))
		if err != nil {
			return err
		}
		if files[alerts.Page], err = alerts.WithTable(page); err != nil {
			return err
		}
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
