package fetch

import (
	"fmt"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// ragTrace is an application's: one request that an engine answered, and three calls that none did.
func ragTrace() jaeger.Trace {
	return jaeger.Trace{
		TraceID:  traceOf(0),
		Requests: []evidence.RequestSpan{{TraceID: traceOf(0), RequestID: "chatcmpl-mine", Start: noon, Duration: 2}},
		Unanswered: []evidence.CallerSpan{
			{TraceID: traceOf(0), RequestID: "other", Start: noon.Add(3 * time.Second), HTTPStatus: 429},
			{TraceID: traceOf(0), Start: noon.Add(4 * time.Second), HTTPStatus: 503},
			{TraceID: traceOf(0), RequestID: "mine", Start: noon.Add(-time.Second), HTTPStatus: 503},
		},
	}
}

func TestOneRequestIsNotMixedWithOtherCallsOfItsTrace(t *testing.T) {
	s := &stores{traces: []jaeger.Trace{ragTrace()}}
	in, err := s.fetcher().Request(t.Context(), window, "chatcmpl-mine")
	require.NoError(t, err)
	require.Len(t, in.Spans, 1)
	require.Len(t, in.Callers, 1, "an attempt at the same id belongs to the request; the application's other calls do not")
	require.Equal(t, "mine", in.Callers[0].RequestID)
}

func TestATraceIDMeansAllOfItsCalls(t *testing.T) {
	s := &stores{traces: []jaeger.Trace{ragTrace()}}
	in, err := s.fetcher().Request(t.Context(), window, traceOf(0))
	require.NoError(t, err)
	require.Len(t, in.Spans, 1)
	require.Len(t, in.Callers, 3)
}

func TestTraceIDsAreComparedWithoutTheZerosInFront(t *testing.T) {
	const short = "A1B2C3D4E5F60718"
	full := "0000000000000000a1b2c3d4e5f60718"
	require.True(t, sameTrace(full, short))
	require.False(t, sameTrace(full, short+"0"))
}

func TestACountThatNoEngineCanHaveIsNoReasonToFail(t *testing.T) {
	_, err := (&stores{finished: 9.1e18}).fetcher().Requests(t.Context(), Ask{Window: window})
	require.NoError(t, err)
}

func TestWithoutTracesAndLogsTheSettingsAreToBlame(t *testing.T) {
	_, err := (&Fetcher{Metrics: &stores{}}).Requests(t.Context(), Ask{Window: window})
	require.True(t, backend.IsDownstreamError(err), "%v", err)
}

func TestATraceIDFindsARequestThatNoEngineAnswered(t *testing.T) {
	rejected := jaeger.Trace{TraceID: traceOf(0), Unanswered: []evidence.CallerSpan{{TraceID: traceOf(0), Service: "rag-app", Start: noon, HTTPStatus: 404}}}
	s := &stores{traces: []jaeger.Trace{rejected}}
	in, err := s.fetcher().Request(t.Context(), window, traceOf(0))
	require.NoError(t, err)
	require.Len(t, in.Callers, 1)
	require.Equal(t, []string{"rag-app"}, s.questions("CallerTraces")[0].names)
}

func TestACutSearchForCallersTakesNoRowsOfLogsAlong(t *testing.T) {
	traces := everyMinute(1)
	traces[0].Callers = []evidence.CallerSpan{{Service: "rag-app", Inference: true}}
	s := &stores{traces: traces, events: []evidence.RequestEvent{lineOf("chatcmpl-aborted", noon)}, callers: true}
	in, err := s.fetcher().Requests(t.Context(), Ask{Window: window})
	require.NoError(t, err)
	require.Len(t, join.Requests(in).Rows, 2, "all spans were read, so a line without one is a request without one")
	s.limited = true
	in, err = s.fetcher().Requests(t.Context(), Ask{Window: window})
	require.NoError(t, err)
	require.Len(t, join.Requests(in).Rows, 1, "its span may be among those that were not read")
}

func TestNoMoreCallingServicesAreSearchedThanBounded(t *testing.T) {
	k, ctx := newKept(nil), t.Context()
	services := map[string]bool{}
	for i := range 10 * maxCallers {
		services[fmt.Sprintf("client-%d", i)] = true
	}
	k.sawCallers(ctx, services, nil)
	k.sawCallers(ctx, map[string]bool{"seen-last": true}, nil)
	require.Len(t, k.knownCallers(ctx), maxCallers)
	require.Contains(t, k.knownCallers(ctx), "seen-last")
}
