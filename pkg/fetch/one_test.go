package fetch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestOneRequestIsFoundByEverySpellingOfItsID(t *testing.T) {
	const base = "0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		id, span string
		asked    []string // among the ids
	}{
		"its external id":                 {"chatcmpl-a", "chatcmpl-a", []string{"chatcmpl-a"}},
		"its internal id":                 {"chatcmpl-a-9f3c1a7e", "chatcmpl-a", []string{"chatcmpl-a-9f3c1a7e", "chatcmpl-a"}},
		"a child's internal id":           {"1_cmpl-a-0-9f3c1a7e", "cmpl-a-0", []string{"cmpl-a-0"}},
		"the client's own":                {"order-7", "chatcmpl-order-7", []string{"order-7", "chatcmpl-order-7", "cmpl-order-7-0", "cmpl-order-7-1", "embd-order-7-0", "score-order-7-0", "rerank-order-7-0", "transcribe-order-7"}},
		"one that looks like a trace id":  {base, "chatcmpl-" + base, []string{base, "chatcmpl-" + base}},
		"the response id of a completion": {"cmpl-a", "cmpl-a-1", []string{"cmpl-a", "cmpl-a-0", "cmpl-a-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stores{traces: everyMinute(3)}
			s.traces[1].Requests[0].RequestID = c.span
			in, err := s.fetcher().Request(t.Context(), window, c.id)
			require.NoError(t, err)
			require.Len(t, in.Spans, 1)
			require.Equal(t, c.span, in.Spans[0].RequestID)
			require.Subset(t, s.questions("FindByRequestID")[0].names, c.asked)
			logs := s.questions("RequestEvents")
			require.Equal(t, []string{c.id}, logs[0].names)
			require.Equal(t, []evidence.Window{between(-2, 605)}, logs[0].windows, "lines are looked for by id, so in all of the window")
			require.Equal(t, []evidence.Window{between(23, 102)}, s.questions("EngineState")[0].windows, "the engine is of interest around the request")
		})
	}
}

func TestATraceIDFindsItsRequestsWheneverTheyWere(t *testing.T) {
	s := &stores{traces: everyMinute(3)}
	in, err := s.fetcher().Request(t.Context(), between(86400, 90000), traceOf(1))
	require.NoError(t, err)
	require.Len(t, in.Spans, 1)
	require.Equal(t, requestID(1), in.Spans[0].RequestID)
	require.Zero(t, in.Window, "no row is left out for being outside the panel's range")
	require.Equal(t, []string{traceOf(1)}, s.questions("GetTrace")[0].names)
	logs := s.questions("RequestEvents")
	require.Equal(t, asked{method: "RequestEvents", windows: []evidence.Window{between(48, 77)}, names: []string{requestID(1)}}, logs[len(logs)-1])
}

func TestARequestThatOnlyLogsKnowHasItsEngineToo(t *testing.T) {
	s := &stores{events: []evidence.RequestEvent{lineOf("chatcmpl-aborted", noon.Add(time.Minute)), lineOf("chatcmpl-aborted", noon.Add(70*time.Second))}}
	in, err := s.fetcher().Request(t.Context(), window, "chatcmpl-aborted")
	require.NoError(t, err)
	require.Len(t, in.Events, 2)
	require.Equal(t, []evidence.Window{between(33, 100)}, s.questions("EngineState")[0].windows)
}

func TestWhatAClientSentToARouterFindsItsRequest(t *testing.T) {
	s := &stores{traces: everyMinute(3)}
	s.traces[1].Requests[0].SentID = "user_42"
	in, err := s.fetcher().Request(t.Context(), window, "user_42")
	require.NoError(t, err)
	require.Len(t, in.Spans, 1)
	require.Equal(t, requestID(1), in.Spans[0].RequestID)
	require.Equal(t, []string{"envoy"}, s.questions("FindBySentID")[0].names)
	logs := s.questions("RequestEvents")
	require.Equal(t, []string{requestID(1)}, logs[len(logs)-1].names, "its lines have the id that vLLM knows")
}

func TestAnIDThatNobodyKnowsIsNoError(t *testing.T) {
	s := &stores{}
	in, err := s.fetcher().Request(t.Context(), window, "chatcmpl-nobody")
	require.NoError(t, err)
	require.Empty(t, in.Spans)
	require.Empty(t, s.questions("EngineState"))
	require.Empty(t, s.questions("GetTrace"), "it is not a trace id")
}

func TestNeighboursAreTheSpansAndTheStateOfOnePlace(t *testing.T) {
	s := &stores{traces: everyMinute(3)}
	in, err := s.fetcher().Neighbours(t.Context(), window, window, vllm.Scope{Pods: []string{"llama-0"}}, nil)
	require.NoError(t, err)
	require.Len(t, in.Spans, 3)
	require.Equal(t, []evidence.Window{between(-25, 625)}, s.questions("EngineState")[0].windows)
	require.Empty(t, s.questions("RequestEvents"))
	require.Empty(t, s.questions("CallerTraces"))
}
