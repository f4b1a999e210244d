package frames

import (
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/models"
)

// Models shows figures in the form that was asked for: one table, or the frames of Series or Numbers.
func Models(r models.Result, form models.Form) data.Frames {
	return nil
}
