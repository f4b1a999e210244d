package loki_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func longLines(n, length int) (lines []fakeLine) {
	for i := range n {
		lines = append(lines, fakeLine{at: at(time.Duration(i) * time.Second), stream: vllmStream, line: fmt.Sprint(i, " ", strings.Repeat("x", length))})
	}
	return lines
}

// TestAnAnswerThatIsTooLongIsAskedForWithFewerLines holds for Loki's own limit of a message, in both orders and for events, too.
func TestAnAnswerThatIsTooLongIsAskedForWithFewerLines(t *testing.T) {
	fake := newFakeLoki(t, longLines(60, 200)...)
	fake.maxBytes = 2_000
	for _, order := range []loki.Order{loki.NewestFirst, loki.OldestFirst} {
		lines, report := client(t, fake.URL, nil, "").Lines(t.Context(), window(0, time.Hour), vllm.Scope{}, loki.LineFilter{}, 1000, order)
		require.NoError(t, report.Err)
		require.False(t, report.Truncated, report.Reason)
		require.Len(t, lines, 60)
	}
	ids := newFakeLoki(t)
	for i := range 60 {
		line := added(time.Duration(i)*time.Second, fmt.Sprintf("chatcmpl-%d-9f3c1a7e", i))
		line.metadata = `{"structuredMetadata":{"long":"` + strings.Repeat("x", 200) + `"}}`
		ids.lines = append(ids.lines, line)
	}
	ids.maxBytes = 2_000
	events, report := client(t, ids.URL, nil, "").RequestEvents(t.Context(), []evidence.Window{window(0, time.Hour)}, vllm.Scope{}, loki.RequestFilter{})
	require.NoError(t, report.Err)
	require.False(t, report.Truncated, report.Reason)
	require.Len(t, events, 60)
}

func TestALineThatIsTooLongIsPassedOverAndNamed(t *testing.T) {
	lines := longLines(6, 10)
	lines[3].line = strings.Repeat("x", 200_000)
	fake := newFakeLoki(t, lines...)
	small := func(s *settings.Store, _ *settings.Limits) { s.MaxResponse = settings.MinMaxResponse }
	for _, order := range []loki.Order{loki.NewestFirst, loki.OldestFirst} {
		found, report := client(t, fake.URL, small, "").Lines(t.Context(), window(0, time.Hour), vllm.Scope{}, loki.LineFilter{}, 1000, order)
		require.NoError(t, report.Err)
		require.Len(t, found, 5)
		require.True(t, report.Truncated)
		require.Contains(t, report.Reason, "a log line of 2026-08-20T12:00:03Z that is longer than the 64 KiB")
	}
	fake.maxBytes = 100_000 // now Loki itself cannot hand it over, and does not say which line it is
	found, report := client(t, fake.URL, nil, "").Lines(t.Context(), window(0, time.Hour), vllm.Scope{}, loki.LineFilter{}, 1000, loki.OldestFirst)
	require.ErrorContains(t, report.Err, "larger than the max message size")
	require.NotEmpty(t, found, "what came before it stays")
}

func TestWordsInAMessageDoNotMakeItTooLong(t *testing.T) {
	fake := newFakeLoki(t)
	fake.answer = func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "parse error: |= `response larger than the max message size (2 vs 1)`", http.StatusBadRequest)
	}
	_, report := client(t, fake.URL, nil, "").Lines(t.Context(), window(0, time.Hour), vllm.Scope{}, loki.LineFilter{}, 1000, loki.OldestFirst)
	require.Error(t, report.Err)
	require.Len(t, fake.queries(), 1)
}

func pods(n int) (scope vllm.Scope) {
	for i := range n {
		scope.Pods = append(scope.Pods, fmt.Sprintf("vllm-llama-3-70b-instruct-7f9c4d6b8-%05d", i))
	}
	return scope
}

func TestAQueryThatOutgrowsAURLGoesByPost(t *testing.T) {
	fake := newFakeLoki(t, longLines(5, 10)...)
	c := client(t, fake.URL, nil, "")
	for scope, method := range map[int]string{3: http.MethodGet, 300: http.MethodPost} {
		fake.sent = nil
		lines, report := c.Lines(t.Context(), window(0, time.Hour), pods(scope), loki.LineFilter{}, 1000, loki.OldestFirst)
		require.NoError(t, report.Err)
		require.Len(t, lines, 5)
		_, report = c.Volume(t.Context(), window(0, time.Hour), time.Minute, pods(scope), loki.LineFilter{})
		require.Error(t, report.Err, "the fake knows lines alone")
		require.Len(t, fake.sent, 2)
		for _, a := range fake.sent {
			require.Equal(t, method, a.method)
			require.Equal(t, "categorize-labels", a.flags)
			require.LessOrEqual(t, a.url, 2000)
		}
	}
}

func TestWhereAGatewayRefusesPostTheQueryIsCutInPieces(t *testing.T) {
	fake := newFakeLoki(t, longLines(5, 10)...)
	fake.noForms = true
	c := client(t, fake.URL, nil, "")
	for range 2 { // of the second time it is known
		fake.sent = nil
		_, report := c.Lines(t.Context(), window(0, time.Hour), pods(300), loki.LineFilter{}, 1000, loki.OldestFirst)
		require.NoError(t, report.Err)
		seen := map[string]bool{}
		for _, a := range fake.sent {
			require.Equal(t, http.MethodGet, a.method)
			require.LessOrEqual(t, a.url, 7500)
			for _, pod := range pods(300).Pods {
				if strings.Contains(a.query, pod) {
					require.False(t, seen[pod], "asked twice")
					seen[pod] = true
				}
			}
		}
		require.Len(t, seen, 300)
	}
	fake.sent = nil
	_, report := c.RequestEvents(t.Context(), []evidence.Window{window(0, time.Hour)}, pods(300), loki.RequestFilter{})
	require.NoError(t, report.Err)
	require.Greater(t, len(fake.sent), 2)
	_, report = c.Lines(t.Context(), window(0, time.Hour), vllm.Scope{}, loki.LineFilter{Where: []vllm.Condition{{Key: "pod", Op: vllm.Is, Values: pods(300).Pods}}}, 1000, loki.OldestFirst)
	require.ErrorContains(t, report.Err, "takes no POST", "what cannot be cut says why")
}
