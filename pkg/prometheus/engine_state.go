package prometheus

import (
	"context"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// EngineState reads the samples of metrics (canonical names, gauges and counters without labels of their own) in windows,
// as scraped.
func (c *Client) EngineState(
	ctx context.Context, windows []evidence.Window, scope vllm.Scope, metrics []string,
) ([]evidence.Series, []evidence.Call, error) {
	return nil, nil, nil
}

// Targets lists the engines that the metrics know in a window.
func (c *Client) Targets(ctx context.Context, w evidence.Window) ([]evidence.Target, []evidence.Call, error) {
	return nil, nil, nil
}

// Finished counts, by engine and reason, the requests that finished in a window.
func (c *Client) Finished(
	ctx context.Context, w evidence.Window, scope vllm.Scope,
) ([]evidence.Finished, []evidence.Call, error) {
	return nil, nil, nil
}
