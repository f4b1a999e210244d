package join_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var (
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	podA = &evidence.Origin{Namespace: "llm", Pod: "llama-0", Environment: "production"}
	podB = &evidence.Origin{Namespace: "llm", Pod: "llama-1", Environment: "production"}
)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// span is a finished request of 1.6 s: 20 ms overhead, 100 ms queue, 80 ms prefill, 1.4 s decode of 15 tokens.
func span(id string, start float64, origin *evidence.Origin) evidence.RequestSpan {
	return evidence.RequestSpan{
		TraceID: "t" + id, SpanID: "s" + id, RequestID: id, Start: at(start), Duration: 1.6, Origin: origin,
		PromptTokens: 100, CompletionTokens: 15, CachedTokens: evidence.Unknown, MaxTokens: 64,
		Temperature: evidence.NaN, TopP: evidence.NaN, TTFT: 0.2, E2E: 1.6, Queue: 0.1, Prefill: 0.08, Decode: 1.4,
	}
}

// tokenless is a span of a request that never got a token.
func tokenless(s evidence.RequestSpan) evidence.RequestSpan {
	s.CompletionTokens = 0
	return s
}

func line(kind vllm.LogKind, id string, t float64, origin *evidence.Origin) evidence.RequestEvent {
	e := evidence.RequestEvent{UnixNano: at(t).UnixNano(), Origin: origin, ID: id, External: id, Kind: kind, Form: vllm.IDExternal}
	if kind == vllm.LogAdded {
		e.Form = vllm.IDInternal
		e.External, _ = vllm.ExternalFromInternal(id)
	}
	return e
}

// seen is what a test says of a row: enough to tell rows apart and to see what each was given.
type seen struct {
	ID        string
	Status    join.Status
	Signals   string
	Lines     int64
	Ambiguous bool
}

func look(rows []join.Request) []seen {
	out := make([]seen, len(rows))
	for i, r := range rows {
		out[i] = seen{r.RequestID, r.Status, r.Signals.String(), r.LogLines, r.Ambiguous}
	}
	return out
}

func TestLinesMeetTheirRequest(t *testing.T) {
	const none = evidence.Unknown
	for name, c := range map[string]struct {
		spans  []evidence.RequestSpan
		events []evidence.RequestEvent
		want   []seen
	}{
		"lines of both spellings meet the span": {
			spans: []evidence.RequestSpan{span("chatcmpl-a", 0, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-a", 0.001, podA), line(vllm.LogAdded, "chatcmpl-a-9f3c1a7e", 0.002, podA),
				line(vllm.LogGenerated, "chatcmpl-a", 1.61, podA),
			},
			want: []seen{{"chatcmpl-a", join.StatusOK, "trace+logs", 3, false}},
		},
		"an id that is the beginning of another takes none of its lines": {
			spans: []evidence.RequestSpan{span("cmpl-B-1", 0, podA), span("cmpl-B-10", 0.01, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "cmpl-B-10", 0.02, podA), line(vllm.LogAdded, "cmpl-B-10-00000000", 0.02, podA),
			},
			want: []seen{{"cmpl-B-1", join.StatusOK, "trace", none, false}, {"cmpl-B-10", join.StatusOK, "trace+logs", 2, false}},
		},
		"before 0.14 an internal id has no suffix, even when it ends in eight hex digits": {
			spans:  []evidence.RequestSpan{span("chatcmpl-x-0123abcd", 0, podA)},
			events: []evidence.RequestEvent{line(vllm.LogAdded, "chatcmpl-x-0123abcd", 0.01, podA)},
			want:   []seen{{"chatcmpl-x-0123abcd", join.StatusOK, "trace+logs", 1, false}},
		},
		"nor when the id without these digits is another request's": {
			spans: []evidence.RequestSpan{span("chatcmpl-x", 0, podA), span("chatcmpl-x-deadbeef", 0.5, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-x", 0.01, podA), line(vllm.LogAdded, "chatcmpl-x", 0.01, podA),
				line(vllm.LogReceived, "chatcmpl-x-deadbeef", 0.51, podA), line(vllm.LogAdded, "chatcmpl-x-deadbeef", 0.51, podA),
			},
			want: []seen{{"chatcmpl-x", join.StatusOK, "trace+logs", 2, false}, {"chatcmpl-x-deadbeef", join.StatusOK, "trace+logs", 2, false}},
		},
		"a client that leaves when all tokens are made leaves a whole span and abort lines: one request, which is well": {
			spans: []evidence.RequestSpan{span("chatcmpl-l", 0, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-l", 0.01, podA), line(vllm.LogAdded, "chatcmpl-l-9f3c1a7e", 0.01, podA),
				{UnixNano: at(1.61).UnixNano(), Origin: podA, ID: "chatcmpl-l-9f3c1a7e", External: "chatcmpl-l", Kind: vllm.LogAborted, Form: vllm.IDInternal},
				line(vllm.LogAborted, "chatcmpl-l", 1.61, podA),
			},
			want: []seen{{"chatcmpl-l", join.StatusOK, "trace+logs", 4, false}},
		},
		"a request that the engine aborts before its first token leaves a span without tokens": {
			spans: []evidence.RequestSpan{tokenless(span("chatcmpl-z", 0, podA))},
			want:  []seen{{"chatcmpl-z", join.StatusAborted, "trace", none, false}},
		},
		"a retry that lost its span keeps its lines, although the first go lost its Received line": {
			spans: []evidence.RequestSpan{span("chatcmpl-r", 0, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogAdded, "chatcmpl-r-aaaaaaaa", 0.01, podA), line(vllm.LogGenerated, "chatcmpl-r", 1.61, podA),
				line(vllm.LogReceived, "chatcmpl-r", 2.5, podA), line(vllm.LogAdded, "chatcmpl-r-bbbbbbbb", 2.51, podA),
				line(vllm.LogGenerated, "chatcmpl-r", 4.1, podA),
			},
			want: []seen{{"chatcmpl-r", join.StatusOK, "trace+logs", 2, false}, {"chatcmpl-r", join.StatusOK, "logs", 3, false}},
		},
		"what vLLM refuses is rejected, whatever its HTTP status": {
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-f", 0.01, podA),
				{UnixNano: at(0.02).UnixNano(), Origin: podA, ID: "chatcmpl-f", External: "chatcmpl-f", Kind: vllm.LogFailed, Form: vllm.IDExternal,
					Detail: &evidence.EventDetail{Error: "bad request: The engine is currently busy"}},
			},
			want: []seen{{"chatcmpl-f", join.StatusRejected, "logs", 2, false}},
		},
		"a retry after an abort: the aborted attempt is a row of its own": {
			spans: []evidence.RequestSpan{span("chatcmpl-r", 2, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-r", 0.9, podA), line(vllm.LogAdded, "chatcmpl-r-aaaaaaaa", 0.901, podA),
				{UnixNano: at(1.5).UnixNano(), Origin: podA, ID: "chatcmpl-r-aaaaaaaa", External: "chatcmpl-r", Kind: vllm.LogAborted, Form: vllm.IDInternal},
				line(vllm.LogAborted, "chatcmpl-r", 1.5, podA),
				line(vllm.LogReceived, "chatcmpl-r", 2.001, podA), line(vllm.LogAdded, "chatcmpl-r-bbbbbbbb", 2.002, podA),
			},
			want: []seen{{"chatcmpl-r", join.StatusOK, "trace+logs", 2, false}, {"chatcmpl-r", join.StatusAborted, "logs", 4, false}},
		},
		"two retries far apart: time decides": {
			spans: []evidence.RequestSpan{span("chatcmpl-r", 0, podA), span("chatcmpl-r", 3, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-r", 0.01, podA), line(vllm.LogReceived, "chatcmpl-r", 3.01, podA),
				line(vllm.LogGenerated, "chatcmpl-r", 4.7, podA),
			},
			want: []seen{{"chatcmpl-r", join.StatusOK, "trace+logs", 1, false}, {"chatcmpl-r", join.StatusOK, "trace+logs", 2, false}},
		},
		"an Added line goes to the attempt that just began, not to an earlier one that lost its own": {
			spans: []evidence.RequestSpan{span("cmpl-j-0", 0, podA), span("cmpl-j-0", 4, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "cmpl-j-0", 0.01, podA),
				line(vllm.LogReceived, "cmpl-j-0", 4.01, podA), line(vllm.LogAdded, "cmpl-j-0-bbbbbbbb", 4.02, podA),
			},
			want: []seen{{"cmpl-j-0", join.StatusOK, "trace+logs", 1, false}, {"cmpl-j-0", join.StatusOK, "trace+logs", 2, false}},
		},
		"sequences that were done before their request was aborted keep its lines, and so does what was not": {
			spans: []evidence.RequestSpan{span("chatcmpl-n", 0, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-n", 0.01, podA), line(vllm.LogAdded, "0_chatcmpl-n-9f3c1a7e", 0.01, podA),
				line(vllm.LogAdded, "1_chatcmpl-n-9f3c1a7e", 0.01, podA), line(vllm.LogAborted, "chatcmpl-n", 2.5, podA),
			},
			want: []seen{{"chatcmpl-n", join.StatusOK, "trace+logs", 4, false}, {"chatcmpl-n", join.StatusAborted, "logs", 4, false}},
		},
		"a failure whose beginning was not logged is that of the attempt which ended then, not of the retry that began": {
			spans: []evidence.RequestSpan{span("chatcmpl-r", 0, podA), span("chatcmpl-r", 1.7, podA)},
			events: []evidence.RequestEvent{{
				UnixNano: at(1.6).UnixNano(), Origin: podA, ID: "chatcmpl-r", External: "chatcmpl-r", Kind: vllm.LogInternalError, Form: vllm.IDResponse, Error: true,
			}},
			want: []seen{{"chatcmpl-r", join.StatusError, "trace+logs", 1, false}, {"chatcmpl-r", join.StatusOK, "trace", none, false}},
		},
		"two retries at once on one instance: nobody guesses": {
			spans: []evidence.RequestSpan{span("chatcmpl-r", 0, podA), span("chatcmpl-r", 0.05, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-r", 0.06, podA), line(vllm.LogReceived, "chatcmpl-r", 0.07, podA),
			},
			want: []seen{{"chatcmpl-r", join.StatusOK, "trace", none, true}, {"chatcmpl-r", join.StatusOK, "trace", none, true}},
		},
		"the same id on two instances at once: the instance decides": {
			spans: []evidence.RequestSpan{span("chatcmpl-p", 0, podA), span("chatcmpl-p", 0.01, podB)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-p", 0.02, podB), line(vllm.LogReceived, "chatcmpl-p", 0.02, podA),
				line(vllm.LogGenerated, "chatcmpl-p", 1.7, podB),
			},
			want: []seen{{"chatcmpl-p", join.StatusOK, "trace+logs", 1, false}, {"chatcmpl-p", join.StatusOK, "trace+logs", 2, false}},
		},
		"three sequences of one request share its lines": {
			spans: []evidence.RequestSpan{span("chatcmpl-n", 0, podA), span("chatcmpl-n", 0, podA), span("chatcmpl-n", 0, podA)},
			events: []evidence.RequestEvent{
				line(vllm.LogReceived, "chatcmpl-n", 0.01, podA), line(vllm.LogAdded, "0_chatcmpl-n-9f3c1a7e", 0.01, podA),
				line(vllm.LogAdded, "1_chatcmpl-n-9f3c1a7e", 0.01, podA), line(vllm.LogAdded, "2_chatcmpl-n-9f3c1a7e", 0.01, podA),
			},
			want: []seen{
				{"chatcmpl-n", join.StatusOK, "trace+logs", 4, false}, {"chatcmpl-n", join.StatusOK, "trace+logs", 4, false},
				{"chatcmpl-n", join.StatusOK, "trace+logs", 4, false},
			},
		},
		"a failure named by the response id concerns every prompt of the call": {
			spans: []evidence.RequestSpan{span("cmpl-c-0", 0, podA), span("cmpl-c-1", 0, podA)},
			events: []evidence.RequestEvent{{
				UnixNano: at(1).UnixNano(), Origin: podA, ID: "cmpl-c", External: "cmpl-c", Kind: vllm.LogInternalError, Form: vllm.IDResponse, Error: true,
			}},
			want: []seen{{"cmpl-c-0", join.StatusError, "trace+logs", 1, false}, {"cmpl-c-1", join.StatusError, "trace+logs", 1, false}},
		},
		"lines hours away from the span are another request": {
			spans:  []evidence.RequestSpan{span("chatcmpl-z", 0, podA)},
			events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-z", 7200, podA)},
			want:   []seen{{"chatcmpl-z", join.StatusOK, "trace", none, false}, {"chatcmpl-z", join.StatusUnknown, "logs", 1, false}},
		},
		"a request of which only its arrival was written stays unknown": {
			events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-q", 0, podA)},
			want:   []seen{{"chatcmpl-q", join.StatusUnknown, "logs", 1, false}},
		},
		"lost span, but the answer was written: ok": {
			events: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-q", 0, podA), line(vllm.LogGenerated, "chatcmpl-q", 1, podA)},
			want:   []seen{{"chatcmpl-q", join.StatusOK, "logs", 2, false}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			joined := join.Requests(join.Input{Spans: c.spans, Events: c.events})
			rows, report := joined.Rows, joined.Report
			require.Equal(t, c.want, look(rows))
			require.Equal(t, len(rows), report.Matched+report.TraceOnly+report.LogOnly+report.CallerOnly)
		})
	}
}

func TestCallersWithoutAnEngineSpan(t *testing.T) {
	caller := func(id string, start float64, status int, err string) evidence.CallerSpan {
		return evidence.CallerSpan{
			TraceID: "trace", SpanID: "client", Service: "rag-app", Operation: "chat llama", Kind: evidence.KindClient, Start: at(start),
			Duration: 2, RequestID: id, HTTPStatus: status, Error: err, Model: "llama", Inference: true,
		}
	}
	for name, c := range map[string]struct {
		callers []evidence.CallerSpan
		events  []evidence.RequestEvent
		want    []seen
	}{
		"rejected before the engine": {
			callers: []evidence.CallerSpan{caller("", 0, 404, "404")},
			want:    []seen{{"", join.StatusRejected, "trace", evidence.Unknown, false}},
		},
		"aborted by the client, seen by both: one row": {
			callers: []evidence.CallerSpan{caller("req-1", 0, 0, "timeout")},
			events:  []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-req-1", 0.1, podA), line(vllm.LogAborted, "chatcmpl-req-1", 2, podA)},
			want:    []seen{{"chatcmpl-req-1", join.StatusAborted, "trace+logs", 2, false}},
		},
		"engine span lost, caller had its answer": {
			callers: []evidence.CallerSpan{caller("req-2", 0, 200, "")},
			events:  []evidence.RequestEvent{line(vllm.LogReceived, "cmpl-req-2-0", 0.1, podA)},
			want:    []seen{{"cmpl-req-2-0", join.StatusOK, "trace+logs", 1, false}},
		},
		"an id that only begins alike stays apart": {
			callers: []evidence.CallerSpan{caller("req-1", 0, 500, "500")},
			events:  []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-req-10", 0.1, podA)},
			want: []seen{
				{"chatcmpl-req-10", join.StatusUnknown, "logs", 1, false}, {"", join.StatusError, "trace", evidence.Unknown, false},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, look(join.Requests(join.Input{Callers: c.callers, Events: c.events}).Rows))
		})
	}
}

func TestTheCallersAnswerTellsOfAFailureWhoseLineWasLost(t *testing.T) {
	failed := func(status int, err string, events ...evidence.RequestEvent) join.Status {
		s := span("chatcmpl-e", 0, podA)
		s.Caller = &evidence.CallerSpan{SpanID: "client", Start: at(-0.01), Duration: 2, HTTPStatus: status, Error: err, Inference: true}
		return join.Requests(join.Input{Spans: []evidence.RequestSpan{s}, Events: events}).Rows[0].Status
	}
	require.Equal(t, join.StatusError, failed(500, "", line(vllm.LogReceived, "chatcmpl-e", 0, podA)))
	require.Equal(t, join.StatusError, failed(200, "InternalServerError"), "a stream fails after its 200")
	require.Equal(t, join.StatusOK, failed(200, "APITimeoutError"), "the client gave up on a request that the engine finished")
	require.Equal(t, join.StatusOK, failed(500, "", line(vllm.LogReceived, "chatcmpl-e", 0, podA), line(vllm.LogAdded, "1_chatcmpl-e-9f3c1a7e", 0, podA)),
		"it may be the failure of a sibling, which left no span")
}

// A trace lost a span between the engine's and the application's: the client span that is left without an engine below it may
// be the application's call, or an earlier go whose engine left nothing.
func TestABrokenChainTakesTheCallAroundItAndNotTheOneBefore(t *testing.T) {
	s := span("chatcmpl-req-1", 3, podA)
	router := evidence.CallerSpan{TraceID: "t", SpanID: "router", ParentSpanID: "lost", RequestID: "req-1", Start: at(2.99), Duration: 1.62, Service: "router", HTTPStatus: 200}
	s.Caller, s.Root = &router, &router
	for name, c := range map[string]struct {
		start, duration float64
		caller          string
		rows            int
	}{
		"around it":                      {2.9, 1.8, "app", 1},
		"around it, by a clock astray":   {3.1, 1.8, "app", 1},
		"before it: a go that timed out": {0.5, 2.2, "router", 2},
	} {
		t.Run(name, func(t *testing.T) {
			call := evidence.CallerSpan{
				TraceID: "t", SpanID: "app", RequestID: "req-1", Start: at(c.start), Duration: c.duration, Service: "app", Inference: true, Error: "APITimeoutError",
			}
			rows := join.Requests(join.Input{Spans: []evidence.RequestSpan{s}, Callers: []evidence.CallerSpan{call}}).Rows
			require.Len(t, rows, c.rows)
			require.Equal(t, c.caller, rows[0].Caller.Service)
		})
	}
}

func TestCallsToOtherProvidersAreNoRequestsOfOurs(t *testing.T) {
	target := evidence.Target{Origin: evidence.Origin{Pod: "llama-0", Model: "llama", Engine: "0"}}
	call := func(model string, vllm bool) evidence.CallerSpan {
		return evidence.CallerSpan{TraceID: "t", SpanID: "s", Start: at(0), Duration: 1, Model: model, HTTPStatus: 429, Inference: true, VLLM: vllm}
	}
	for name, c := range map[string]struct {
		call    evidence.CallerSpan
		targets []evidence.Target
		rows    int
	}{
		"a model that our engines serve":                 {call("llama", false), []evidence.Target{target}, 1},
		"a model that they do not":                       {call("gpt-5", false), []evidence.Target{target}, 0},
		"a model that nobody serves, asked of vLLM":      {call("lama", true), []evidence.Target{target}, 1},
		"no model named":                                 {call("", false), []evidence.Target{target}, 1},
		"nothing known of our models: it cannot be told": {call("gpt-5", false), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, join.Requests(join.Input{Callers: []evidence.CallerSpan{c.call}, Targets: c.targets}).Rows, c.rows)
		})
	}
}

func TestEngineStateIsTheLastSampleBeforeArrival(t *testing.T) {
	series := func(metric string, values ...float64) evidence.Series {
		s := evidence.Series{Metric: metric, Origin: &evidence.Origin{Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000", Model: "llama", Engine: "0"}}
		for i, v := range values {
			s.Samples = append(s.Samples, evidence.Sample{UnixMilli: at(float64(i) * 5).UnixMilli(), Value: v})
		}
		return s
	}
	for name, c := range map[string]struct {
		start   float64
		running float64
	}{
		"between two scrapes the older one counts": {7, 2},
		"at the instant of a scrape it counts":     {10, 3},
		"before the first scrape nothing is known": {-1, evidence.NaN},
		"a stale sample says nothing":              {23, evidence.NaN},
		"just not stale":                           {22.4, 3},
	} {
		t.Run(name, func(t *testing.T) {
			rows := join.Requests(join.Input{
				Spans:      []evidence.RequestSpan{span("chatcmpl-a", c.start, podA)},
				Series:     []evidence.Series{series(vllm.NumRequestsRunning, 1, 2, 3), series(vllm.RequestSuccess, 0, 1, 1)},
				StaleAfter: 12500 * time.Millisecond,
			}).Rows
			require.Len(t, rows, 1)
			if c.running != c.running {
				require.NotEqual(t, rows[0].Running, rows[0].Running)
				return
			}
			require.Equal(t, c.running, rows[0].Running)
			require.Equal(t, "0", rows[0].Engine)
			require.Equal(t, "llama", rows[0].Model)
			require.Equal(t, join.ModelFromInstance, rows[0].ModelSource)
		})
	}
}

func TestReportComparesRowsWithTheEnginesOwnCounters(t *testing.T) {
	origin := &evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama", Engine: "0"}
	success := evidence.Series{Metric: vllm.RequestSuccess, Origin: origin}
	for i, v := range []float64{7, 9, 10, 14, 2} { // a scrape every 5 s; a restart before the last
		success.Samples = append(success.Samples, evidence.Sample{UnixMilli: at(float64(i) * 5).UnixMilli(), Value: v})
	}
	report := join.Requests(join.Input{
		Window: evidence.Window{From: at(-1), To: at(21)},
		Spans: []evidence.RequestSpan{
			span("before", -3, podA), span("early", 1, podA), span("a", 6, podA), span("b", 11, podA), span("c", 12, podA), span("d", 16, podA),
		},
		Series: []evidence.Series{success}, StaleAfter: time.Minute,
	}).Report
	require.Equal(t, 1.0+4+2, report.Explained.Counted, "from the first scrape when all requests of before are over, to the last")
	require.Equal(t, 4, report.Explained.Rows, "neither the request that began before the window nor the one that ended too early")
	require.InDelta(t, 4.0/7, report.Explained.Ratio(), 1e-9)
}

func TestAJoinNarrowedToAScopeReportsOnThatAlone(t *testing.T) {
	finished := func(pod, model string) evidence.Series {
		return evidence.Series{Metric: vllm.RequestSuccess, Origin: &evidence.Origin{Namespace: "llm", Pod: pod, Model: model, Engine: "0"}, Samples: []evidence.Sample{
			{UnixMilli: at(5).UnixMilli(), Value: 0}, {UnixMilli: at(10).UnixMilli(), Value: 1},
		}}
	}
	joined := join.Requests(join.Input{
		Window: evidence.Window{From: at(0), To: at(11)}, StaleAfter: time.Minute,
		Spans:  []evidence.RequestSpan{span("a", 5, podA), span("b", 5, podB)},
		Series: []evidence.Series{finished("llama-0", "llama"), finished("llama-1", "qwen")},
	})
	require.Equal(t, 2, joined.Report.Rows)
	require.Len(t, joined.Report.ByInstance, 2)
	qwen := joined.Within(vllm.Scope{Models: []string{"qwen"}})
	require.Equal(t, 1, qwen.Report.Rows)
	require.Len(t, qwen.Report.ByInstance, 1)
	require.Equal(t, 1.0, qwen.Report.Explained.Counted)
	require.Equal(t, 1, qwen.Report.Explained.Rows)
	for _, slice := range qwen.Slices(11 * time.Second) {
		require.LessOrEqual(t, len(slice.Report.ByInstance), 1)
	}
}

func TestACallerThatKnowsTheResponsesIDTellsTheClientsOwn(t *testing.T) {
	for id, want := range map[string][2]string{
		"cmpl-req-1": {"cmpl-req-1", "req-1"}, "chatcmpl-b": {"chatcmpl-b", "b"}, "req-1": {"", "req-1"}, "": {"", ""},
		"resp_0123456789abcdef": {"resp_0123456789abcdef", ""},
	} {
		call := evidence.CallerSpan{TraceID: "t", SpanID: "s", RequestID: id, Start: at(0), Duration: 1, HTTPStatus: 400, Inference: true}
		rows := join.Requests(join.Input{Callers: []evidence.CallerSpan{call}}).Rows
		require.Equal(t, want, [2]string{rows[0].RequestID, rows[0].ClientRequestID}, id)
	}
}
