//go:build integration && unix

package rag

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/dashboards"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
)

// question is what a test asks.
type question struct {
	id     string
	stream bool
	// hangUp leaves after the first piece of the answer.
	hangUp bool
}

// TestEveryQuestionIsOneRowThatSaysWhereItsTimeWent is the promise of the example: nothing in the application knows of
// the plugin, and still each question is one row, with what the application saw on one side and the engine on the other.
func TestEveryQuestionIsOneRowThatSaysWhereItsTimeWent(t *testing.T) {
	s := start(t)
	from := time.Now().Add(-time.Minute)
	questions := []question{
		{id: "plain-1"}, {id: "stream-1", stream: true}, {id: slowly + "1"}, {id: slowly + "2", stream: true},
		{id: "leaves", stream: true, hangUp: true},
	}
	for i, q := range questions {
		if i == 2 {
			s.countedOnce(t, i, from) // a rate is that of what Prometheus has seen before
		}
		s.ask(t, q)
	}
	require.Eventually(t, func() bool { return s.trueOf("leaves") != nil }, time.Minute, 20*time.Millisecond, "vLLM goes on for nobody")
	s.countedOnce(t, len(questions), from)
	s.boardIsFull(t, from)
	s.quiet()

	rows := map[string]row{}
	require.Eventually(t, func() bool {
		clear(rows)
		frame := s.rows(t, backend.TimeRange{From: from, To: time.Now()})
		for i := range frame.Rows() {
			r := row{frame, i}
			rows[r.text("client_request_id")] = r
		}
		for _, r := range rows { // what comes from another store may come a moment later
			if r.text("caller_service") == "" || r.text("status") == "unknown" {
				return false
			}
		}
		return frame.Rows() == len(questions) && len(rows) == len(questions)
	}, time.Minute, 200*time.Millisecond, "a row per question, each known by the id that its asker gave")

	for _, q := range questions {
		r, saw, was := rows[q.id], s.said.of(t, q.id), s.trueOf(q.id)
		require.Equal(t, "chatcmpl-"+q.id, r.text("request_id"), q.id)
		require.Equal(t, model, r.text("model"), q.id)
		require.Equal(t, "rag-app", r.text("caller_service"), q.id)
		require.Equal(t, "chat "+model, r.text("caller_operation"), q.id)
		require.Equal(t, saw.TraceID, r.text("trace_id"), q.id)
		require.GreaterOrEqual(t, r.number(t, "log_lines"), 2.0, q.id)
		if q.hangUp {
			require.Equal(t, truth.StatusAborted, r.text("status"), q.id)
			require.Equal(t, "aborted", saw.Outcome)
			continue
		}
		require.Equal(t, truth.StatusOK, r.text("status"), q.id)
		require.InDelta(t, saw.InputTokens, r.number(t, "prompt_tokens"), 0, q.id)
		require.InDelta(t, saw.OutputTokens, r.number(t, "completion_tokens"), 0, q.id)

		// The engine's own time is what the fleet says it was …
		e2e, caller, outside := r.number(t, "e2e"), r.number(t, "caller_duration"), r.number(t, "outside_engine")
		require.InDelta(t, *was.E2E, e2e, 1e-6, q.id)
		// … the rest is outside, and with it the caller's time is complete. Spans have microseconds in Jaeger.
		require.InDelta(t, caller-e2e, outside, 5e-6, q.id)
		// The application measured the same around its call, with a little of its own on top.
		require.LessOrEqual(t, caller, saw.Timings.Generate+1e-3, q.id)
		require.Less(t, saw.Timings.Generate-caller, 1.0, q.id)
		require.LessOrEqual(t, r.number(t, "ttft"), saw.FirstChunk+1e-3, q.id)
		t.Logf("%-9s application %.4f s, caller %.4f s, engine %.4f s, outside %.4f s", q.id, saw.Timings.Generate, caller, e2e, outside)
	}
	for _, id := range []string{slowly + "1", slowly + "2"} {
		require.GreaterOrEqual(t, rows[id].number(t, "outside_engine"), held.Seconds(), "what the network held is outside the engine")
	}
}

// ask asks, and takes what comes.
func (s *stage) ask(t *testing.T, q question) {
	t.Helper()
	length := 10
	if q.hangUp {
		length = 8000 // more than comes before vLLM hears of it, however busy this machine
	}
	body, err := json.Marshal(map[string]any{"question": "Why do requests wait in the queue?", "stream": q.stream, "max_tokens": length})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.app.URL+"/ask", strings.NewReader(string(body)))
	require.NoError(t, err)
	request.Header.Set("X-Request-Id", q.id)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, q.id, response.Header.Get("X-Request-Id"))
	if q.hangUp {
		_, err = bufio.NewReader(response.Body).ReadString('\n')
		require.NoError(t, err)
		return // closing the body hangs up
	}
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(answer), "VLLMQueueGrowing.md", "its source")
}

// countedOnce waits until Prometheus has scraped what the application counted, and asks for it as the dashboard does.
func (s *stage) countedOnce(t *testing.T, questions int, from time.Time) {
	t.Helper()
	query, err := pluginhost.Query("A", map[string]any{"queryType": "promql", "version": 1, "promql": map[string]any{
		"expr": "sum(rag_request_duration_seconds_count)", "instant": true,
	}}, backend.TimeRange{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		query.TimeRange = backend.TimeRange{From: from, To: time.Now()}
		response, err := s.plugin.QueryData(t.Context(), query)
		require.NoError(t, err)
		answer := response.Responses["A"]
		require.NoError(t, answer.Error)
		for _, frame := range answer.Frames {
			for _, field := range frame.Fields {
				if field.Type().Numeric() && field.Len() > 0 {
					value, err := field.FloatAt(field.Len() - 1)
					require.NoError(t, err)
					if int(value) == questions {
						return true
					}
				}
			}
		}
		return false
	}, time.Minute, 200*time.Millisecond, "the application's metrics do not reach Prometheus")
}

// boardIsFull waits until every panel of the application's dashboard shows something.
func (s *stage) boardIsFull(t *testing.T, from time.Time) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	boards, err := dashboards.Load(root)
	require.NoError(t, err)
	empty := map[string][]dashboards.Target{}
	for _, d := range boards {
		for _, p := range d.Panels {
			if d.UID == "vllm-rag" && p.Type != "row" {
				empty[p.Title] = p.Targets
			}
		}
	}
	require.NotEmpty(t, empty)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		maps.DeleteFunc(empty, func(_ string, targets []dashboards.Target) bool {
			return s.shows(t, targets, backend.TimeRange{From: from, To: time.Now()})
		})
		assert.Empty(c, slices.Sorted(maps.Keys(empty)), "panels that show nothing")
	}, time.Minute, 200*time.Millisecond)
}

// shows reports whether the answers to a panel's questions hold a number or a name.
func (s *stage) shows(t *testing.T, targets []dashboards.Target, window backend.TimeRange) bool {
	t.Helper()
	for _, target := range targets {
		model, err := target.Asks(nil)
		require.NoError(t, err)
		query, err := pluginhost.Query("A", model, window)
		require.NoError(t, err)
		response, err := s.plugin.QueryData(t.Context(), query)
		require.NoError(t, err)
		require.NoError(t, response.Responses["A"].Error)
		if pluginhost.HasValue(response.Responses["A"].Frames, nil) {
			return true
		}
	}
	return false
}

// rows asks for every request of the window.
func (s *stage) rows(t *testing.T, window backend.TimeRange) *data.Frame {
	t.Helper()
	query, err := pluginhost.Query("A", map[string]any{"queryType": "requests", "version": 1, "requests": map[string]any{"limit": 100}}, window)
	require.NoError(t, err)
	response, err := s.plugin.QueryData(t.Context(), query)
	require.NoError(t, err)
	require.NoError(t, response.Responses["A"].Error)
	require.NotEmpty(t, response.Responses["A"].Frames)
	return response.Responses["A"].Frames[0]
}

// row is one line of the answer.
type row struct {
	frame *data.Frame
	at    int
}

func (r row) text(name string) string {
	field, _ := r.frame.FieldByName(name)
	if field == nil {
		return ""
	}
	value, ok := field.ConcreteAt(r.at)
	text, isText := value.(string)
	if !ok || !isText {
		return ""
	}
	return text
}

func (r row) number(t *testing.T, name string) float64 {
	t.Helper()
	field, _ := r.frame.FieldByName(name)
	require.NotNil(t, field, name)
	require.False(t, field.NilAt(r.at), "%s is not known", name)
	value, err := field.FloatAt(r.at)
	require.NoError(t, err)
	return value
}
