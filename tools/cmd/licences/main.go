// Command licences lists under which licences others' code is linked into the plugin, and fails where one does not go with ours.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/tools/licences"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func main() {
	root, err := repo.Root()
	if err == nil {
		var modules []licences.Module
		modules, err = licences.Linked(context.Background(), root)
		for _, m := range modules {
			fmt.Printf("linked: %s %s, %s\n", m.Path, m.Version, strings.Join(m.Licences, ", "))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}
