package ship

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/golang/snappy"
	"github.com/grafana/loki/pkg/push"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

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
	for _, p := range parcels(lines) {
		body, path, err := p.encode()
		if err != nil {
			return Rejected{err.Error()}
		}
		header := l.header("application/x-protobuf")
		if p.tenant != "" {
			header["X-Scope-OrgID"] = p.tenant
		}
		if err := post(ctx, l.Client, l.URL+path, header, body); err != nil {
			return err // lines sent twice are one: Loki leaves out what is equal in time, stream and text
		}
	}
	return nil
}

// parcel is the lines of a batch that go the same way.
type parcel struct {
	tenant string
	otlp   bool
	lines  []telemetry.LogLine
}

func parcels(lines []telemetry.LogLine) (all []*parcel) {
	for _, line := range lines {
		i := slices.IndexFunc(all, func(p *parcel) bool { return p.tenant == line.Stream.Tenant && p.otlp == line.Stream.OTLP })
		if i < 0 {
			i = len(all)
			all = append(all, &parcel{tenant: line.Stream.Tenant, otlp: line.Stream.OTLP})
		}
		all[i].lines = append(all[i].lines, line)
	}
	return all
}

func (p *parcel) encode() (body []byte, path string, err error) {
	if p.otlp {
		body, err = proto.Marshal(exportLines(p.lines))
		return body, "/otlp/v1/logs", err
	}
	body, err = encodeLines(p.lines)
	return body, "/loki/api/v1/push", err
}

// exportLines is what an OpenTelemetry collector sends: Loki makes labels of some resource attributes and structured metadata
// of all others.
func exportLines(lines []telemetry.LogLine) *collector.ExportLogsServiceRequest {
	index := map[*telemetry.LogStream]*logs.ScopeLogs{}
	request := &collector.ExportLogsServiceRequest{}
	for _, line := range lines {
		scope := index[line.Stream]
		if scope == nil {
			scope = &logs.ScopeLogs{}
			index[line.Stream] = scope
			request.ResourceLogs = append(request.ResourceLogs, &logs.ResourceLogs{
				Resource: &resource.Resource{Attributes: labelValues(line.Stream.Labels)}, ScopeLogs: []*logs.ScopeLogs{scope},
			})
		}
		scope.LogRecords = append(scope.LogRecords, &logs.LogRecord{
			TimeUnixNano: nanos(line.Time), Body: anyValue(line.Text), Attributes: labelValues(line.Metadata),
		})
	}
	return request
}

func labelValues(labels []telemetry.Label) []*common.KeyValue {
	out := make([]*common.KeyValue, len(labels))
	for i, l := range labels {
		out[i] = &common.KeyValue{Key: l.Name, Value: anyValue(l.Value)}
	}
	return out
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
		s.Entries = append(s.Entries, push.Entry{Timestamp: line.Time, Line: line.Text, StructuredMetadata: metadata(line.Metadata)})
	}
	raw, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	return snappy.Encode(nil, raw), nil
}

func metadata(labels []telemetry.Label) push.LabelsAdapter {
	if len(labels) == 0 {
		return nil
	}
	out := make(push.LabelsAdapter, len(labels))
	for i, l := range labels {
		out[i] = push.LabelAdapter(l)
	}
	return out
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
