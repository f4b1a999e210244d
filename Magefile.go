//go:build mage

// Magefile: the SDK's build targets, and the commands of this repository.
// These live in the Go module tools/, so that what they need stays out
// of the plugin's go.mod.
package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	// mage:import
	build "github.com/grafana/grafana-plugin-sdk-go/build"
)

// Default builds the backend for every platform that Grafana runs on.
var Default = build.BuildAll

// Demo shows joined requests in the terminal: real Prometheus, Loki and Jaeger, a simulated vLLM, the built plugin.
// For a real vLLM set VLLM_METRICS_URL and VLLM_LOG; more flags: cd tools && go run ./cmd/demo -h.
func Demo() error { return become("demo", "-end-with-parent") }

// Check runs everything that must hold before a commit is pushed.
func Check() error { return become("check", "-end-with-parent") }

// E2e tests the plugin in a real browser and a Grafana that is found on this machine, or runs at GRAFANA_URL. The plugin must
// be built.
func E2e() error { return become("e2e", "-end-with-parent") }

// Package builds the plugin for every platform and packs the archive that Grafana's catalogue takes, into .cache/package.
func Package() error { return become("package", "-end-with-parent") }

// become builds a command of tools/ and turns this process into it. A child would be less: mage gives its targets five
// seconds after Ctrl-C, and stopping three servers may take longer.
func become(command string, args ...string) error {
	binary, err := filepath.Abs(filepath.Join(".cache", "tools", command))
	if err != nil {
		return err
	}
	compile := exec.Command("go", "-C", "tools", "build", "-o", binary, "./cmd/"+command)
	compile.Stdout, compile.Stderr = os.Stdout, os.Stderr
	if err := compile.Run(); err != nil {
		return err
	}
	return syscall.Exec(binary, append([]string{binary}, args...), os.Environ())
}
