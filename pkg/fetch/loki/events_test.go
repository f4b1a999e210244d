package loki_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

const (
	// allRequests and noTokens are the filters of a query for all requests' lines.
	allRequests = ` |~ "Received request |Added request |Generated response |Aborted request|Finished request |cmpl-|embd-|resp_| aborted\\.| aborted due to | failed|Request id: |request_id=|Reqid: |Preempted request |Resumed request |, finish_reason: |lora_request: "`
	noTokens    = ` !~ "Generated response [^ ]+ \\(streaming delta\\)(?: details: |: .*finish_reason: None(?:[\"\\\\]|\\s*$))"`
)

func TestRequestEventsAsksForTheLinesAboutRequestsOnly(t *testing.T) {
	for _, test := range []struct {
		name, selector string
		scope          vllm.Scope
		ids            []string
		want           []string
	}{
		{
			"without a selector every service is asked", "", vllm.Scope{}, nil,
			[]string{`{service_name=~".+"}` + allRequests + noTokens},
		},
		{
			"a selector is taken as it is", `{container="vllm", env!~"dev.*"}`, vllm.Scope{}, nil,
			[]string{`{container="vllm", env!~"dev.*"}` + allRequests + noTokens},
		},
		{
			"a scope narrows by the labels that there are", `{container="vllm"}`,
			vllm.Scope{Models: []string{"m"}, Namespaces: []string{"llm"}, Pods: []string{"a.b", "c|d"}}, nil,
			[]string{`{container="vllm", namespace="llm", pod=~"a\\.b|c\\|d"}` + allRequests + noTokens},
		},
		{
			"hostile scope values stay values", `{container="vllm"}`, vllm.Scope{Namespaces: []string{"x\"} |= `\n"}}, nil,
			[]string{`{container="vllm", namespace="x\"} |= ` + "`" + `\n"}` + allRequests + noTokens},
		},
		{
			"a few ids are looked for by the part that all their spellings share", `{container="vllm"}`, vllm.Scope{},
			[]string{"cmpl-B-0", "1_chatcmpl-a.c-9f3c1a7e"},
			[]string{`{container="vllm"} |~ "cmpl-B|chatcmpl-a\\.c"` + allRequests + noTokens},
		},
		{
			"of a hostile id the part that no wrapper escapes", `{container="vllm"}`, vllm.Scope{}, []string{"a\" or \"b", "chatcmpl-a"},
			[]string{`{container="vllm"} |~ " or |chatcmpl-a"` + allRequests + noTokens},
		},
		{
			"one that has no such part makes every line be read", `{container="vllm"}`, vllm.Scope{}, []string{"chatcmpl-a", "日本"},
			[]string{`{container="vllm"}` + allRequests + noTokens},
		},
		{
			"many ids are sorted out here", `{container="vllm"}`, vllm.Scope{}, ids("chatcmpl-", 257),
			[]string{`{container="vllm"}` + allRequests + noTokens},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeLoki(t)
			_, report := client(t, fake.URL, nil, test.selector).RequestEvents(t.Context(),
				[]evidence.Window{window(0, time.Minute)}, test.scope, loki.RequestFilter{IDs: test.ids})
			require.NoError(t, report.Err)
			require.Equal(t, test.want, fake.queries())
			for _, a := range fake.asked {
				require.Equal(t, asked{"/loki/api/v1/query_range", a.query, "forward", "categorize-labels"}, a)
			}
		})
	}
}

func TestRequestEventsAsksForManyIDsInSeveralQueries(t *testing.T) {
	fake := newFakeLoki(t, added(time.Second, "chatcmpl-0-9f3c1a7e"))
	client := client(t, fake.URL, nil, `{container="vllm"}`)
	events, report := client.RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{},
		loki.RequestFilter{IDs: ids("chatcmpl-", 250)})
	require.NoError(t, report.Err)
	require.Len(t, fake.queries(), 2)
	for _, q := range fake.queries() {
		require.Less(t, len(q), 4096)
	}
	require.Len(t, events, 1, "a line that two queries find comes once")
}

func ids(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return out
}

func TestRequestEventsTellsWhatLinesSay(t *testing.T) {
	fake := newFakeLoki(t,
		fakeLine{at(1), vllmStream, "(APIServer pid=1) INFO 08-20 12:00:00 [request_logger.py:63] Received request cmpl-B-0: params: SamplingParams(n=1, temperature=0.5, top_p=1.0, max_tokens=7), lora_request: None.\r", `{"structuredMetadata":{"detected_level":"info"}}`},
		added(2, "cmpl-B-0-9f3c1a7e"),
		fakeLine{at(3), vllmStream, "(APIServer pid=1) INFO 08-20 12:00:00 [x.py:1] no request at all", ""},
		fakeLine{at(4), vllmStream, "(APIServer pid=1) ERROR 08-20 12:00:00 [serving.py:90] Request cmpl-B failed with an internal error during generation", `{"structuredMetadata":{"detected_level":"error"}}`},
		fakeLine{at(5), vllmStream, "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:1] Aborted request(s) cmpl-B-0-9f3c1a7e,chatcmpl-C-0b1c2d3e.", ""},
		fakeLine{at(5), vllmStream, "(EngineCore pid=9) ERROR 08-20 12:00:00 [dump_input.py:79] Dumping scheduler output for model execution: SchedulerOutput(scheduled_new_reqs=[], num_scheduled_tokens={0_chatcmpl-N-9f3c1a7e: 1, 2_chatcmpl-N-9f3c1a7e: 1, chatcmpl-M-0b1c2d3e: 1}, total_num_scheduled_tokens=3)", ""},
		fakeLine{at(6), `{"service_name":"vllm-tiny"}`, addedHead + "chatcmpl-D-9f3c1a7e.", `{"structuredMetadata":{"k8s_pod_name":"tiny-1"},"parsed":{}}`},
	)
	events, report := client(t, fake.URL, nil, "").RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
	require.NoError(t, report.Err)
	require.Equal(t, []string{
		"1 tiny-0 received cmpl-B-0 max_tokens=7",
		"2 tiny-0 added cmpl-B-0",
		"4 tiny-0 internal error cmpl-B error=internal error during generation",
		"5 tiny-0 aborted cmpl-B-0",
		"5 tiny-0 aborted chatcmpl-C",
		"5 tiny-0 crash dump chatcmpl-N error=in flight when the engine died", // once, though two of its sequences are named
		"5 tiny-0 crash dump chatcmpl-M error=in flight when the engine died",
		"6 tiny-1 added chatcmpl-D",
	}, describe(events))
	require.Same(t, events[0].Origin, events[1].Origin, "lines of one stream share their origin")
	require.Equal(t, evidence.Origin{Service: "vllm-tiny", Namespace: "llm", Pod: "tiny-0"}, *events[0].Origin)
	require.Equal(t, 7, report.Seen)
	require.Len(t, report.Calls, 1)
	require.Equal(t, 7, report.Calls[0].Rows)
	require.Positive(t, report.Calls[0].Bytes)
}

func describe(events []evidence.RequestEvent) []string {
	names := map[vllm.LogKind]string{
		vllm.LogReceived: "received", vllm.LogAdded: "added", vllm.LogInternalError: "internal error", vllm.LogAborted: "aborted",
		vllm.LogCrashDump: "crash dump",
	}
	var out []string
	for _, e := range events {
		s := fmt.Sprintf("%d %s %s %s", e.UnixNano-noon.UnixNano(), e.Origin.Pod, names[e.Kind], e.External)
		if e.Detail != nil && e.Detail.MaxTokens > 0 {
			s += fmt.Sprintf(" max_tokens=%d", e.Detail.MaxTokens)
		}
		if e.Detail != nil && e.Detail.Error != "" {
			s += " error=" + e.Detail.Error
		}
		out = append(out, s)
	}
	return out
}

func TestRequestEventsLeavesToTheJoinWhoseLinesTheyAre(t *testing.T) {
	fake := newFakeLoki(t, added(1, "cmpl-B-1-9f3c1a7e"), added(2, "cmpl-B-10-9f3c1a7e"), added(3, "2_cmpl-B-1-9f3c1a7f"))
	events, _ := client(t, fake.URL, nil, "").RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{},
		loki.RequestFilter{IDs: []string{"cmpl-B-1"}})
	require.Equal(t, []string{"1 tiny-0 added cmpl-B-1", "2 tiny-0 added cmpl-B-10", "3 tiny-0 added cmpl-B-1"}, describe(events))
}

func TestRequestEventsReadsWindowsWhole(t *testing.T) {
	spread := func(n int, step time.Duration) (lines []fakeLine) {
		for i := range n {
			l := added(time.Duration(i)*step, fmt.Sprintf("chatcmpl-%d-9f3c1a7e", i))
			if i%3 == 0 {
				l.stream = `{"service_name":"vllm-tiny","pod":"tiny-1"}`
			}
			lines = append(lines, l)
		}
		return lines
	}
	bunch := func(n int, offset time.Duration, from int) (lines []fakeLine) {
		for i := range n {
			lines = append(lines, added(offset, fmt.Sprintf("chatcmpl-%d-9f3c1a7e", from+i)))
		}
		return lines
	}
	for _, test := range []struct {
		name    string
		lines   []fakeLine
		windows []evidence.Window
		limits  settings.Limits
		want    int
		reason  string
	}{
		{"fewer lines than an answer holds", spread(9, time.Second), []evidence.Window{window(0, time.Minute)}, settings.Limits{}, 9, ""},
		{"exactly as many", spread(10, time.Second), []evidence.Window{window(0, time.Minute)}, settings.Limits{}, 10, ""},
		{"a hundred times as many", spread(1000, 7*time.Millisecond), []evidence.Window{window(0, time.Minute)}, settings.Limits{}, 1000, ""},
		{"all of them in the first second of a day", spread(200, time.Millisecond), []evidence.Window{window(0, 24*time.Hour)}, settings.Limits{}, 200, ""},
		{"all of them in the last second of a day", spread(200, time.Millisecond), []evidence.Window{window(time.Second-24*time.Hour, time.Second)}, settings.Limits{}, 200, ""},
		{"a window longer than Loki takes", spread(100, time.Hour), []evidence.Window{window(-100*24*time.Hour, 24*100*time.Hour)}, settings.Limits{}, 100, ""},
		{"several windows, in their order", spread(60, time.Second), []evidence.Window{window(0, 20*time.Second), window(30*time.Second, time.Minute)}, settings.Limits{}, 50, ""},
		{"an empty window", spread(9, time.Second), []evidence.Window{window(time.Second, time.Second)}, settings.Limits{}, 0, ""},
		{"nine lines in one nanosecond between others", append(spread(15, time.Second), bunch(9, 7*time.Second+1, 100)...), []evidence.Window{window(0, time.Minute)}, settings.Limits{}, 24, ""},
		{
			"more lines in one nanosecond than an answer holds: the rest is read, and the loss is told",
			append(spread(15, time.Second), bunch(14, 7*time.Second+1, 100)...), []evidence.Window{window(0, time.Minute)}, settings.Limits{}, 25,
			"Loki answers with at most 10 lines, and as many or more carry the same time in 1 place: others of that time were not read.",
		},
		{
			"more lines than one query reads: the beginning is read whole, to the end of the last page", spread(100, time.Second),
			[]evidence.Window{window(0, 10*time.Minute)}, settings.Limits{LogLines: 30, ConcurrentCall: 1}, 32,
			"Loki holds more log lines than the 30 that one query reads: from 2026-08-20T12:00:31.96875Z on, not all lines were read.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeLoki(t, test.lines...)
			client := client(t, fake.URL, func(_ *settings.Store, l *settings.Limits) {
				l.LinesPerCall = 10
				if test.limits.LogLines > 0 {
					l.LogLines, l.ConcurrentCall = test.limits.LogLines, test.limits.ConcurrentCall
				}
			}, "")
			events, report := client.RequestEvents(t.Context(), test.windows, vllm.Scope{}, loki.RequestFilter{})
			require.NoError(t, report.Err)
			require.Equal(t, test.reason, report.Reason)
			require.Equal(t, test.reason != "", report.Truncated)
			seen := map[string]bool{}
			for i, e := range events {
				require.False(t, seen[e.ID], "%s comes twice", e.ID)
				seen[e.ID] = true
				require.True(t, i == 0 || events[i-1].UnixNano <= e.UnixNano, "events are in order of time")
			}
			require.Len(t, events, test.want)
		})
	}
}

func TestRequestEventsLearnsThatLokiLetsItAskForLess(t *testing.T) {
	var lines []fakeLine
	for i := range 500 {
		lines = append(lines, added(time.Duration(i)*100*time.Millisecond, fmt.Sprintf("chatcmpl-%d-9f3c1a7e", i)))
	}
	fake := newFakeLoki(t, lines...)
	fake.maxLimit = 120
	client := client(t, fake.URL, func(_ *settings.Store, l *settings.Limits) { l.LinesPerCall = 5000 }, "")
	for range 2 {
		events, report := client.RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
		require.NoError(t, report.Err)
		require.False(t, report.Truncated)
		require.Len(t, events, 500)
	}
}

func TestRequestEventsReportsWhatWentWrong(t *testing.T) {
	respond := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	whole := streamsAnswer([]fakeLine{added(1, "chatcmpl-a-9f3c1a7e")})
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		kind   upstream.Kind
		text   string
	}{
		{"a refused query", respond(400, "parse error at line 1"), upstream.ErrRefused, "Loki answered 400 Bad Request: parse error at line 1"},
		{"no tenant", respond(401, "no org id"), upstream.ErrUnauthorized, "Loki answered 401 Unauthorized: no org id"},
		{"too many queries", respond(429, "too many outstanding requests"), upstream.ErrRateLimited, "Loki answered 429 Too Many Requests: too many outstanding requests"},
		{"an answer that broke off", respond(200, whole[:len(whole)/2]), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: it broke off"},
		{"an answer of nothing", respond(200, ""), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: it broke off"},
		{"a page of HTML", respond(200, "<html>login</html>"), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: it is not the JSON of a query result"},
		{"another type of result", respond(200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: it holds no log lines, but another type of result"},
		{"a failure that says it is one", respond(200, `{"status":"error"}`), upstream.ErrBadAnswer, `Loki gave an answer that cannot be read: its status is not "success"`},
		{"a time that is none", respond(200, strings.Replace(whole, fmt.Sprint(at(1)), "soon", 1)), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: a time in it is no number"},
		{"a stream without labels", respond(200, `{"status":"success","data":{"resultType":"streams","result":[{"values":[["1","x"]]}]}}`), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: it is not the JSON of a query result"},
		{"values of another shape", respond(200, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[1]}]}}`), upstream.ErrBadAnswer, "Loki gave an answer that cannot be read: it is not the JSON of a query result"},
		{"an answer without end", respond(200, whole+strings.Repeat(" ", 70<<10)), upstream.ErrTooLarge, "Loki gave an answer that is too large: ask for less, or raise the data source's maxResponseBytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeLoki(t)
			fake.answer = test.answer
			client := client(t, fake.URL, func(s *settings.Store, _ *settings.Limits) { s.MaxResponse = settings.MinMaxResponse }, "")
			events, report := client.RequestEvents(t.Context(), []evidence.Window{window(0, time.Minute)}, vllm.Scope{}, loki.RequestFilter{})
			require.Empty(t, events)
			require.ErrorIs(t, report.Err, test.kind)
			require.EqualError(t, report.Err, test.text)
			require.Equal(t, test.text, report.Calls[0].Err)
		})
	}
}

func TestRequestEventsKeepsWhatCameBeforeAFailure(t *testing.T) {
	fake := newFakeLoki(t)
	lines := []fakeLine{added(1, "chatcmpl-a-9f3c1a7e")}
	fake.answer = func(w http.ResponseWriter, r *http.Request) {
		if len(fake.queries()) > 1 {
			http.Error(w, "no more", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(streamsAnswer(lines)))
	}
	client := client(t, fake.URL, func(_ *settings.Store, l *settings.Limits) { l.ConcurrentCall = 1 }, "")
	windows := []evidence.Window{window(0, time.Minute), window(time.Hour, 2*time.Hour), window(3*time.Hour, 4*time.Hour)}
	events, report := client.RequestEvents(t.Context(), windows, vllm.Scope{}, loki.RequestFilter{})
	require.Len(t, events, 1)
	require.ErrorIs(t, report.Err, upstream.ErrServer)
	require.Len(t, fake.queries(), 2, "after a failure nothing more is asked")
	require.True(t, errors.Is(report.Err, upstream.ErrServer))
}
