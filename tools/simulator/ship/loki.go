package ship

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
)

// Loki pushes log lines as protobuf.
type Loki struct {
	URL    string // base
	Tenant string // X-Scope-OrgID, if any
	Client *http.Client
}

// Send implements Sender.
func (l Loki) Send(ctx context.Context, lines []telemetry.LogLine) error {
	body, err := encodeLines(lines)
	if err != nil {
		return Rejected{err.Error()}
	}
	return post(ctx, l.Client, l.URL+"/loki/api/v1/push", l.header("application/x-protobuf"), body)
}

// Flush makes the ingester write its chunks: lines older than about three
// hours cannot be queried before that.
func (l Loki) Flush(ctx context.Context) error {
	return post(ctx, l.Client, l.URL+"/flush", l.header(""), nil)
}

func (l Loki) header(contentType string) map[string]string {
	h := map[string]string{}
	if contentType != "" {
		h["Content-Type"] = contentType
	}
	if l.Tenant != "" {
		h["X-Scope-OrgID"] = l.Tenant
	}
	return h
}

func encodeLines(lines []telemetry.LogLine) ([]byte, error) {
	index := map[*telemetry.LogStream]int{}
	var request push.PushRequest
	for _, line := range lines {
		i, ok := index[line.Stream]
		if !ok {
			i = len(request.Streams)
			index[line.Stream] = i
			request.Streams = append(request.Streams, push.Stream{Labels: selector(line.Stream.Labels)})
		}
		s := &request.Streams[i]
		s.Entries = append(s.Entries, push.Entry{Timestamp: line.Time, Line: line.Text})
	}
	raw, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	return snappy.Encode(nil, raw), nil
}

func selector(labels []telemetry.Label) string {
	parts := make([]string, len(labels))
	for i, l := range labels {
		parts[i] = fmt.Sprintf("%s=%q", l.Name, l.Value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// LineSize is what a line weighs in a Buffer.
func LineSize(l telemetry.LogLine) int { return len(l.Text) + 64 }
