package join_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// shipped is a line of the API server as an agent of some stream shipped it, late by so many seconds.
type agent struct {
	stream uint32
	origin *evidence.Origin
	late   float64
	head   func(at time.Time) string // what stands before the message
}

// plainHead is vLLM's own head, without which formatter another logging handler may write.
func plainHead(at time.Time) string {
	return "(APIServer pid=1) INFO " + at.Format("01-02 15:04:05") + " [async_llm.py:439] "
}

func uvicornLike(time.Time) string { return "INFO:     " }

// ship is one line, written t seconds after noon.
func (a agent) ship(t *testing.T, seconds float64, message string) evidence.RequestEvent {
	t.Helper()
	head := plainHead
	if a.head != nil {
		head = a.head
	}
	parsed := vllm.ParseLogLine(head(at(seconds)) + message)
	event, ok := evidence.NewRequestEvent(at(seconds+a.late), a.origin, &parsed)
	require.True(t, ok, message)
	event.Stream = a.stream
	return event
}

func receivedText(id string) string {
	return "Received request " + id + ": params: SamplingParams(n=1, temperature=0.7, top_p=1.0, max_tokens=64), lora_request: None."
}

func answerText(id string) string {
	return "Generated response " + id + ": output: 'Paris.', finish_reason: stop"
}

// call is what the API server writes of one call that lasts 1.6 s; suffix is what the engine's id has more than the request's.
func (a agent) call(t *testing.T, id, suffix string, begin float64) []evidence.RequestEvent {
	return []evidence.RequestEvent{
		a.ship(t, begin+0.001, receivedText(id)), a.ship(t, begin+0.002, "Added request "+id+suffix+"."), a.ship(t, begin+1.601, answerText(id)),
	}
}

func TestALineThatComesTwiceIsOneLine(t *testing.T) {
	promtail := agent{stream: 1, origin: podA}
	for name, second := range map[string]agent{
		"at the same nanosecond in another stream":             {stream: 2, origin: podA},
		"at the same nanosecond, with other metadata":          {stream: 1, origin: podA},
		"40 ms later in another stream":                        {stream: 2, origin: podA, late: 0.04},
		"40 ms later in the same stream":                       {stream: 1, origin: podA, late: 0.04},
		"a second later":                                       {stream: 2, origin: podA, late: 1.2},
		"five minutes later, as the file was read again":       {stream: 1, origin: podA, late: 300},
		"from an agent that knows only the host":               {stream: 2, origin: &evidence.Origin{Instance: "node-3"}, late: 0.1},
		"from an agent that names the pod by its namespace":    {stream: 2, origin: &evidence.Origin{Pod: "llm/llama-0"}},
		"from an agent that names the container":               {stream: 2, origin: &evidence.Origin{Pod: "4f5e6a7b8c9d0a1b2c3d4f5e6a7b8c9d0a1b2c3d4f5e6a7b8c9d0a1b2c3d4f5e"}},
		"from another logging handler, whose head has no time": {stream: 1, origin: podA, late: 0.000003, head: uvicornLike},
	} {
		for version, suffix := range map[string]string{"0.14": "-9f3c1a7e", "0.13": ""} {
			t.Run(name+", "+version, func(t *testing.T) {
				in := join.Input{}
				for i := range 10 {
					id, begin := fmt.Sprintf("chatcmpl-%d", i), float64(10*i)
					in.Spans = append(in.Spans, span(id, begin, podA))
					in.Events = append(in.Events, promtail.call(t, id, suffix, begin)...)
					in.Events = append(in.Events, second.call(t, id, suffix, begin)...)
				}
				joined := join.Requests(in)
				require.Len(t, joined.Rows, 10)
				for _, r := range joined.Rows {
					require.Equal(t, seen{r.RequestID, join.StatusOK, "trace+logs", 3, false}, look([]join.Request{r})[0])
				}
				require.Equal(t, 30, joined.Report.DuplicateLines)
				finding := joined.Report.Findings[0]
				require.Equal(t, join.CheckDuplicateLines, finding.Check)
				require.InDelta(t, 0.5, finding.Value, 1e-9)
				require.Contains(t, finding.Found, "30 of 60 log lines about requests (50 %)")
			})
		}
	}
}

func TestEqualLinesThatAreTwoStayTwo(t *testing.T) {
	one, other := agent{stream: 1, origin: podA}, agent{stream: 2, origin: podB}
	aborted := func(a agent, id, suffix string, t0 *testing.T, from, to float64) []evidence.RequestEvent {
		return []evidence.RequestEvent{
			a.ship(t0, from, receivedText(id)), a.ship(t0, from+0.001, "Added request "+id+suffix+"."),
			a.ship(t0, to, "Aborted request(s) "+id+suffix+"."), a.ship(t0, to, "Request "+id+" aborted."),
		}
	}
	for name, c := range map[string]struct {
		in   func(t *testing.T) join.Input
		want []seen
	}{
		"two tries within a second": {func(t *testing.T) join.Input {
			return join.Input{Events: slices.Concat(aborted(one, tried, "-aaaaaaaa", t, 0.1, 0.3), aborted(one, tried, "-bbbbbbbb", t, 0.5, 0.7))}
		}, []seen{{tried, join.StatusAborted, "logs", 4, false}, {tried, join.StatusAborted, "logs", 4, false}}},
		"two tries within a second, by ids without an end": {func(t *testing.T) join.Input {
			return join.Input{Events: slices.Concat(aborted(one, tried, "", t, 0.1, 0.3), aborted(one, tried, "", t, 0.5, 0.7), one.call(t, "chatcmpl-other", "", 1),
				one.call(t, "chatcmpl-more", "", 2), one.call(t, "chatcmpl-third", "", 3), one.call(t, "chatcmpl-4", "", 4), one.call(t, "chatcmpl-5", "", 5))}
		}, []seen{{tried, join.StatusAborted, "logs", 4, false}, {tried, join.StatusAborted, "logs", 4, false}}},
		"one request on two instances": {func(t *testing.T) join.Input {
			return join.Input{
				Spans:  []evidence.RequestSpan{span(tried, 0, podA), span(tried, 0.01, podB)},
				Events: slices.Concat(one.call(t, tried, "-aaaaaaaa", 0), other.call(t, tried, "-bbbbbbbb", 0.01)),
			}
		}, []seen{{tried, join.StatusOK, "trace+logs", 3, false}, {tried, join.StatusOK, "trace+logs", 3, false}}},
		"two sequences with the same answer": {func(t *testing.T) join.Input {
			return join.Input{
				Spans: []evidence.RequestSpan{span("chatcmpl-n", 0, podA), span("chatcmpl-n", 0, podA)},
				Events: []evidence.RequestEvent{
					one.ship(t, 0.001, receivedText("chatcmpl-n")), one.ship(t, 0.002, "Added request 0_chatcmpl-n-9f3c1a7e."), one.ship(t, 0.002, "Added request 1_chatcmpl-n-9f3c1a7e."),
					one.ship(t, 1.61, answerText("chatcmpl-n")), one.ship(t, 1.61, answerText("chatcmpl-n")),
				},
			}
		}, []seen{{"chatcmpl-n", join.StatusOK, "trace+logs", 5, false}, {"chatcmpl-n", join.StatusOK, "trace+logs", 5, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			in := c.in(t)
			joined := join.Requests(in)
			require.Equal(t, c.want, look(joined.Rows)[:len(c.want)])
			require.Zero(t, joined.Report.DuplicateLines)
			// The same, and each line in a second stream as well.
			twice := in
			twice.Events = slices.Clone(in.Events)
			for _, e := range in.Events {
				e.Stream += 100
				twice.Events = append(twice.Events, e)
			}
			joined = join.Requests(twice)
			require.Equal(t, c.want, look(joined.Rows)[:len(c.want)])
			require.Equal(t, len(in.Events), joined.Report.DuplicateLines)
			// And each once more by a second logging handler, whose head tells no time.
			handlers := in
			handlers.Events = slices.Clone(in.Events)
			for _, e := range in.Events {
				e.UnixNano, e.Clock = e.UnixNano+300, 0
				handlers.Events = append(handlers.Events, e)
			}
			joined = join.Requests(handlers)
			require.Equal(t, c.want, look(joined.Rows)[:len(c.want)])
			require.Equal(t, len(in.Events), joined.Report.DuplicateLines)
			// And again in the same stream, a minute later.
			again := in
			again.Events = slices.Clone(in.Events)
			for _, e := range in.Events {
				e.UnixNano += int64(time.Minute)
				again.Events = append(again.Events, e)
			}
			joined = join.Requests(again)
			require.Equal(t, c.want, look(joined.Rows)[:len(c.want)])
			require.Equal(t, len(in.Events), joined.Report.DuplicateLines)
		})
	}
}

// Of a file that was read again, a window may hold the copies alone. They are of requests of before.
func TestLinesThatWereReadAgainMakeNoRowsOfAnotherTime(t *testing.T) {
	pods := agent{stream: 1, origin: podA}
	again := agent{stream: 1, origin: podA, late: 240}
	in := join.Input{Window: evidence.Window{From: at(300), To: at(600)}}
	for i := range 20 {
		in.Events = append(in.Events, again.call(t, fmt.Sprintf("chatcmpl-old-%d", i), "-9f3c1a7e", 100+float64(i)*5)...)
		id, begin := fmt.Sprintf("chatcmpl-%d", i), 310+float64(i)*10
		in.Spans = append(in.Spans, span(id, begin, podA))
		in.Events = append(in.Events, pods.call(t, id, "-aaaaaaaa", begin)...)
	}
	require.Len(t, join.Requests(in).Rows, 20)
	in.Spans = nil
	rows := join.Requests(in).Rows
	require.Len(t, rows, 20, "also where nothing but lines tells the time")
	for _, r := range rows {
		require.False(t, r.Time.Before(at(300)))
	}
}
