package fetch

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// forgetful is a storage whose search leaves out some spans that it has.
type forgetful struct {
	*stores
	lost    []jaeger.Trace
	byIndex []jaeger.Trace // of these, what another index has
}

func (f forgetful) FindByRequestID(ctx context.Context, w evidence.Window, ids []string) ([]jaeger.Trace, evidence.StoreReport) {
	found, report := f.stores.FindByRequestID(ctx, w, ids)
	for _, t := range f.lost {
		if slices.Contains(ids, t.Requests[0].RequestID) {
			found = append(found, t)
		}
	}
	return found, report
}

func (f forgetful) RequestSpans(ctx context.Context, search jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	report := f.stores.RequestSpans(ctx, search, visit)
	if search.AnyName {
		for _, t := range f.byIndex {
			_ = visit(t)
		}
	}
	return report
}

func TestSpansThatASearchLeftOutAreFoundAnotherWay(t *testing.T) {
	all := everyMinute(10)
	lines := func() (out []evidence.RequestEvent) {
		for i := range all {
			out = append(out, evidence.RequestEvent{
				UnixNano: all[i].Requests[0].End().UnixNano(), ID: all[i].Requests[0].RequestID, External: all[i].Requests[0].RequestID, Kind: vllm.LogGenerated, Form: vllm.IDExternal,
			})
		}
		return out
	}
	for name, c := range map[string]struct {
		known, lost, byIndex []jaeger.Trace
		events               []evidence.RequestEvent
		counted              float64
		spans                int
		found                string
	}{
		"by the ids of lines":                            {all[:7], all[7:], nil, lines(), 10, 10, "Jaeger's search left out 3 requests that it has; they were found another way."},
		"without lines, by any name of a span":           {all[:3], all[3:], all[3:9], nil, 10, 9, "Jaeger's search left out 6 requests that it has; they were found another way, 1 others were not."},
		"spans that were never stored are no loss":       {all[:7], nil, nil, lines(), 10, 7, ""},
		"nothing is looked for where nothing is missing": {all, nil, nil, lines(), 10, 10, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := forgetful{&stores{traces: c.known, events: c.events, finished: c.counted}, c.lost, c.byIndex}
			f := s.stores.fetcher()
			f.Traces = s
			for range 2 { // the second time it is known
				in, err := f.Requests(t.Context(), Ask{Window: window})
				require.NoError(t, err)
				require.Len(t, in.Spans, c.spans)
				if c.found == "" {
					require.Empty(t, in.Stores[2].Findings)
					continue
				}
				require.Len(t, in.Stores[2].Findings, 1)
				require.Equal(t, c.found, in.Stores[2].Findings[0].Found)
			}
			if c.found == "" {
				require.LessOrEqual(t, len(s.questions("FindByRequestID")), 1, "what was tried in vain is not tried again soon")
			}
		})
	}
}
