package loki

import (
	"fmt"
	"sync/atomic"

	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Client asks one Loki. It is safe for concurrent use.
type Client struct {
	api      *upstream.Client
	store    settings.Store
	labels   vllm.LabelNames
	selector selector
	limits   settings.Limits
	// linesPerCall is what Loki lets us ask for at once: our own limit, until Loki says that its limit is lower.
	linesPerCall *upstream.Bound
	words        words
	// noForms is until when it is believed that a gateway in front of Loki takes no POST, in Unix nanoseconds.
	noForms atomic.Int64
	// bytesPerLine is how long a line of an answer is expected to be, with what comes with it.
	bytesPerLine atomic.Int64
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
	c := &Client{api: api, store: store, labels: store.Labels, selector: base, limits: limits}
	c.linesPerCall = upstream.NewBound(limits.LinesPerCall, leastLinesPerCall)
	c.bytesPerLine.Store(usualLine)
	return c, nil
}
