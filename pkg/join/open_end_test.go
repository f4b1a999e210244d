package join_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// A try may end without a word: its pod was killed, or a filter drops the lines about aborts. What is written later is about the
// tries that came after it.
func TestATryWithoutAnEndTakesNoLineOfALaterOne(t *testing.T) {
	begun := func(suffix string, from float64) []evidence.RequestEvent {
		return []evidence.RequestEvent{line(vllm.LogReceived, tried, from, podA), line(vllm.LogAdded, tried+suffix, from+0.001, podA)}
	}
	ended := func(kind vllm.LogKind, at float64) evidence.RequestEvent {
		e := line(kind, tried, at, podA)
		e.Error = kind == vllm.LogInternalError
		return e
	}
	silent, ok := begun("-aaaaaaaa", 0), append(begun("-bbbbbbbb", 5), ended(vllm.LogGenerated, 6.6))
	unknown := seen{tried, join.StatusUnknown, "logs", 2, false}
	for name, c := range map[string]struct {
		spans  []evidence.RequestSpan
		events []evidence.RequestEvent
		want   []seen
	}{
		"the answer is that of the try which left a span": {
			[]evidence.RequestSpan{span(tried, 5, podA)}, slices.Concat(silent, ok), []seen{{tried, join.StatusOK, "trace+logs", 3, false}, unknown},
		},
		"without any span, of the last one": {
			nil, slices.Concat(silent, ok), []seen{unknown, {tried, join.StatusOK, "logs", 3, false}},
		},
		"a second sequence's answer follows the first": {
			nil, slices.Concat(silent, ok, []evidence.RequestEvent{ended(vllm.LogGenerated, 6.6)}), []seen{unknown, {tried, join.StatusOK, "logs", 4, false}},
		},
		"so does what is said of a failure": {
			[]evidence.RequestSpan{span(tried, 5, podA)},
			slices.Concat(silent, begun("-bbbbbbbb", 5), []evidence.RequestEvent{ended(vllm.LogInternalError, 6.6), ended(vllm.LogException, 6.61)}),
			[]seen{{tried, join.StatusError, "trace+logs", 4, false}, unknown},
		},
		"a later try whose beginning was lost takes its own line of the engine": {
			nil, slices.Concat([]evidence.RequestEvent{line(vllm.LogReceived, tried, 0, podA)}, begun("-bbbbbbbb", 60)[1:], []evidence.RequestEvent{ended(vllm.LogGenerated, 61)}),
			[]seen{{tried, join.StatusUnknown, "logs", 1, false}, {tried, join.StatusOK, "logs", 2, false}},
		},
		"also when ids have no end of their own": {
			nil, slices.Concat(begun("", 0), begun("", 60)[1:], []evidence.RequestEvent{ended(vllm.LogGenerated, 61)}),
			[]seen{unknown, {tried, join.StatusOK, "logs", 2, false}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, look(join.Requests(join.Input{Spans: c.spans, Events: c.events}).Rows))
		})
	}
}

// Two tries at once, and a line that says that one of them failed: nobody can tell which, so neither is called a success.
func TestAMarkedRowWhoseFailureMayBeItsOwnDoesNotSayThatAllIsWell(t *testing.T) {
	failure := line(vllm.LogInternalError, tried, 1.65, podA)
	failure.Form, failure.Error = vllm.IDResponse, true
	for name, c := range map[string]struct {
		events []evidence.RequestEvent
		want   join.Status
	}{
		"a line about a failure": {[]evidence.RequestEvent{failure}, join.StatusUnknown},
		"a line about an answer": {[]evidence.RequestEvent{line(vllm.LogGenerated, tried, 1.65, podA)}, join.StatusOK},
		"lines from the beginning to the failure": {
			[]evidence.RequestEvent{line(vllm.LogReceived, tried, 0.03, podA), failure}, join.StatusUnknown,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows := join.Requests(join.Input{
				Spans: []evidence.RequestSpan{span(tried, 0, podA), span(tried, 0.05, podA)}, Events: c.events,
			}).Rows
			require.Len(t, rows, 2)
			for _, r := range rows {
				require.True(t, r.Ambiguous)
				require.Equal(t, c.want, r.Status)
			}
		})
	}
}

// A refused try leaves no span: it is not the one that the span is of, however near the two are.
func TestARefusedTryIsNotTheOneThatLeftASpan(t *testing.T) {
	refused := line(vllm.LogFailed, tried, 0.012, podA)
	refused.Detail = &evidence.EventDetail{Error: "bad request: The engine is currently busy"}
	rows := join.Requests(join.Input{
		Spans: []evidence.RequestSpan{span(tried, 0.1, podA)},
		Events: []evidence.RequestEvent{
			line(vllm.LogReceived, tried, 0.01, podA), refused,
			line(vllm.LogReceived, tried, 0.11, podA), line(vllm.LogAdded, tried+"-9f3c1a7e", 0.111, podA),
		},
	}).Rows
	require.Equal(t, []seen{{tried, join.StatusOK, "trace+logs", 2, false}, {tried, join.StatusRejected, "logs", 2, false}}, look(rows))
}
