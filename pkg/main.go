// Command gpx_vllm is the backend of the vLLM data source. Grafana starts it and speaks go-plugin with it over stdout, which
// nothing else may write to.
package main

import (
	"os"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"

	"github.com/llmserving/grafana-vllm-datasource/pkg/host"
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
)

// Set by the linker (Magefile.go): the plugin's version, and the commit that it was built from.
var version, commit string

func main() {
	backend.Logger.Info("The vLLM data source starts", "version", version, "commit", commit)
	memory.LimitGarbage()
	if err := datasource.Manage("llmserving-vllm-datasource", host.New, datasource.ManageOpts{}); err != nil {
		backend.Logger.Error("The data source stopped", "error", err)
		os.Exit(1)
	}
}
