//go:build unix

// Command package builds the plugin's archive: see package publish. `go tool mage package` runs it.
//
//	go run ./cmd/package          # builds frontend and backend for every platform, then packs them
//	go run ./cmd/package -built   # packs what is in dist/
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/llmserving/grafana-vllm-datasource/tools/child"
	"github.com/llmserving/grafana-vllm-datasource/tools/publish"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	built := flag.Bool("built", false, "pack what is in dist, for the platforms that are there")
	followParent := flag.Bool("end-with-parent", false, "end when the process that started this one is gone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *followParent {
		ctx = child.EndWithParent(ctx)
	}
	if err := run(ctx, *built); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, built bool) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	if !built {
		for _, command := range [][]string{{"npm", "run", "build"}, {"go", "tool", "mage", "buildAll"}} {
			err := child.Run(ctx, child.Spec{Path: command[0], Args: command[1:], Dir: root, Stdout: os.Stdout, Stderr: os.Stderr})
			if err != nil {
				return err
			}
		}
	}
	file, err := publish.Pack(filepath.Join(root, "dist"), filepath.Join(root, ".cache", "package"))
	if err != nil {
		return err
	}
	packages, err := publish.Bundled(filepath.Join(root, "dist"), filepath.Join(root, "node_modules"))
	if err != nil {
		return err
	}
	for _, p := range packages {
		fmt.Printf("bundled: %s %s, %s\n", p.Name, p.Version, p.License)
	}
	fmt.Println(file)
	return nil
}
