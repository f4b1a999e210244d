//go:build integration && unix

package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// TestAgainstARealLoki pushes the lines of 2,000 requests from two pods, four a request, of which 300 carry the very same
// nanosecond, and reads them back under limits that make Loki cut its answers.
func TestAgainstARealLoki(t *testing.T) {
	server := stacktest.Start(t, stack.Options{Only: []string{"loki"}})
	// Recent, so that it is there without a flush. In the middle of a step of the volume: a bar of which a second or less is in the window is left out.
	began := time.Now().Add(-30 * time.Minute).Truncate(time.Minute).Add(30 * time.Second)
	const requests, tied = 2000, 300
	push(t, server.Loki.URL, requestLines(began, requests, tied))
	window := evidence.Window{From: began, To: began.Add(10 * time.Minute)}
	all := []evidence.Window{window}

	client := func(linesPerCall, logLines int) *loki.Client {
		store := settings.Store{
			Name: evidence.Loki, URL: server.Loki.URL, Labels: vllm.DefaultLokiLabels(), Timeout: 30 * time.Second, MaxResponse: settings.DefaultMaxResponse,
		}
		api, err := upstream.New(httpclient.Options{}, store)
		require.NoError(t, err)
		limits := settings.DefaultLimits()
		limits.LinesPerCall, limits.LogLines = linesPerCall, logLines
		c, err := loki.New(api, store, `{container="vllm"}`, limits)
		require.NoError(t, err)
		return c
	}
	events := func(t *testing.T, c *loki.Client, filter loki.RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport) {
		t.Helper()
		started := time.Now()
		got, report := c.RequestEvents(t.Context(), all, vllm.Scope{}, filter)
		require.NoError(t, report.Err)
		calls, spent, size, rows := report.Cost()
		t.Logf("%d events in %s: %d calls, %s of them waiting, %d bytes, %d lines", len(got), time.Since(started).Round(time.Millisecond),
			calls, spent.Round(time.Millisecond), size, rows)
		seen := map[string]int{}
		for i, e := range got {
			seen[strconv.Itoa(int(e.Kind))+e.ID]++
			require.True(t, i == 0 || got[i-1].UnixNano <= e.UnixNano, "events are in order of time")
		}
		for what, n := range seen {
			require.Equal(t, 1, n, what)
		}
		return got, report
	}

	require.NoError(t, client(5000, 100_000).Ping(t.Context()))
	for _, linesPerCall := range []int{5000, 1000, 301} {
		t.Run(fmt.Sprintf("every line comes once with %d lines a call", linesPerCall), func(t *testing.T) {
			got, report := events(t, client(linesPerCall, 100_000), loki.RequestFilter{})
			require.Len(t, got, 3*requests, "received, added, generated; the access line names no request")
			require.False(t, report.Truncated, report.Reason)
		})
	}
	t.Run("a call that Loki refuses teaches its limit", func(t *testing.T) {
		got, _ := events(t, client(20_000, 100_000), loki.RequestFilter{})
		require.Len(t, got, 3*requests)
	})
	t.Run("more lines in one nanosecond than a call gives are told", func(t *testing.T) {
		got, report := events(t, client(100, 100_000), loki.RequestFilter{})
		require.Len(t, got, 3*requests-(tied-100))
		require.True(t, report.Truncated)
		require.Contains(t, report.Reason, "at most 100 lines")
	})
	t.Run("our own limit is told, and the beginning is whole", func(t *testing.T) {
		got, report := events(t, client(500, 2000), loki.RequestFilter{})
		require.True(t, report.Truncated)
		require.GreaterOrEqual(t, len(got), 2000)
		t.Log(report.Reason)
	})
	t.Run("every line of a few requests is found by their ids", func(t *testing.T) {
		got, report := events(t, client(5000, 100_000), loki.RequestFilter{IDs: []string{"chatcmpl-r1", "chatcmpl-r200-000000c8"}})
		lines := map[string]int{} // of others there may be some: an id is looked for wherever it stands in a line
		for _, e := range got {
			lines[e.External]++
		}
		require.Equal(t, 3, lines["chatcmpl-r1"])
		require.Equal(t, 3, lines["chatcmpl-r200"])
		require.Less(t, report.Seen, 5000, "Loki sorted out the rest")
		require.Equal(t, "tiny-1", got[0].Origin.Pod)
		require.Equal(t, "vllm", got[0].Origin.Service)
	})
	t.Run("the newest lines come first, with their metadata", func(t *testing.T) {
		lines, report := client(500, 100_000).Lines(t.Context(), window, vllm.Scope{Pods: []string{"tiny-0"}}, loki.LineFilter{}, 1200, loki.NewestFirst)
		require.NoError(t, report.Err)
		require.Len(t, lines, 1200)
		require.True(t, report.Truncated)
		for i, l := range lines {
			require.True(t, i == 0 || !l.Time.After(lines[i-1].Time))
			require.Equal(t, map[string]string{"container": "vllm", "pod": "tiny-0", "service_name": "vllm"}, l.Labels)
		}
		require.Equal(t, "v", lines[0].Metadata["k"])
	})
	t.Run("levels are counted by the engine's own word", func(t *testing.T) {
		volume, report := client(5000, 100_000).Volume(t.Context(), window, time.Minute, vllm.Scope{}, loki.LineFilter{})
		require.NoError(t, report.Err)
		counted := map[vllm.LogLevel]float64{}
		for _, v := range volume {
			for _, s := range v.Samples {
				counted[v.Level] += s.Value
			}
		}
		require.Equal(t, map[vllm.LogLevel]float64{vllm.LevelInfo: 4 * requests}, counted, "prompts about errors are no errors")
	})
	t.Run("labels and services", func(t *testing.T) {
		pods, err := client(5000, 100_000).LabelValues(t.Context(), window, "pod")
		require.NoError(t, err)
		require.Equal(t, []string{"tiny-0", "tiny-1"}, pods)
		services, err := client(5000, 100_000).Services(t.Context(), window)
		require.NoError(t, err)
		require.Equal(t, []string{"vllm"}, services)
		sample, err := client(5000, 100_000).RequestIDSample(t.Context(), window)
		require.NoError(t, err)
		require.Equal(t, 500, sample.IDLines)
	})
	t.Run("hostile text is text", func(t *testing.T) {
		for _, hostile := range []string{"\"} |= `", "`", "\\", "\"", "\x00\n", "} or {a=\"b\"", "'"} {
			_, report := client(5000, 100_000).Lines(t.Context(), window, vllm.Scope{Pods: []string{hostile, "tiny-0"}}, loki.LineFilter{Contains: hostile, Process: hostile, Logger: hostile, Engine: hostile}, 10, loki.NewestFirst)
			require.NoError(t, report.Err, hostile)
		}
	})
}

type pushed struct {
	Stream map[string]string `json:"stream"`
	Values [][3]any          `json:"values"`
}

// requestLines are four lines for each request, one request every 100 ms, pods in turn. The added lines of the first tied
// even requests all carry one nanosecond in the middle.
func requestLines(began time.Time, requests, tied int) []pushed {
	streams := []pushed{
		{Stream: map[string]string{"container": "vllm", "pod": "tiny-0", "service_name": "vllm"}},
		{Stream: map[string]string{"container": "vllm", "pod": "tiny-1", "service_name": "vllm"}},
	}
	for i := range requests {
		s := &streams[i%2]
		line := func(after time.Duration, text string) {
			at := began.Add(time.Duration(i)*100*time.Millisecond + after)
			s.Values = append(s.Values, [3]any{strconv.FormatInt(at.UnixNano(), 10), text, map[string]string{"k": "v"}})
		}
		head := "(APIServer pid=1) INFO 08-20 10:00:00 [x.py:1] "
		line(0, fmt.Sprintf(head+"Received request chatcmpl-r%d: params: SamplingParams(n=1, stop=['ERROR: no'], max_tokens=7), lora_request: None.", i))
		added := time.Millisecond
		if i < 2*tied && i%2 == 0 {
			added = 150*time.Second + time.Nanosecond - time.Duration(i)*100*time.Millisecond
		}
		line(added, fmt.Sprintf(head+"Added request chatcmpl-r%d-%08x.", i, i))
		line(2*time.Millisecond, `(APIServer pid=1) INFO:     10.0.0.7:50122 - "POST /v1/chat/completions HTTP/1.1" 200 OK`)
		line(3*time.Millisecond, fmt.Sprintf(head+"Generated response chatcmpl-r%d: output: 'WARNING: \"x\"', finish_reason: stop", i))
	}
	return streams
}

// push sends lines to Loki, a thousand at a time. What an ingester has taken is there for queries at once.
func push(t *testing.T, url string, streams []pushed) {
	t.Helper()
	for _, s := range streams {
		for len(s.Values) > 0 {
			n := min(1000, len(s.Values))
			body, err := json.Marshal(map[string]any{"streams": []pushed{{Stream: s.Stream, Values: s.Values[:n]}}})
			require.NoError(t, err)
			response, err := http.Post(url+"/loki/api/v1/push", "application/json", bytes.NewReader(body))
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, http.StatusNoContent, response.StatusCode)
			s.Values = s.Values[n:]
		}
	}
}
