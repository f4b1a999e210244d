//go:build mage

// Magefile: the SDK's build targets, and the commands of this repository.
// These live in the Go module tools/, so that what they need stays out
// of the plugin's go.mod.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	// mage:import
	build "github.com/grafana/grafana-plugin-sdk-go/build"
	"github.com/grafana/grafana-plugin-sdk-go/build/buildinfo"
)

func init() {
	if err := build.SetBeforeBuildCallback(reproducible); err != nil {
		panic(err)
	}
}

// reproducible makes a build depend on its sources alone: no paths of this machine, no time of the day. Version and commit are in the
// binary, and so is a time: SOURCE_DATE_EPOCH, else the commit's.
func reproducible(cfg build.Config) (build.Config, error) {
	var pkg struct{ Version string }
	text, err := os.ReadFile("package.json")
	if err == nil {
		err = json.Unmarshal(text, &pkg)
	}
	if err != nil {
		return cfg, err
	}
	seconds, err := sourceDate()
	if err != nil {
		return cfg, err
	}
	info, err := json.Marshal(buildinfo.Info{Time: seconds * 1000, PluginID: "llmserving-vllm-datasource", Version: pkg.Version})
	if err != nil {
		return cfg, err
	}
	cfg.CustomVars = map[string]string{
		"github.com/grafana/grafana-plugin-sdk-go/build/buildinfo.buildInfoJSON": string(info),
		"main.commit": commit(),
	}
	if cfg.Env == nil {
		cfg.Env = map[string]string{}
	}
	// Go's own record of the repository is left out: it is not there in a build from an archive of the sources.
	cfg.Env["GOFLAGS"] = strings.TrimSpace(os.Getenv("GOFLAGS") + " -trimpath -buildvcs=false")
	return cfg, nil
}

// sourceDate is the time of the sources, in seconds since the epoch; 0 where nothing tells it.
func sourceDate() (int64, error) {
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		return strconv.ParseInt(text, 10, 64)
	}
	if text := git("log", "-1", "--format=%ct"); text != "" {
		return strconv.ParseInt(text, 10, 64)
	}
	return 0, nil
}

// commit names the commit that is built, with "-changed" behind it where the sources are others. COMMIT says it where git cannot.
func commit() string {
	if text := os.Getenv("COMMIT"); text != "" {
		return text
	}
	text := git("rev-parse", "HEAD")
	if text != "" && git("status", "--porcelain", "--untracked-files=no") != "" {
		text += "-changed"
	}
	return text
}

// git is what git says; "" outside of a checkout.
func git(args ...string) string {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

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

// Fuzz runs every fuzz test of the backend beyond its seeds, each for ten minutes.
func Fuzz() error { return become("fuzz", "-time", "10m") }

// Package builds the plugin for every platform and packs the archive that Grafana's catalogue takes, into .cache/package. With
// RELEASE_TAG, which must be the version (v1.2.3), it writes checksums and notes beside it. It signs where GRAFANA_ACCESS_POLICY_TOKEN is set.
func Package() error {
	seconds, err := sourceDate()
	if err != nil {
		return err
	}
	if seconds == 0 {
		seconds = time.Now().Unix()
	}
	// For the frontend, too: its plugin.json says the day.
	if err := os.Setenv("SOURCE_DATE_EPOCH", fmt.Sprint(seconds)); err != nil {
		return err
	}
	return become("package", "-end-with-parent", "-tag", os.Getenv("RELEASE_TAG"))
}

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
