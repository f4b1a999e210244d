package loki

import (
	"fmt"

	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Client asks one Loki. It is safe for concurrent use.
type Client struct {
	api      *upstream.Client
	store    settings.Store
	labels   vllm.LabelNames
	selector selector
	limits   settings.Limits
	kept
}

// leastLinesPerCall is the smallest page that a refusal of Loki's can make us ask for: with a smaller one no query would end.
const leastLinesPerCall = 100

// New makes the client of one Loki. logSelector is the stream selector that finds the engines' logs, such as
// {container="vllm"}; empty means every stream that has the label which names services.
func New(api *upstream.Client, store settings.Store, logSelector string, limits settings.Limits) (*Client, error) {
	base, err := baseSelector(store.Labels, logSelector)
	if err != nil {
		return nil, fmt.Errorf("log selector: %w", err)
	}
	return &Client{api: api, store: store, labels: store.Labels, selector: base, limits: limits, kept: newKept(store, limits)}, nil
}
