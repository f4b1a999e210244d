// Package repo finds this repository on disk, so that every tool and test
// works from whatever folder it was started in.
package repo

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Root is the top folder of the checkout that holds the working directory:
// the nearest folder upwards with a go.mod and tools/servers.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if exists(filepath.Join(dir, "go.mod")) && exists(filepath.Join(dir, "tools", "servers")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not inside the checkout of grafana-vllm-datasource: start this from one of its folders")
		}
		dir = parent
	}
}

// PluginBinary is where mage puts the backend for this machine.
func PluginBinary(root string) string {
	name := "gpx_vllm_" + runtime.GOOS + "_" + runtime.GOARCH
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(root, "dist", name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
