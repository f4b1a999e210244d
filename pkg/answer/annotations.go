package answer

import (
	"context"
	"errors"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
)

// annotations answers with what happened to engines: one row per event, in the form that a dashboard draws.
func (d *Sources) annotations(ctx context.Context, q query.Query) (data.Frames, error) {
	spec := q.Annotations
	in, err := d.Fetcher.Events(ctx, q.Range, q.Scope, spec.Events)
	if errors.Is(err, fetch.ErrNoStore) {
		return nil, fmt.Errorf("%w: %w", err, ErrNotConfigured)
	}
	if err != nil {
		return nil, err
	}
	happened := events.Derive(in)
	chosen, dropped := events.Choose(happened.Events, spec.Events, spec.Limit)
	frame := frames.Annotations(chosen, in.Stores)
	if dropped > 0 {
		frame.AppendNotices(info("%d more events are not shown: the limit of this query is %d, and the least severe were left out.", dropped, spec.Limit))
	}
	if happened.Unplaced > 0 {
		frame.AppendNotices(info("%d events are not shown, because no store tells whose model they are. Metrics of the same pod or instance would.", happened.Unplaced))
	}
	return withExecuted(data.Frames{frame}, in.Stores), nil
}

func info(format string, args ...any) data.Notice {
	return data.Notice{Severity: data.NoticeSeverityInfo, Text: fmt.Sprintf(format, args...)}
}
