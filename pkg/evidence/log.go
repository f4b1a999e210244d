package evidence

import (
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// LogLine is one line as Loki gave it, with the place it came from.
type LogLine struct {
	Time     time.Time
	Line     string
	Origin   *Origin
	Labels   map[string]string // stream labels, shared by the lines of a stream: read-only
	Metadata map[string]string // structured metadata of this line, nil when there is none
}

// LogEvent is what a line that carries a request id says of that request.
type LogEvent struct {
	Time   time.Time // the shipper's time; the line's own clock has whole seconds and no zone
	Origin *Origin
	vllm.LogEvent
}
