package answer

import (
	"context"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// trace answers with one trace.
func (d *Sources) trace(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.Jaeger == nil {
		return nil, Needs(evidence.Jaeger, "a trace")
	}
	spans, report := d.Jaeger.GetTrace(ctx, q.Trace.TraceID)
	if report.Err != nil && len(spans) == 0 {
		return nil, report.Err
	}
	fs := WithStore(data.Frames{frames.Trace(spans)}, report, "the rest of the trace")
	if len(spans) == 0 {
		fs[0].AppendNotices(data.Notice{
			Severity: data.NoticeSeverityInfo,
			Text:     "Jaeger does not know this trace: it was not sampled, has not arrived yet (vLLM exports every 5 s), or is past retention.",
		})
	}
	return fs, nil
}
