package loki

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
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
	linesPerCall atomic.Int64
}

// New makes the client of one Loki. logSelector is the stream selector that finds the engines' logs, such as
// {container="vllm"}; empty means every stream that has the label which names services.
func New(api *upstream.Client, store settings.Store, logSelector string, limits settings.Limits) (*Client, error) {
	base, err := baseSelector(store.Labels, logSelector)
	if err != nil {
		return nil, fmt.Errorf("log selector: %w", err)
	}
	c := &Client{api: api, store: store, labels: store.Labels, selector: base, limits: limits}
	c.linesPerCall.Store(int64(limits.LinesPerCall))
	return c, nil
}

// RequestFilter narrows RequestEvents.
type RequestFilter struct {
	// IDs, in any spelling, are the requests to find; empty means all. What is not an id by vllm.ValidRequestID is not asked
	// for. Up to maxNarrowedIDs are looked for by Loki itself; with more, all requests' lines are read and sorted out here.
	IDs []string
}

// LineFilter narrows Lines and Volume. Empty fields match everything; all that are set must match.
type LineFilter struct {
	Levels    []vllm.LogLevel // any of them
	Process   string          // as vLLM names it, such as EngineCore_DP0
	Logger    string          // file of the log call, such as async_llm.py
	Engine    string          // data-parallel rank, such as 0
	RequestID string          // in any spelling
	Contains  string          // text, exactly
	Regex     string          // RE2
}

// Order of lines by time.
type Order bool

// The orders.
const (
	NewestFirst Order = false
	OldestFirst Order = true
)

// LevelVolume is how many lines of one level there were in each step. A sample stands at the beginning of its step.
type LevelVolume struct {
	Level   vllm.LogLevel
	Samples []evidence.Sample
}

// Sample is what a look at a window's newest lines says about the logs as a source.
type Sample struct {
	Lines   int // lines looked at, of any kind
	IDLines int // lines found that name a request
	Origins []evidence.Origin
	// Levels counts the lines whose form is vLLM's, so that a selector which finds other services' logs shows.
	VLLMLines int
}

// RequestEvents gives what the windows' lines tell of requests, in the order of the windows and of time within each. Windows
// should not overlap (evidence.MergeWindows): a line in two of them comes twice. The report says what was not seen; events
// that came before a failure are kept beside its error.
func (c *Client) RequestEvents(ctx context.Context, windows []evidence.Window, scope vllm.Scope, filter RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport) {
	return nil, evidence.StoreReport{}
}

// Lines gives up to limit lines of the window.
func (c *Client) Lines(ctx context.Context, window evidence.Window, scope vllm.Scope, filter LineFilter, limit int, order Order) ([]evidence.LogLine, evidence.StoreReport) {
	return nil, evidence.StoreReport{}
}

// Volume counts the window's lines by level, step by step.
func (c *Client) Volume(ctx context.Context, window evidence.Window, step time.Duration, scope vllm.Scope, filter LineFilter) ([]LevelVolume, evidence.StoreReport) {
	return nil, evidence.StoreReport{}
}

// Ping reports whether Loki answers a query: one that reads no line.
func (c *Client) Ping(ctx context.Context) error { return nil }

// RequestIDSample looks at the newest lines of the window.
func (c *Client) RequestIDSample(ctx context.Context, window evidence.Window) (Sample, error) {
	return Sample{}, nil
}

// LabelNames lists the labels of the engines' streams.
func (c *Client) LabelNames(ctx context.Context, window evidence.Window) ([]string, error) {
	return nil, nil
}

// LabelValues lists the values of one label of the engines' streams.
func (c *Client) LabelValues(ctx context.Context, window evidence.Window, label string) ([]string, error) {
	return nil, nil
}

// Services lists the services whose logs are there.
func (c *Client) Services(ctx context.Context, window evidence.Window) ([]string, error) {
	return nil, nil
}
