package join_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestARefusedCallIsOursUnderEveryNameThatIsKnown(t *testing.T) {
	refused := func(model string) evidence.CallerSpan {
		return evidence.CallerSpan{TraceID: "r", SpanID: "r", Start: at(5), Duration: 0.1, Model: model, HTTPStatus: 400, Inference: true}
	}
	answered := span("chatcmpl-a", 0, podA)
	answered.Caller = &evidence.CallerSpan{Start: at(-0.1), Duration: 1.8, Model: "support-bot", Inference: true}
	handler := span("chatcmpl-h", 1, podA)
	handler.Caller = &evidence.CallerSpan{Start: at(0.9), Duration: 1.8, Model: "no-call", Service: "app"}
	in := join.Input{
		Spans:        []evidence.RequestSpan{answered, handler},
		Targets:      []evidence.Target{{Origin: evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama"}}},
		ModelAliases: []string{"gpt-4"},
	}
	for model, rows := range map[string]int{
		"llama": 3, "support-bot": 3, "gpt-4": 3, "hosted_vllm/llama": 3, "openai/support-bot": 3, "claude": 2, "together_ai/llama": 2, "no-call": 2,
	} {
		in.Callers = []evidence.CallerSpan{refused(model)}
		require.Len(t, join.Requests(in).Rows, rows, model)
	}
}

func TestTheRouterAndTheApplicationKnowOneRequestByTwoIDs(t *testing.T) {
	app := evidence.CallerSpan{TraceID: "t", SpanID: "app", RequestID: "chatcmpl-B", Start: at(0), Duration: 2, Service: "app", Inference: true, Model: "llama"}
	router := evidence.CallerSpan{TraceID: "t", SpanID: "router", RequestID: "B", Start: at(0.01), Duration: 1.9, Service: "router", Inference: true, HTTPStatus: 500}
	received := line(vllm.LogReceived, "chatcmpl-B", 0.02, podA)
	for _, callers := range [][]evidence.CallerSpan{{app, router}, {router, app}} {
		rows := join.Requests(join.Input{Callers: callers, Events: []evidence.RequestEvent{received}}).Rows
		require.Len(t, rows, 1)
		require.Equal(t, "app", rows[0].Caller.Service)
		require.Equal(t, join.StatusError, rows[0].Status)
	}
	t.Run("two tries in two traces settle together, whatever each knows", func(t *testing.T) {
		first, second := app, router
		second.TraceID, second.Start = "u", at(10)
		events := []evidence.RequestEvent{received, line(vllm.LogReceived, "chatcmpl-B", 10.02, podA)}
		for _, callers := range [][]evidence.CallerSpan{{first, second}, {second, first}} {
			rows := join.Requests(join.Input{Callers: callers, Events: events}).Rows
			require.Len(t, rows, 2)
			for _, r := range rows {
				require.Equal(t, r.Time.Before(at(5)), r.Caller.Service == "app")
				require.False(t, r.Ambiguous)
			}
		}
	})
}

func TestWhatACallerWaitedForIsNeverLessThanNothing(t *testing.T) {
	outside := func(c evidence.CallerSpan) float64 {
		s := span("chatcmpl-a", 0, podA)
		s.Caller = &c
		return join.Requests(join.Input{Spans: []evidence.RequestSpan{s}}).Rows[0].OutsideEngine
	}
	unknown := func(v float64) bool { return v != v }
	require.InDelta(t, 0.2, outside(evidence.CallerSpan{Start: at(-0.1), Duration: 1.8, Inference: true}), 1e-9)
	require.Zero(t, outside(evidence.CallerSpan{Start: at(0), Duration: 1.5995, Inference: true}), "two clocks")
	require.True(t, unknown(outside(evidence.CallerSpan{Start: at(-0.1), Duration: 0.5, Inference: true})))
	require.True(t, unknown(outside(evidence.CallerSpan{Start: at(-5), Duration: 20, Shared: true})), "a handler of several requests waited for the others too")
}

func TestAnEngineThatTellsHowARequestEnded(t *testing.T) {
	ended := func(finish, err string) join.Status {
		s := span("chatcmpl-a", 0, podA)
		s.FinishReason, s.Error = finish, err
		return join.Requests(join.Input{Spans: []evidence.RequestSpan{s}}).Rows[0].Status
	}
	require.Equal(t, join.StatusOK, ended("stop", ""))
	require.Equal(t, join.StatusAborted, ended("abort", ""))
	require.Equal(t, join.StatusAborted, ended("", "asyncio.CancelledError: client disconnected"))
	require.Equal(t, join.StatusError, ended("error", ""))
	require.Equal(t, join.StatusError, ended("", "EngineDeadError"))
}

func TestACallWhoseAnswersEndedForDifferentReasonsIsDone(t *testing.T) {
	c := evidence.CallerSpan{TraceID: "t", SpanID: "s", Start: at(0), Duration: 1, FinishReason: vllm.SeveralReasons, Inference: true}
	row := join.Requests(join.Input{Callers: []evidence.CallerSpan{c}}).Rows[0]
	require.Equal(t, join.StatusOK, row.Status)
	require.Empty(t, row.FinishReason)
}

func TestRefusalsInTheWordsOfClients(t *testing.T) {
	for text, status := range map[string]join.Status{
		"NotFoundError": join.StatusRejected, "openai.BadRequestError": join.StatusRejected, "Error code: 404 - {'error': …}": join.StatusRejected,
		"litellm.RateLimitError: …": join.StatusRejected, "AI_APICallError: status code 429": join.StatusRejected, "Error code: 503": join.StatusRejected,
		"InternalServerError": join.StatusError, "Error code: 500 - bad request": join.StatusError, "ConnectionError": join.StatusError,
		"APITimeoutError": join.StatusAborted,
	} {
		c := evidence.CallerSpan{TraceID: "t", SpanID: "s", Start: at(0), Duration: 1, Error: text, Inference: true}
		require.Equal(t, status, join.Requests(join.Input{Callers: []evidence.CallerSpan{c}}).Rows[0].Status, text)
	}
}

func TestTheShareOfRequestsWithSpansIsSaid(t *testing.T) {
	origin := evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
	joined := func(spans int, lines int, truncated bool) join.Report {
		in := join.Input{
			Window: evidence.Window{From: at(-1), To: at(121)},
			Series: []evidence.Series{success(origin, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200)},
			Stores: []evidence.StoreReport{{Store: evidence.Jaeger, Configured: true, Truncated: truncated}},
		}
		for i := range spans {
			s := span("chatcmpl-"+string(rune('a'+i%26))+string(rune('a'+i/26)), 100*float64(i)/float64(spans), podA)
			s.E2E, s.Duration = 0.1, 0.1
			in.Spans = append(in.Spans, s)
		}
		for i := range lines {
			in.Events = append(in.Events, line(vllm.LogGenerated, "chatcmpl-lined"+string(rune('a'+i)), 10+float64(i), podA))
		}
		return join.Requests(in).Report
	}
	for name, c := range map[string]struct {
		report join.Report
		found  string
	}{
		"all there":           {joined(200, 0, false), ""},
		"a tenth":             {joined(20, 0, false), "Spans exist for 10 % of the requests that engines counted."},
		"an answer cut off":   {joined(20, 0, true), ""},
		"none at all":         {joined(0, 0, false), ""},
		"one in twelve lost":  {joined(184, 10, false), "have no span, and nothing was left out that we know of."},
		"without other proof": {joined(184, 0, false), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.found == "" {
				require.Empty(t, c.report.Findings)
				return
			}
			require.Len(t, c.report.Findings, 1)
			require.Contains(t, c.report.Findings[0].Found, c.found)
			require.NotEmpty(t, c.report.Findings[0].Fix)
		})
	}
	require.InDelta(t, 0.1, joined(20, 0, false).SpanShare(), 0.01)
}

func TestTheClockOfACallersHostIsMeasured(t *testing.T) {
	const ahead = 3.0
	var in join.Input
	for i := range 20 {
		s := span("chatcmpl-"+string(rune('a'+i)), float64(10*i), podA)
		s.ParentSpanID = "p"
		s.Above = &evidence.CallerSpan{Service: "app", Start: at(float64(10*i) + ahead - 0.01), Duration: 1.7, Inference: true}
		in.Spans = append(in.Spans, s)
	}
	// Two tries at one id, given up one after the other: by the caller's own clock the first would be the second.
	for i, start := range []float64{300, 303} {
		in.Events = append(in.Events, line(vllm.LogReceived, "chatcmpl-B", start, podA), line(vllm.LogAborted, "chatcmpl-B", start+1, podA))
		in.Callers = append(in.Callers, evidence.CallerSpan{
			TraceID: "t", SpanID: string(rune('1' + i)), RequestID: "B", Service: "app", Start: at(start + ahead - 0.01), Duration: 1.02, Error: "APITimeoutError", Inference: true,
		})
	}
	joined := join.Requests(in)
	require.Len(t, joined.Rows, 22)
	for _, r := range joined.Rows[20:] {
		require.False(t, r.Ambiguous)
		require.InDelta(t, ahead-0.01, r.Caller.Start.Sub(r.Time).Seconds(), 0.001)
	}
	require.Len(t, joined.Report.Findings, 1)
	require.Equal(t, "caller_clock", joined.Report.Findings[0].Check)
	require.Contains(t, joined.Report.Findings[0].Found, "The clock of app is 3.0 s ahead of the engines'")
	t.Run("a router in which calls wait is no clock that is off", func(t *testing.T) {
		for i := range in.Spans {
			s := &in.Spans[i]
			s.Above = &evidence.CallerSpan{Service: "app", Start: s.Start.Add(-3e9), Duration: 4.7, Inference: true}
		}
		in.Events, in.Callers = nil, nil
		require.Empty(t, join.Requests(in).Report.Findings)
	})
}

func TestACallWithoutAnIDMeetsTheRequestThatLinesKnow(t *testing.T) {
	events := []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-B", 1, podA), line(vllm.LogAborted, "chatcmpl-B", 3, podA)}
	call := func(start, duration float64, err string) evidence.CallerSpan {
		return evidence.CallerSpan{TraceID: "t", SpanID: "s", Start: at(start), Duration: duration, Error: err, Inference: true}
	}
	for name, c := range map[string]struct {
		calls []evidence.CallerSpan
		rows  int
	}{
		"at the same time":                  {[]evidence.CallerSpan{call(0.99, 2, "APITimeoutError")}, 1},
		"long before":                       {[]evidence.CallerSpan{call(-9, 1, "APITimeoutError")}, 2},
		"refused before any engine":         {[]evidence.CallerSpan{call(0.99, 0.01, "Error code: 401")}, 2},
		"two that began together: not told": {[]evidence.CallerSpan{call(0.99, 2, "APITimeoutError"), call(0.98, 2.1, "APITimeoutError")}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, join.Requests(join.Input{Callers: c.calls, Events: events}).Rows, c.rows)
		})
	}
}

// /v1/responses makes up its ids, so that the client's own stands on its call alone.
func TestACallMeetsTheLinesOfAnEngineThatDoesNotKnowTheClientsID(t *testing.T) {
	call := func(id string, start, duration float64) evidence.CallerSpan {
		return evidence.CallerSpan{TraceID: "t", SpanID: "s", Start: at(start), Duration: duration, RequestID: id, SentID: id, Error: "APITimeoutError", Inference: true}
	}
	for name, c := range map[string]struct {
		id    string
		calls []evidence.CallerSpan
		rows  int
	}{
		"a response":                             {"resp_179ffb0476d7ea08_0", []evidence.CallerSpan{call("user_42", 0.99, 2)}, 1},
		"a gateway that sends no id on":          {"chatcmpl-179ffb0476d7ea08", []evidence.CallerSpan{call("user_42", 0.99, 2)}, 1},
		"another client's id is in the lines":    {"chatcmpl-user_43", []evidence.CallerSpan{call("user_42", 0.99, 2)}, 2},
		"another response's id is on the call":   {"resp_179ffb0476d7ea08_0", []evidence.CallerSpan{call("resp_27affb0476d7ea09", 0.99, 2)}, 2},
		"two that began together: not told":      {"resp_179ffb0476d7ea08_0", []evidence.CallerSpan{call("a_1", 0.99, 2), call("a_2", 0.98, 2.1)}, 3},
		"the call's own request is in the lines": {"chatcmpl-user_42", []evidence.CallerSpan{call("user_42", 0.99, 2)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			events := []evidence.RequestEvent{line(vllm.LogReceived, c.id, 1, podA), line(vllm.LogAborted, c.id, 3, podA)}
			rows := join.Requests(join.Input{Callers: c.calls, Events: events}).Rows
			require.Len(t, rows, c.rows)
			if c.rows == 1 {
				require.Equal(t, "user_42", rows[0].ClientRequestID)
			}
		})
	}
}
