package host

import (
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
)

// labelled is the last that is done to an answer, of whatever kind: labels are cleaned, and a rule has a bounded number of instances
// or an error.
func labelled(fs data.Frames, fromAlert bool) (data.Frames, error) {
	if fromAlert {
		if err := frames.Instances(fs); err != nil {
			return nil, backend.DownstreamError(err)
		}
	}
	return frames.Labelled(fs), nil
}
