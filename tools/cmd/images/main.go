//go:build unix

// Command images brings the images of the compose file, the manifests and the Dockerfiles to what deploy/images.txt says.
//
//	go run ./cmd/images          # after a change of the list
//	go run ./cmd/images -pin     # asks the registries (docker buildx) for the digests of the list's tags first
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/tools/images"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	pin := flag.Bool("pin", false, "ask the registries for the digests")
	flag.Parse()
	if err := run(context.Background(), *pin); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pin bool) error {
	root, err := repo.Root()
	if err != nil {
		return err
	}
	pins, err := images.Read(root)
	if err != nil {
		return err
	}
	for i := range pins {
		if !pin {
			break
		}
		// The digest of the list of platforms, so that the same pin serves amd64 and arm64.
		ask := exec.CommandContext(ctx, "docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", pins[i].Name)
		ask.Stderr = os.Stderr
		digest, err := ask.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", pins[i].Name, err)
		}
		pins[i].Digest = strings.TrimSpace(string(digest))
		fmt.Println(pins[i])
	}
	if err := images.Save(root, pins); err != nil {
		return err
	}
	files, err := images.Files(root)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := images.Write(root, file, pins); err != nil {
			return err
		}
	}
	return nil
}
