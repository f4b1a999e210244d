//go:build integration && unix

package integration_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/ship"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack"
	"github.com/llmserving/grafana-vllm-datasource/tools/stack/stacktest"
)

// recordedPod is the server's name in all three stores: the spans bring it as service.instance.id, the scrape job and the
// log shipper say it as they do in Kubernetes.
const recordedPod = "tiny-0"

// recordedInterval is how often the recorder scraped.
const recordedInterval = time.Second

// recording is what one run of a real vLLM said and what its client saw, moved in time by one constant.
type recording struct {
	name    string
	scrapes []scrape
	lines   []line
	exports [][]byte // OTLP/JSON, one export each
	spans   []recordedSpan
	calls   []call
	window  backend.TimeRange
}

// scrape is /metrics at a moment: the text of each series and its value.
type scrape struct {
	at      time.Time
	samples map[string]float64
	text    string
}

type line struct {
	at   time.Time
	text string
}

// recordedSpan is one llm_request span.
type recordedSpan struct {
	trace, id, requestID string
	start, end           time.Time
}

// call is one HTTP request as its client saw it.
type call struct {
	Case           string
	Path           string
	RequestHeaders map[string]string `json:"request_headers"`
	Request        json.RawMessage   // text where it is no JSON
	Aborted        bool
	Status         int
	ResponseID     string `json:"response_id"`
	Usage          struct {
		Prompt     float64 `json:"prompt_tokens"`
		Completion float64 `json:"completion_tokens"`
	}
	FinishReasons []string        `json:"finish_reasons"`
	Error         json.RawMessage // of the response's body, or of the stream
	ClientError   string          `json:"client_error"`
	StartNS       int64           `json:"start_ns"`
	FirstByteNS   int64           `json:"first_byte_ns"`
	EndNS         int64           `json:"end_ns"`

	start, firstByte, end time.Time
	asked                 asked
}

// asked is what matters here of a request's body.
type asked struct {
	Prompt      json.RawMessage
	Messages    []json.RawMessage
	N           int
	Temperature *float64
	MaxTokens   float64 `json:"max_tokens"`
	RequestID   string  `json:"request_id"`
}

// ids are the engine's ids of a call, one for each prompt: the client's id or, where it sent none, the response's, as each
// endpoint spells it. Endpoints that reach no engine have none.
func (c *call) ids() []string {
	base, sent := c.RequestHeaders["X-Request-Id"]
	if !sent {
		base, sent = c.asked.RequestID, c.asked.RequestID != ""
	}
	response := func(prefix string) string {
		if sent {
			return prefix + base
		}
		return c.ResponseID
	}
	switch c.Path {
	case "/v1/chat/completions", "/v1/messages":
		return []string{response("chatcmpl-")}
	case "/v1/chat/completions/batch":
		return numbered(response("chatcmpl-")+"_", len(c.asked.Messages))
	case "/v1/completions":
		var prompts []string
		if json.Unmarshal(c.asked.Prompt, &prompts) != nil {
			prompts = []string{""}
		}
		return numbered(response("cmpl-")+"-", len(prompts))
	case "/v1/responses": // makes up an id of its own, whatever the client sends
		return []string{c.ResponseID + "_0"}
	}
	return nil
}

func numbered(stem string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = stem + strconv.Itoa(i)
	}
	return out
}

// trace is the trace that the call belongs to; empty when it carried no context, or none that holds.
func (c *call) trace() string {
	parts := strings.Split(c.RequestHeaders["traceparent"], "-")
	if len(parts) != 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}

// readRecording reads a folder of tools/recordings and moves all of it by one constant of whole seconds, so that it ended
// a minute ago: samples keep the millisecond in which a store puts them.
func readRecording(t *testing.T, name string) *recording {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	folder := filepath.Join(root, "tools", "recordings", name)
	r := &recording{name: name}
	r.readLines(t, folder)
	r.readSpans(t, folder)
	r.readCalls(t, folder)
	r.readScrapes(t, folder)
	r.shift(t)
	return r
}

// eachRecord reads a file of one JSON document per line; a signal that was not recorded has no file.
func eachRecord[T any](t *testing.T, path string, visit func(document []byte, record T)) {
	t.Helper()
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var record T
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &record), path)
		visit(scanner.Bytes(), record)
	}
	require.NoError(t, scanner.Err())
}

func (r *recording) readLines(t *testing.T, folder string) {
	type record struct {
		NS   int64 `json:"ts_ns"`
		Line string
	}
	eachRecord(t, filepath.Join(folder, "logs.jsonl"), func(_ []byte, l record) {
		r.lines = append(r.lines, line{time.Unix(0, l.NS), l.Line})
	})
	slices.SortStableFunc(r.lines, func(a, b line) int { return a.at.Compare(b.at) }) // stdout and stderr have a reader each
}

func (r *recording) readSpans(t *testing.T, folder string) {
	type export struct {
		ResourceSpans []struct {
			ScopeSpans []struct {
				Spans []struct {
					TraceID, SpanID, Name              string
					StartTimeUnixNano, EndTimeUnixNano string
					Attributes                         []struct {
						Key   string
						Value struct{ StringValue string }
					}
				}
			}
		}
	}
	eachRecord(t, filepath.Join(folder, "spans.otlp.jsonl"), func(document []byte, e export) {
		r.exports = append(r.exports, bytes.Clone(document))
		for _, resource := range e.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					if s.Name != "llm_request" {
						continue
					}
					span := recordedSpan{trace: s.TraceID, id: s.SpanID, start: nanos(t, s.StartTimeUnixNano), end: nanos(t, s.EndTimeUnixNano)}
					for _, a := range s.Attributes {
						if a.Key == "gen_ai.request.id" {
							span.requestID = a.Value.StringValue
						}
					}
					r.spans = append(r.spans, span)
				}
			}
		}
	})
}

func nanos(t *testing.T, text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return time.Unix(0, n)
}

func (r *recording) readCalls(t *testing.T, folder string) {
	eachRecord(t, filepath.Join(folder, "truth.jsonl"), func(_ []byte, c call) {
		c.start, c.end = time.Unix(0, c.StartNS), time.Unix(0, c.EndNS)
		if c.FirstByteNS != 0 {
			c.firstByte = time.Unix(0, c.FirstByteNS)
		}
		_ = json.Unmarshal(c.Request, &c.asked) // a body that is no JSON asks for nothing
		c.asked.N = max(c.asked.N, 1)
		r.calls = append(r.calls, c)
	})
}

// readScrapes reads a scrape per second: the first whole, then what changed. Of a variant only the last is there.
func (r *recording) readScrapes(t *testing.T, folder string) {
	type record struct {
		NS               int64 `json:"ts_ns"`
		Samples, Changed map[string]string
	}
	state := map[string]string{}
	eachRecord(t, filepath.Join(folder, "metrics.jsonl"), func(_ []byte, s record) {
		maps.Copy(state, s.Samples)
		maps.Copy(state, s.Changed)
		var text strings.Builder
		samples := make(map[string]float64, len(state))
		for series, value := range state {
			fmt.Fprintf(&text, "%s %s\n", series, value)
			v, err := strconv.ParseFloat(value, 64)
			require.NoError(t, err)
			samples[series] = v
		}
		r.scrapes = append(r.scrapes, scrape{time.Unix(0, s.NS), samples, text.String()})
	})
	if len(r.scrapes) > 0 {
		return
	}
	if text, err := os.ReadFile(filepath.Join(folder, "metrics-last.prom")); err == nil {
		r.scrapes = []scrape{{at: r.last(), text: string(text)}}
	}
}

// last is when the recording's last line was written or its last request ended.
func (r *recording) last() time.Time {
	var last time.Time
	for _, l := range r.lines {
		last = later(last, l.at)
	}
	for _, c := range r.calls {
		last = later(last, c.end)
	}
	for _, s := range r.scrapes {
		last = later(last, s.at)
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

var spanTime = regexp.MustCompile(`("(?:startT|endT|t)imeUnixNano":\s*")(\d+)"`)

func (r *recording) shift(t *testing.T) {
	by := time.Since(r.last().Add(time.Minute)).Truncate(time.Second)
	first := time.Now()
	for i := range r.lines {
		r.lines[i].at = r.lines[i].at.Add(by)
	}
	for i := range r.scrapes {
		r.scrapes[i].at = r.scrapes[i].at.Add(by)
	}
	for i := range r.spans {
		r.spans[i].start, r.spans[i].end = r.spans[i].start.Add(by), r.spans[i].end.Add(by)
	}
	for i := range r.calls {
		c := &r.calls[i]
		c.start, c.end = c.start.Add(by), c.end.Add(by)
		if !c.firstByte.IsZero() {
			c.firstByte = c.firstByte.Add(by)
		}
		if c.start.Before(first) {
			first = c.start
		}
	}
	for i := range r.exports {
		r.exports[i] = spanTime.ReplaceAllFunc(r.exports[i], func(field []byte) []byte {
			part := spanTime.FindSubmatch(field)
			return fmt.Appendf(nil, `%s%d"`, part[1], nanos(t, string(part[2])).Add(by).UnixNano())
		})
	}
	// The engine was idle before: with time to spare in front, coverage compares from the first scrape on.
	r.window = backend.TimeRange{From: first.Add(-time.Minute), To: r.last().Add(5 * time.Second)}
}

// replayed is a recording in stores of its own, with the built plugin in front.
type replayed struct {
	*recording
	deployment *fleet // without a simulator's truth
}

// ask sends one query about the recording's window.
func (r *replayed) ask(t *testing.T, model map[string]any) data.Frames {
	t.Helper()
	return r.deployment.ask(t, r.window, model)
}

// replay starts stores, fills them and waits until they hold all of it.
func replay(t *testing.T, r *recording) *replayed {
	t.Helper()
	stores := stacktest.Start(t, stack.Options{ScrapeInterval: recordedInterval})
	root, err := repo.Root()
	require.NoError(t, err)
	plugin, err := pluginhost.Start(t.Context(), pluginhost.Options{
		Binary: repo.PluginBinary(root), Log: os.Stderr,
		Settings: pluginhost.Stores(stores.Prometheus.URL, stores.Loki.URL, stores.Jaeger.GRPC).Patient().
			With("vllm", map[string]any{"scrapeInterval": recordedInterval.String()}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, plugin.Close()) })
	r.ship(t, stores)
	return &replayed{r, &fleet{stores: stores, plugin: plugin}}
}

// ship sends the three signals as a Prometheus, a log shipper and vLLM's exporter would.
func (r *recording) ship(t *testing.T, stores *stack.Stack) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second}
	scraper := ship.NewScraper("vllm", map[string]string{"instance": "10.0.0.7:8000", "pod": recordedPod, "namespace": "serving"}, false)
	var requests []ship.WriteRequest
	for _, s := range r.scrapes {
		exposition, err := telemetry.ParseExposition(s.text)
		require.NoError(t, err)
		requests = append(requests, scraper.Scrape(s.at, exposition))
	}
	requests = append(requests, scraper.Flush())
	requests = slices.DeleteFunc(requests, func(w ship.WriteRequest) bool { return len(w) == 0 })
	require.NoError(t, ship.RemoteWrite{URL: stores.Prometheus.RemoteWrite, Client: client}.Send(t.Context(), requests))

	stream := &telemetry.LogStream{Labels: []telemetry.Label{{Name: "container", Value: "vllm"}, {Name: "namespace", Value: "serving"}, {Name: "pod", Value: recordedPod}}}
	var lines []telemetry.LogLine
	for _, l := range r.lines {
		lines = append(lines, telemetry.LogLine{Stream: stream, Time: l.at, Text: l.text})
	}
	for part := range slices.Chunk(lines, 1000) {
		require.NoError(t, ship.Loki{URL: stores.Loki.URL, Client: client}.Send(t.Context(), part))
	}

	for _, export := range r.exports {
		require.NoError(t, postJSON(t.Context(), client, stores.Jaeger.OTLPHTTP+"/v1/traces", export))
	}
}

func postJSON(ctx context.Context, client *http.Client, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	return nil
}

// sequences is how many rows the spans make: those of one beam search make one.
func (r *replayed) sequences() int {
	rows := map[string]bool{}
	for i, s := range r.spans {
		if id := beamStep.ReplaceAllString(s.requestID, ""); id != s.requestID {
			rows[id] = true
		} else {
			rows[strconv.Itoa(i)] = true
		}
	}
	return len(rows)
}

// requests asks for all rows, as soon as Jaeger shows every span that it took.
func (r *replayed) requests(t *testing.T) []grade.Row {
	t.Helper()
	var rows []grade.Row
	require.Eventually(t, func() bool {
		rows = grade.Rows(r.ask(t, requestsQuery(10_000))[0])
		return len(withSpan(rows)) >= r.sequences()
	}, 30*time.Second, 200*time.Millisecond, "the spans in Jaeger")
	return rows
}

func withSpan(rows []grade.Row) []grade.Row {
	return slices.DeleteFunc(slices.Clone(rows), func(x grade.Row) bool { return x.Text("span_id") == "" })
}
