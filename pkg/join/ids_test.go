package join_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// logged is the sentence of a kind about an id, in the form in which vLLM writes it.
func logged(kind vllm.LogKind, form vllm.IDForm, id string, t float64) evidence.RequestEvent {
	e := line(kind, id, t, podA)
	e.Form = form
	return e
}

func TestTheClientsIDIsWhatTheClientSent(t *testing.T) {
	call := func(id string) *evidence.CallerSpan {
		return &evidence.CallerSpan{SpanID: "call", Kind: evidence.KindClient, Inference: true, RequestID: id, Start: at(0), Duration: 2}
	}
	for name, c := range map[string]struct {
		ids    []string // of spans that begin together
		parent string
		caller *evidence.CallerSpan
		want   []string
	}{
		"a number behind an underscore is the client's":        {ids: []string{"chatcmpl-user_42"}, want: []string{"user_42"}},
		"also when others are numbered":                        {ids: []string{"chatcmpl-job7", "chatcmpl-job7_1", "chatcmpl-job7_2"}, want: []string{"job7", "job7_1", "job7_2"}},
		"also when they are numbered from 0, without a caller": {ids: []string{"chatcmpl-job_0", "chatcmpl-job_1"}, want: []string{"job_0", "job_1"}},
		"also below one span that is no call":                  {ids: []string{"chatcmpl-job_0", "chatcmpl-job_1"}, parent: "handler", caller: &evidence.CallerSpan{SpanID: "handler", Kind: evidence.KindServer, Operation: "POST /ask"}, want: []string{"job_0", "job_1"}},
		"below one call the numbers are those of a batch":      {ids: []string{"chatcmpl-job_0", "chatcmpl-job_1"}, parent: "call", caller: call(""), want: []string{"job", "job"}},
		"so they are below one span that another store has":    {ids: []string{"chatcmpl-job_0", "chatcmpl-job_1"}, parent: "exported elsewhere", want: []string{"job", "job"}},
		"numbers with a gap are not":                           {ids: []string{"chatcmpl-job_1", "chatcmpl-job_2"}, parent: "call", caller: call(""), want: []string{"job_1", "job_2"}},
		"the id of the response proves a batch of one":         {ids: []string{"chatcmpl-job_0"}, parent: "call", caller: call("chatcmpl-job"), want: []string{"job"}},
		"and that it is none":                                  {ids: []string{"chatcmpl-job_0"}, parent: "call", caller: call("chatcmpl-job_0"), want: []string{"job_0"}},
		"pieces of one tape":                                   {ids: []string{"transcribe-t-0", "transcribe-t-1"}, parent: "call", caller: call(""), want: []string{"t", "t"}},
		"a tape with a number":                                 {ids: []string{"transcribe-t-7"}, parent: "call", caller: call(""), want: []string{"t-7"}},
		"completions number every prompt":                      {ids: []string{"cmpl-req-42-0", "cmpl-req-42-1"}, want: []string{"req-42", "req-42"}},
		"responses have ids of vLLM's own":                     {ids: []string{"resp_0123456789abcdef_0"}, want: []string{""}},
		"blanks, quotes, commas, pipes":                        {ids: []string{`chatcmpl-a b"c,d|e\f`}, want: []string{`a b"c,d|e\f`}},
		"UTF-8, as a header is read":                           {ids: []string{"chatcmpl-" + vllm.HeaderText("日本 é")}, want: []string{"日本 é"}},
	} {
		t.Run(name, func(t *testing.T) {
			var in join.Input
			for i, id := range c.ids {
				s := span(id, float64(i)/1000, podA)
				s.TraceID, s.ParentSpanID, s.Caller = "t", c.parent, c.caller
				in.Spans = append(in.Spans, s)
			}
			var got []string
			for _, r := range join.Requests(in).Rows {
				got = append(got, r.ClientRequestID)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAConversationThatWasAbortedIsOneOfItsBatch(t *testing.T) {
	caller := &evidence.CallerSpan{SpanID: "call", Service: "app", Kind: evidence.KindClient, Inference: true, Model: "llama", Start: at(0), Duration: 3}
	byID := *caller
	byID.RequestID = "chatcmpl-job"
	other := *caller
	other.RequestID = "chatcmpl-job_1"
	elsewhere := "exported elsewhere"
	aborted := func(id string, t float64, origin *evidence.Origin) []evidence.RequestEvent {
		return []evidence.RequestEvent{
			line(vllm.LogReceived, id, t, origin), line(vllm.LogAdded, id+"-9f3c1a7e", t+0.001, origin),
			line(vllm.LogAborted, id, t+2, origin),
		}
	}
	type row struct{ id, client, trace, service string }
	for name, c := range map[string]struct {
		spans  []string // that begin together
		caller *evidence.CallerSpan
		parent string
		events []evidence.RequestEvent
		want   []row // of those without a span
	}{
		"below one call":                            {[]string{"chatcmpl-job_1", "chatcmpl-job_2"}, caller, "call", aborted("chatcmpl-job_0", 0.01, podA), []row{{"chatcmpl-job_0", "job", "t", "app"}}},
		"of two, by the id of the response":         {[]string{"chatcmpl-job_1"}, &byID, "call", aborted("chatcmpl-job_0", 0.01, podA), []row{{"chatcmpl-job_0", "job", "t", "app"}}},
		"below a span that another store has":       {[]string{"chatcmpl-job_0", "chatcmpl-job_1"}, nil, elsewhere, aborted("chatcmpl-job_2", 0.01, podA), []row{{"chatcmpl-job_2", "job", "t", ""}}},
		"a gap stays a gap":                         {[]string{"chatcmpl-job_2", "chatcmpl-job_3"}, caller, "call", aborted("chatcmpl-job_1", 0.01, podA), []row{{"chatcmpl-job_1", "job_1", "", ""}}},
		"a later try is none of the batch":          {[]string{"chatcmpl-job_0", "chatcmpl-job_1"}, caller, "call", aborted("chatcmpl-job_2", 1, podA), []row{{"chatcmpl-job_2", "job_2", "", ""}}},
		"nor what another server took":              {[]string{"chatcmpl-job_0", "chatcmpl-job_1"}, caller, "call", aborted("chatcmpl-job_2", 0.01, podB), []row{{"chatcmpl-job_2", "job_2", "", ""}}},
		"one sibling proves no batch":               {[]string{"chatcmpl-job_1"}, caller, "call", aborted("chatcmpl-job_0", 0.01, podA), []row{{"chatcmpl-job_0", "job_0", "", ""}}},
		"nor one whose call was about it alone":     {[]string{"chatcmpl-job_1"}, &other, "call", aborted("chatcmpl-job_0", 0.01, podA), []row{{"chatcmpl-job_0", "job_0", "", ""}}},
		"an item of a call whose others were done":  {[]string{"score-job-0"}, caller, "call", aborted("score-job-1", 0.01, podA), []row{{"score-job-1", "job", "t", "app"}}},
		"of another call it is none":                {[]string{"score-job-0"}, caller, "call", aborted("score-jobs-1", 0.01, podA), []row{{"score-jobs-1", "jobs", "", ""}}},
		"an item of a later try":                    {[]string{"score-job-0"}, caller, "call", aborted("score-job-1", 1, podA), []row{{"score-job-1", "job", "", ""}}},
		"nor siblings that each have their own one": {[]string{"chatcmpl-job_1", "chatcmpl-job_2"}, nil, "", aborted("chatcmpl-job_0", 0.01, podA), []row{{"chatcmpl-job_0", "job_0", "", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := span("chatcmpl-of-b", 0, podB)
			in := join.Input{Spans: []evidence.RequestSpan{b}, Events: c.events} // both pods are known by name
			for i, id := range c.spans {
				s := span(id, float64(i)/1000, podA)
				if s.Caller, s.ParentSpanID = c.caller, c.parent; c.parent != "" {
					s.TraceID = "t"
				}
				in.Spans = append(in.Spans, s)
			}
			var got []row
			for _, r := range join.Requests(in).Rows {
				if r.Span != nil {
					continue
				}
				require.Equal(t, join.StatusAborted, r.Status)
				one := row{id: r.RequestID, client: r.ClientRequestID, trace: r.TraceID}
				if r.Caller != nil {
					one.service = r.Caller.Service
				}
				got = append(got, one)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestOneFailureIsOneRow(t *testing.T) {
	failure := logged(vllm.LogInternalError, vllm.IDResponse, "chatcmpl-job7", 1.5)
	failure.Detail = &evidence.EventDetail{Error: "internal error during generation"}
	for name, c := range map[string]struct {
		spans []evidence.RequestSpan
		lines []evidence.RequestEvent
		want  []seen
	}{
		"its own, beside those of other clients": {
			spans: []evidence.RequestSpan{span("chatcmpl-job7", 0, podA), span("chatcmpl-job7_1", 0, podA), span("chatcmpl-job7_2", 0.001, podA)},
			want: []seen{
				{"chatcmpl-job7", join.StatusError, "trace+logs", 1, false}, {"chatcmpl-job7_1", join.StatusOK, "trace", evidence.Unknown, false},
				{"chatcmpl-job7_2", join.StatusOK, "trace", evidence.Unknown, false},
			},
		},
		"a row of its own when its span is lost": {
			spans: []evidence.RequestSpan{span("chatcmpl-job7_1", 0, podA), span("chatcmpl-job7_2", 0.001, podA)},
			want: []seen{
				{"chatcmpl-job7_1", join.StatusOK, "trace", evidence.Unknown, false}, {"chatcmpl-job7_2", join.StatusOK, "trace", evidence.Unknown, false},
				{"chatcmpl-job7", join.StatusError, "logs", 1, false},
			},
		},
		"of a batch it is that of every conversation": {
			spans: []evidence.RequestSpan{span("chatcmpl-job7_0", 0, podA), span("chatcmpl-job7_1", 0.001, podA)},
			want: []seen{
				{"chatcmpl-job7_0", join.StatusError, "trace+logs", 1, false}, {"chatcmpl-job7_1", join.StatusError, "trace+logs", 1, false},
			},
		},
		"also where one was aborted": {
			spans: []evidence.RequestSpan{span("chatcmpl-job7_1", 0, podA), span("chatcmpl-job7_2", 0.001, podA)},
			lines: []evidence.RequestEvent{line(vllm.LogReceived, "chatcmpl-job7_0", 0.01, podA), line(vllm.LogAborted, "chatcmpl-job7_0", 1, podA)},
			want: []seen{
				{"chatcmpl-job7_1", join.StatusError, "trace+logs", 1, false}, {"chatcmpl-job7_2", join.StatusError, "trace+logs", 1, false},
				{"chatcmpl-job7_0", join.StatusAborted, "logs", 3, false},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, look(join.Requests(join.Input{Spans: c.spans, Events: append(c.lines, failure)}).Rows))
		})
	}
}

func TestOutputsAreLoggedUnderTheResponsesID(t *testing.T) {
	generated := func(reason string, t float64) evidence.RequestEvent {
		e := line(vllm.LogGenerated, "cmpl-req-1", t, podA)
		e.Detail = &evidence.EventDetail{FinishReason: reason, MaxTokens: evidence.Unknown}
		return e
	}
	rows := join.Requests(join.Input{
		Spans:  []evidence.RequestSpan{span("cmpl-req-1-0", 0, podA), span("cmpl-req-1", 0, podA)}, // the second is prompt 1 of req
		Events: []evidence.RequestEvent{generated("length", 1.61)},
	}).Rows
	require.Equal(t, []seen{{"cmpl-req-1-0", join.StatusOK, "trace+logs", 1, false}, {"cmpl-req-1", join.StatusOK, "trace", evidence.Unknown, false}}, look(rows))
	require.Equal(t, "length", rows[0].FinishReason)

	rows = join.Requests(join.Input{
		Spans:  []evidence.RequestSpan{span("cmpl-req-1-0", 0, podA), span("cmpl-req-1-1", 0, podA)},
		Events: []evidence.RequestEvent{generated("length", 1.61), generated("stop", 1.62)},
	}).Rows
	for _, r := range rows {
		require.Empty(t, r.FinishReason, "no line says which prompt stopped")
	}
}

func TestABeamSearchIsOneRow(t *testing.T) {
	// As recorded of vLLM 0.32: one beam in the first step, two in each further one.
	search := func(trace string, start float64, steps int) (spans []evidence.RequestSpan, events []evidence.RequestEvent) {
		received := line(vllm.LogReceived, "cmpl-B-0", start+0.001, podA)
		received.Beams, received.Detail = true, &evidence.EventDetail{MaxTokens: 8, Temperature: 0, TopP: evidence.NaN}
		events = append(events, received)
		for step := range steps {
			for k := range min(step+1, 2) {
				id := fmt.Sprintf("cmpl-B-%016x-beam-%d", int(start*1000)*100+step, k)
				s := span(id, start+float64(step)*0.01, podA)
				s.TraceID, s.SpanID, s.ParentSpanID, s.CompletionTokens, s.MaxTokens = trace, id, "p"+trace, 1, 1
				s.Duration, s.E2E, s.TTFT, s.Queue, s.Prefill, s.Decode = 0.008, 0.008, 0.007, 0.001, 0.005, 0
				spans = append(spans, s)
				events = append(events, line(vllm.LogAdded, id+"-9f3c1a7e", start+float64(step)*0.01+0.001, podA))
			}
		}
		return spans, events
	}
	spans, events := search("one", 0, 8)
	in := join.Input{Spans: append(spans, span("chatcmpl-other", 0, podA)), Events: events}
	rows := join.Requests(in).Rows
	require.Equal(t, []seen{{"chatcmpl-other", join.StatusOK, "trace", evidence.Unknown, false}, {"cmpl-B", join.StatusOK, "trace+logs", 16, false}}, look(rows))
	beam := rows[1]
	require.Equal(t, "B", beam.ClientRequestID)
	require.Equal(t, int64(8), beam.MaxTokens)
	require.Equal(t, int64(15), beam.Span.CompletionTokens)
	require.InDelta(t, 0.078, beam.Span.E2E, 1e-9)
	require.InDelta(t, 0.071/7, beam.TPOT, 1e-9)
	require.Contains(t, beam.Span.Note, "15 requests of the engine in 8 steps")
	require.Len(t, in.Spans, 16, "the input stays as it is")

	again, more := search("two", 1, 3)
	require.Len(t, join.Requests(join.Input{Spans: append(spans, again...), Events: append(events, more...)}).Rows, 2, "a retry is a row of its own")
	for i := range again {
		again[i].ParentSpanID = ""
	}
	for i := range spans {
		spans[i].ParentSpanID = ""
	}
	require.Len(t, join.Requests(join.Input{Spans: append(spans, again...), Events: append(events, more...)}).Rows, 2, "also without a caller")

	left := line(vllm.LogAborted, spans[len(spans)-1].RequestID, 0.075, podA)
	rows = join.Requests(join.Input{Spans: spans[:len(spans)-1], Events: append(events[:len(events)-1:len(events)-1], left)}).Rows
	require.Equal(t, join.StatusAborted, rows[0].Status, "of the last step one beam is missing")

	rows = join.Requests(join.Input{Events: events}).Rows
	require.Equal(t, []seen{{"cmpl-B", join.StatusUnknown, "logs", 16, false}}, look(rows), "without spans")

	for i := range events {
		events[i].External = strings.Replace(events[i].External, "cmpl-B", "cmpl-of-7", 1)
		events[i].ID = strings.Replace(events[i].ID, "cmpl-B", "cmpl-of-7", 1)
	}
	call := evidence.CallerSpan{TraceID: "t", SpanID: "s", Service: "app", Start: at(-0.01), Duration: 1, RequestID: "of-7", Inference: true}
	rows = join.Requests(join.Input{Events: events, Callers: []evidence.CallerSpan{call}}).Rows
	require.Equal(t, []seen{{"cmpl-of-7", join.StatusUnknown, "trace+logs", 16, false}}, look(rows), "the number is the client's")
	require.Equal(t, "of-7", rows[0].ClientRequestID)
}

// A line about an answer names the HTTP response, not the prompt. While the line of a prompt is missing, nobody can tell whose reason
// the other line gives.
func TestAReasonIsKnownWhenEachPromptOfAResponseHasItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		spans   []string
		reasons []string
		want    string
	}{
		"both lines are there, and agree": {[]string{"cmpl-a-0", "cmpl-a-1"}, []string{"stop", "stop"}, "stop"},
		"both are there, and differ":      {[]string{"cmpl-a-0", "cmpl-a-1"}, []string{"stop", "length"}, ""},
		"one line is lost":                {[]string{"cmpl-a-0", "cmpl-a-1"}, []string{"length"}, ""},
		"a line and a span are lost":      {[]string{"cmpl-a-1"}, []string{"length"}, ""},
		"there is one prompt":             {[]string{"cmpl-a-0"}, []string{"length"}, "length"},
	} {
		t.Run(name, func(t *testing.T) {
			in := join.Input{}
			for _, id := range c.spans {
				in.Spans = append(in.Spans, span(id, 0, podA))
			}
			for i, reason := range c.reasons {
				e := line(vllm.LogGenerated, "cmpl-a", 1.61+float64(i)/1000, podA)
				e.Detail = &evidence.EventDetail{FinishReason: reason, MaxTokens: evidence.Unknown}
				in.Events = append(in.Events, e)
			}
			for _, row := range join.Requests(in).Rows {
				require.Equal(t, c.want, row.FinishReason, row.RequestID)
			}
		})
	}
}

// An engine that pauses aborts all sequences of a request. One line that says so is enough for their outcome, and not for their reason.
func TestOneLineOfSeveralTellsTheOutcomeAndNotTheReason(t *testing.T) {
	in := join.Input{Spans: []evidence.RequestSpan{span("chatcmpl-a", 0, podA), span("chatcmpl-a", 0, podA), span("chatcmpl-a", 0, podA)}}
	e := line(vllm.LogGenerated, "chatcmpl-a", 1.61, podA)
	e.Detail = &evidence.EventDetail{FinishReason: "abort", MaxTokens: evidence.Unknown}
	in.Events = []evidence.RequestEvent{e}
	rows := join.Requests(in).Rows
	require.Len(t, rows, 3)
	for _, row := range rows {
		require.Equal(t, join.StatusAborted, row.Status)
		require.Empty(t, row.FinishReason)
	}
}
