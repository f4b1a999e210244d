package join_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// tried is the id of a request that is tried again.
const tried = "chatcmpl-req-1"

// givenUp is what vLLM writes of a request whose client leaves. suffix is what the engine's own id has more than the
// request's: none before 0.14.
func givenUp(suffix string, from, to float64, origin *evidence.Origin) []evidence.RequestEvent {
	inEngine := line(vllm.LogAdded, tried+suffix, to, origin)
	inEngine.Kind = vllm.LogAborted
	return []evidence.RequestEvent{
		line(vllm.LogReceived, tried, from, origin), line(vllm.LogAdded, tried+suffix, from+0.001, origin),
		inEngine, line(vllm.LogAborted, tried, to, origin),
	}
}

// without drops the line at one place.
func without(place int, events []evidence.RequestEvent) []evidence.RequestEvent {
	return slices.Delete(events, place, place+1)
}

// Clients that give up and try again leave no span at all: each try is a row all the same, wherever and whenever it was, and
// although the pipeline lost any one of its lines.
func TestEveryTryThatWasGivenUpIsARow(t *testing.T) {
	for name, second := range map[string]func(suffix string) []evidence.RequestEvent{
		"one after the other":                  func(s string) []evidence.RequestEvent { return givenUp(s, 3, 5, podA) },
		"on another instance":                  func(s string) []evidence.RequestEvent { return givenUp(s, 3, 5, podB) },
		"on another instance at the same time": func(s string) []evidence.RequestEvent { return givenUp(s, 1, 5, podB) },
		"at the same time":                     func(s string) []evidence.RequestEvent { return givenUp(s, 1, 5, podA) },
		"one within the other":                 func(s string) []evidence.RequestEvent { return givenUp(s, 1, 1.5, podA) },
	} {
		t.Run(name, func(t *testing.T) {
			first := func() []evidence.RequestEvent { return givenUp("-aaaaaaaa", 0, 2, podA) }
			want := func(first, second int64) []seen {
				return []seen{{tried, join.StatusAborted, "logs", first, false}, {tried, join.StatusAborted, "logs", second, false}}
			}
			rows := func(lines ...[]evidence.RequestEvent) []seen {
				return look(join.Requests(join.Input{Events: slices.Concat(lines...)}).Rows)
			}
			require.Equal(t, want(4, 4), rows(first(), second("-bbbbbbbb")))
			for place, lost := range []string{"Received", "Added", "Aborted by the engine's id", "Aborted"} {
				require.Equal(t, want(3, 4), rows(without(place, first()), second("-bbbbbbbb")), "the first one's line is lost: %s", lost)
				require.Equal(t, want(4, 3), rows(first(), without(place, second("-bbbbbbbb"))), "the second one's line is lost: %s", lost)
			}
		})
	}
}

// Up to 0.13 all tries have one id in the engine too, which takes no second one of an id that it has in work.
func TestTriesWithOneIDInTheEngineAreApartToo(t *testing.T) {
	for name, second := range map[string][]evidence.RequestEvent{
		"one after the other":                  givenUp("", 3, 5, podA),
		"on another instance":                  givenUp("", 3, 5, podB),
		"on another instance at the same time": givenUp("", 1, 5, podB),
	} {
		t.Run(name, func(t *testing.T) {
			joined := join.Requests(join.Input{Events: slices.Concat(givenUp("", 0, 2, podA), second)})
			require.Equal(t, []seen{{tried, join.StatusAborted, "logs", 4, false}, {tried, join.StatusAborted, "logs", 4, false}}, look(joined.Rows))
		})
	}
}

// A call for several sequences (n>1) may be given up, or lose its engine, when some of them are done: these have spans. The
// others have a row too, in the engine's time and by the same caller; none when all were done.
func TestWhatWasNotDoneOfACallIsARowBesideItsSiblings(t *testing.T) {
	const call = "chatcmpl-n"
	caller := &evidence.CallerSpan{TraceID: "t" + call, SpanID: "client", Start: at(-0.01), Duration: 2.6, Service: "rag-app", Error: "timeout"}
	done := func() evidence.RequestSpan {
		s := span(call, 0, podA)
		s.Caller, s.Root = caller, caller
		return s
	}
	begun := []evidence.RequestEvent{
		line(vllm.LogReceived, call, 0.01, podA), line(vllm.LogAdded, "0_"+call+"-9f3c1a7e", 0.01, podA),
		line(vllm.LogAdded, "1_"+call+"-9f3c1a7e", 0.01, podA), line(vllm.LogAdded, "2_"+call+"-9f3c1a7e", 0.01, podA),
	}
	givenUp, died := line(vllm.LogAborted, call, 2.5, podA), line(vllm.LogFailed, call, 2.5, podA)
	givenUp.Form, givenUp.ID = vllm.IDInternal, call+"-9f3c1a7e"
	for name, c := range map[string]struct {
		spans []evidence.RequestSpan
		last  []evidence.RequestEvent
		want  []seen
	}{
		"one was done when the client left": {
			[]evidence.RequestSpan{done()}, []evidence.RequestEvent{givenUp},
			[]seen{{call, join.StatusOK, "trace+logs", 5, false}, {call, join.StatusAborted, "trace+logs", 5, false}},
		},
		"two were": {
			[]evidence.RequestSpan{done(), done()}, []evidence.RequestEvent{givenUp},
			[]seen{{call, join.StatusOK, "trace+logs", 5, false}, {call, join.StatusOK, "trace+logs", 5, false}, {call, join.StatusAborted, "trace+logs", 5, false}},
		},
		"one was when the engine died": {
			[]evidence.RequestSpan{done()}, []evidence.RequestEvent{died},
			[]seen{{call, join.StatusOK, "trace+logs", 5, false}, {call, join.StatusError, "trace+logs", 5, false}},
		},
		"all were done when the client left": {
			[]evidence.RequestSpan{done(), done(), done()}, []evidence.RequestEvent{givenUp},
			[]seen{{call, join.StatusOK, "trace+logs", 5, false}, {call, join.StatusOK, "trace+logs", 5, false}, {call, join.StatusOK, "trace+logs", 5, false}},
		},
		"a span is missing and nobody left: it may be lost, or yet to come": {
			[]evidence.RequestSpan{done(), done()}, nil,
			[]seen{{call, join.StatusOK, "trace+logs", 4, false}, {call, join.StatusOK, "trace+logs", 4, false}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows := join.Requests(join.Input{Spans: c.spans, Events: slices.Concat(begun, c.last)}).Rows
			require.Equal(t, c.want, look(rows))
			for _, r := range rows {
				require.Equal(t, at(0), r.Time)
				require.Equal(t, "rag-app", r.Caller.Service)
				require.Equal(t, "t"+call, r.TraceID)
			}
		})
	}
}

// The lines about a call's answers carry the call's id alone: which of its sequences stopped and which ran into its limit, none tells.
func TestSequencesThatEndedForDifferentReasonsKeepTheirsUnknown(t *testing.T) {
	const call = "chatcmpl-n"
	answered := func(reason string) evidence.RequestEvent {
		e := line(vllm.LogGenerated, call, 1.7, podA)
		e.Detail = &evidence.EventDetail{FinishReason: reason}
		return e
	}
	for name, c := range map[string]struct {
		reasons   []string
		sequences int64 // as the Received line says
		want      string
	}{
		"all for the same":             {[]string{"stop", "stop"}, 2, "stop"},
		"two for two":                  {[]string{"stop", "length"}, 2, ""},
		"one of three":                 {[]string{"length", "stop", "length"}, 3, ""},
		"one line of two is lost":      {[]string{"stop"}, 2, ""},
		"one line and one span are":    {[]string{"stop", "stop"}, 3, ""},
		"nobody tells how many it has": {[]string{"stop"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			events := []evidence.RequestEvent{line(vllm.LogReceived, call, 0.01, podA)}
			events[0].Detail = &evidence.EventDetail{Sequences: c.sequences}
			for _, reason := range c.reasons {
				events = append(events, answered(reason))
			}
			spans := []evidence.RequestSpan{span(call, 0, podA), span(call, 0, podA)}
			for _, r := range join.Requests(join.Input{Spans: spans, Events: events}).Rows {
				require.Equal(t, c.want, r.FinishReason)
				require.Equal(t, join.StatusOK, r.Status)
			}
		})
	}
}
