package query

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Bounds on what a viewer may send, each with its reason. Any viewer may send any query.
const (
	// DefaultRows is what a table shows without becoming slow to scroll.
	DefaultRows = 1000
	// DefaultLines is Grafana's own default for log panels.
	DefaultLines = 1000
	// DefaultEvents is what still can be told apart on a graph.
	DefaultEvents = 200
	// MaxEvents is what a dashboard can draw: each is a marker of its own on every panel.
	MaxEvents = 1000
	// MaxScopeValues keeps a selector within the query length that the stores accept. What outgrows a URL goes by POST, or in pieces.
	MaxScopeValues = 500
	// MaxValueLength is far above any label value, id or column text that means something.
	MaxValueLength = 1024
	// MaxFilters is more than the row has columns, and than streams have labels.
	MaxFilters = 50
	// AroundReach is how far from a line the lines next to it are looked for: an idle engine writes one in minutes.
	AroundReach = 2 * time.Hour
	// MaxPromQLLength is Prometheus' own practical ceiling for a readable expression.
	MaxPromQLLength = 20_000
	// MaxRange is the longest that a time range and a step may be.
	MaxRange = evidence.MaxRange
)
