package fetch

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestRecentRequestsAreLookedForStepByStep(t *testing.T) {
	day := evidence.Window{From: noon.Add(-24 * time.Hour), To: noon}
	for name, c := range map[string]struct {
		stores *stores
		want   []time.Duration // how far back the stores were asked
	}{
		"nothing":                      {&stores{}, recentSteps},
		"a few requests":               {&stores{traces: tracesOf(3)}, recentSteps},
		"enough in half a minute":      {&stores{traces: tracesOf(recentEnough)}, recentSteps[:1]},
		"more than are read":           {&stores{traces: tracesOf(3), limited: true}, recentSteps[:1]},
		"a store that does not answer": {&stores{fails: map[evidence.Store]error{evidence.Jaeger: upstream.ErrTimeout}}, recentSteps[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.stores.fetcher().Recent(t.Context(), day, vllm.Scope{})
			require.NoError(t, err)
			var back []time.Duration
			for _, q := range c.stores.questions("RequestSpans") {
				back = append(back, noon.Sub(q.windows[0].From).Round(30*time.Second))
			}
			require.Equal(t, c.want, back)
			require.Empty(t, c.stores.questions("EngineState"), "a menu needs no state of engines")
		})
	}
	short := evidence.Window{From: noon.Add(-time.Minute), To: noon}
	s := &stores{}
	_, err := s.fetcher().Recent(t.Context(), short, vllm.Scope{})
	require.NoError(t, err)
	require.Len(t, s.questions("RequestSpans"), 2, "no further than was asked for")
}

func tracesOf(n int) []jaeger.Trace {
	traces := make([]jaeger.Trace, n)
	for i := range traces {
		traces[i] = jaeger.Trace{TraceID: traceOf(i), Requests: []evidence.RequestSpan{{
			TraceID: traceOf(i), SpanID: traceOf(i)[:16], RequestID: requestID(i), Start: noon.Add(-time.Second), Origin: pod,
		}}}
	}
	return traces
}

func TestCallersThatOneUserSawAreNotSearchedForAnother(t *testing.T) {
	s := &stores{byName: []string{"secret-project-x"}}
	f := New(Fetcher{Logs: s, Traces: s, Limits: settings.DefaultLimits()}, settings.Store{URL: "http://jaeger", ForwardIdentity: true})
	ask := func(user string) []string {
		t.Helper()
		before := len(s.questions("CallerTraces"))
		ctx := upstream.WithIdentity(t.Context(), http.Header{"Cookie": {"session=" + user}})
		_, err := f.Requests(ctx, Ask{Window: window})
		require.NoError(t, err)
		var names []string
		for _, q := range s.questions("CallerTraces")[before:] {
			names = append(names, q.names...)
		}
		return slices.Compact(names)
	}
	require.Equal(t, []string{"secret-project-x"}, ask("alice"), fmt.Sprint(s.asked))
	s.byName = nil // what bob may see
	require.Empty(t, ask("bob"))
	require.Equal(t, []string{"secret-project-x"}, ask("alice"), "she is remembered to have seen it")
}
