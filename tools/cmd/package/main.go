//go:build unix

// Command package builds the plugin's archive: see package publish. `go tool mage package` runs it.
//
//	go run ./cmd/package              # builds frontend and backend for every platform, then packs them
//	go run ./cmd/package -built       # packs what is in dist/
//	go run ./cmd/package -tag v1.2.3  # for a release: the tag must be the version; writes notes and checksums beside the archive
//
// The plugin is signed by Grafana where GRAFANA_ACCESS_POLICY_TOKEN is set.
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
	tag := flag.String("tag", "", "the release's tag, such as v1.2.3: it must be the version, and notes and checksums are written")
	followParent := flag.Bool("end-with-parent", false, "end when the process that started this one is gone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if *followParent {
		ctx = child.EndWithParent(ctx)
	}
	if err := run(ctx, *built, *tag); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, built bool, tag string) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	command := func(path string, args ...string) error {
		return child.Run(ctx, child.Spec{Path: path, Args: args, Dir: root, Stdout: os.Stdout, Stderr: os.Stderr})
	}
	folder, notes := filepath.Join(root, ".cache", "package"), ""
	if tag != "" { // first of all: what follows takes minutes
		if notes, err = publish.Notes(root, tag); err != nil {
			return err
		}
		if err := os.RemoveAll(folder); err != nil { // a release has one archive
			return err
		}
	}
	if !built {
		if err := command("npm", "run", "build"); err != nil {
			return err
		}
		if err := command("go", "tool", "mage", "buildAll"); err != nil {
			return err
		}
	}
	dist := filepath.Join(root, "dist")
	if os.Getenv("GRAFANA_ACCESS_POLICY_TOKEN") != "" {
		signed, err := os.MkdirTemp("", "signed")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(signed) }()
		dist = filepath.Join(signed, "dist")
		if err := publish.Stage(filepath.Join(root, "dist"), dist); err != nil {
			return err
		}
		if err := command("npm", "run", "sign", "--", "--distDir", dist); err != nil {
			return err
		}
	}
	file, err := publish.Pack(dist, folder)
	if err != nil {
		return err
	}
	if tag != "" {
		if err := publish.Sums(file); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "notes.md"), []byte(notes), 0o644); err != nil {
			return err
		}
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
