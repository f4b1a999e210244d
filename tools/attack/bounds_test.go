//go:build unix

package attack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	model "github.com/jaegertracing/jaeger-idl/model/v1"
	"github.com/jaegertracing/jaeger-idl/proto-gen/api_v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestAttackBounds(t *testing.T) {
	try(t, "bounds",
		attack{
			name:  "fifty hostile queries at once",
			tried: "Prometheus answers every query with 300,000 series, or with 100 MB of samples in gzip; fifty panels and rules ask at once",
			holds: "the process stays below 1 GiB, what was cut is said, a rule gets an error, and the next honest query is answered",
			run:   fiftyHostileQueries,
		},
		attack{
			name:  "fifty hostile questions for rows and lines at once",
			tried: "Loki answers with 100 MB of lines in gzip, lines of one character, a thousand labels at each line; Jaeger with messages of 30 MB, spans of a thousand tags, spans without anything, texts of 400 kB, by both protocols, without end; fifty panels and rules ask for requests and lines at once",
			holds: "the process stays below 1 GiB, what was cut is said, and the next honest query is answered",
			run:   fiftyHostileRows,
		},
		attack{
			name:  "steps and ranges beyond all time",
			tried: "intervals of 2^62 ns, 0 and less, minimum steps of a year, ranges of centuries, times before 1970 and after 2200, for every kind",
			holds: "no store is asked beyond the range of the query and a day beside it",
			run:   hostileRanges,
		},
		attack{
			name:  "answers without end",
			tried: "Prometheus answers with endless series, samples, labels, histograms and names",
			holds: "reading stops at the bound, and the answer says so",
			test:  "pkg/fetch/prometheus.TestAnAnswerIsReadUpToItsBound",
		},
		attack{
			name:  "one viewer takes all places",
			tried: "a hundred requests of one viewer, and of a hundred viewers of one data source, ask at once and never end",
			holds: "rules and viewers of other data sources still get a place",
			test:  "pkg/memory.TestAViewerAndADataSourceLeaveRoomForOthers",
		},
		attack{
			name:  "a log page too long to hand over",
			tried: "Loki's lines are so long that no page of the usual size fits into a message, and one line is longer than any answer",
			holds: "pages are asked again with fewer lines; the one line is passed over and named",
			test:  "pkg/fetch/loki.TestALineThatIsTooLongIsPassedOverAndNamed",
		},
	)
}

// hostileMatrix is an answer of so many series with so many samples each, in gzip.
func hostileMatrix(t *testing.T, series, samples int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`)
	require.NoError(t, err)
	pairs := strings.Repeat(fmt.Sprintf(`[%d,"1"],`, now.Unix()), samples-1) + fmt.Sprintf(`[%d,"1"]`, now.Unix())
	for i := range series {
		if i > 0 {
			_, _ = io.WriteString(w, ",") // a buffer takes all
		}
		_, _ = fmt.Fprintf(w, `{"metric":{"__name__":"x","pod":"p%d"},"values":[%s]}`, i, pairs)
	}
	_, _ = io.WriteString(w, "]}}")
	require.NoError(t, w.Close())
	return out.Bytes()
}

func fiftyHostileQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of CPU")
	}
	stores := newStores(t)
	bodies := [][]byte{hostileMatrix(t, 300_000, 1), hostileMatrix(t, 50, 120_000)}
	stores.prometheus.instead(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasPrefix(r.Form.Get("query"), "hostile") {
			_, _ = io.WriteString(w, stores.told.prometheus(httpCall(r)))
			return
		}
		n, _ := strconv.Atoi(strings.TrimPrefix(r.Form.Get("query"), "hostile"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bodies[n%len(bodies)]) // it hangs up at its bound
	})
	host := start(t, stores.settings())
	require.NoError(t, ask(t, host, map[string]any{"queryType": "promql", "promql": map[string]any{"expr": "up"}}).Error)
	before := peakMemory(t, host.PID())
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			query := hostileQuery(i)
			if i%10 == 0 {
				answer, err := host.QueryAlert(t.Context(), query)
				if err != nil || answer.Responses["A"].Error == nil {
					t.Errorf("rule %d decides on a part of an answer: %v", i, err)
				}
				return
			}
			answer, err := host.QueryData(t.Context(), query)
			if err != nil {
				t.Errorf("query %d: %v", i, err)
				return
			}
			response := answer.Responses["A"]
			if response.Error == nil && (len(response.Frames) == 0 || response.Frames[0].Meta == nil || len(response.Frames[0].Meta.Notices) == 0) {
				t.Errorf("query %d is cut, and does not say so", i)
			}
		})
	}
	all.Wait()
	honest := ask(t, host, map[string]any{"queryType": "promql", "promql": map[string]any{"expr": "up"}})
	require.NoError(t, honest.Error)
	require.NotEmpty(t, honest.Frames)
	peak := peakMemory(t, host.PID())
	figure(t, "peak %d MB, %d MB before", peak>>20, before>>20)
	require.Less(t, peak, int64(1<<30))
}

// hostileLines is an answer of so many lines, in gzip; behind stands behind each.
func hostileLines(t *testing.T, count int, line, behind string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"streams","result":[{"stream":{"service_name":"vllm"},"values":[`) // a buffer takes all
	for i := range count {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		_, _ = fmt.Fprintf(w, `["%d","%s"%s]`, now.Add(-time.Minute).UnixNano()+int64(i), strings.ReplaceAll(line, "$", strconv.Itoa(i)), behind)
	}
	_, _ = io.WriteString(w, "]}]}}")
	require.NoError(t, w.Close())
	return out.Bytes()
}

// fewHostileLines are as many lines as one answer may have.
const fewHostileLines = 60

// allHostileLines are answers that are too long, have lines and labels of the greatest overhead, and requests of which nobody else knows.
func allHostileLines(t *testing.T) [][]byte {
	t.Helper()
	var labels []string
	for i := range 1000 {
		labels = append(labels, fmt.Sprintf(`"l%d":"x"`, i))
	}
	const added = "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] Added request chatcmpl-$. and so on and so on, for a hundred bytes"
	aborted := "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] Aborted request(s) a" + strings.Repeat(",chatcmpl-1", 20_000) + "."
	return [][]byte{
		hostileLines(t, 600_000, added, ""),
		hostileLines(t, 12_000, "x", ""),
		hostileLines(t, 1_200, added, `,{"structuredMetadata":{`+strings.Join(labels, ",")+`}}`),
		hostileLines(t, 12_000, added+strings.Repeat("x", 1000), ""),
		hostileLines(t, fewHostileLines, aborted, ""),
	}
}

// hostileSpans is a message of api_v2 with so many spans, each with other tags.
func hostileSpans(t *testing.T, count int, tags func(i int) []model.KeyValue) []byte {
	t.Helper()
	told := telemetry{model: "m", service: "vllm", caller: "shop", pod: "p", request: "chatcmpl-"}
	var chunk api_v2.SpansResponseChunk
	for i := range count {
		span := told.trace(0)[1]
		span.SpanID = model.NewSpanID(uint64(i) + 1_000) // #nosec G115 -- counts from zero
		span.Tags = append(span.Tags, tags(i)...)
		chunk.Spans = append(chunk.Spans, span)
	}
	text, err := chunk.Marshal()
	require.NoError(t, err)
	return text
}

// allHostileSpans are answers of Jaeger's: messages of api_v2, and of api_v3.
func allHostileSpans(t *testing.T) (v2, v3 [][][]byte) {
	t.Helper()
	note := func(int) []model.KeyValue { return []model.KeyValue{model.String("note", strings.Repeat("x", 200))} }
	tags := make([]model.KeyValue, 1000)
	huge := func(i int) []model.KeyValue {
		return []model.KeyValue{model.String("gen_ai.request.model", strconv.Itoa(i)+strings.Repeat("m", 400_000))}
	}
	calls := func(int) []model.KeyValue { return []model.KeyValue{model.String("gen_ai.operation.name", "chat")} }
	empty := bytes.Repeat([]byte{1<<3 | 2, 0}, 250_000)
	for _, message := range [][]byte{
		hostileSpans(t, 40_000, note), // 30 MB
		hostileSpans(t, 20_000, note),
		hostileSpans(t, 500, calls),
		hostileSpans(t, 100, func(int) []model.KeyValue { return tags }),
		hostileSpans(t, 1, func(int) []model.KeyValue { return slices.Repeat(tags, 200) }),
		hostileSpans(t, 1, huge),
		empty,
	} {
		v2 = append(v2, often(message))
	}
	// TracesData of one ResourceSpans of one ScopeSpans of spans without anything.
	spans := bytes.Repeat([]byte{2<<3 | 2, 0}, 250_000)
	for _, message := range [][]byte{empty, nested(1, nested(2, spans)), bytes.Repeat(nested(1, nested(2, spans)), 10)} {
		v3 = append(v3, often(message))
	}
	return v2, v3
}

// often is an answer of some 30 MB or more of a message.
func often(message []byte) [][]byte {
	return slices.Repeat([][]byte{message}, max(3, 30<<20/len(message)))
}

// nested is a field of a message that is a message itself.
func nested(number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), message)
}

func fiftyHostileRows(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of CPU")
	}
	stores := newStores(t)
	host := start(t, stores.settings())
	honestly := map[string]any{"queryType": "requests"}
	require.NoError(t, ask(t, host, honestly).Error)
	before := peakMemory(t, host.PID())
	lines := allHostileLines(t)
	v2, v3 := allHostileSpans(t)
	var hostile atomic.Bool
	var turn atomic.Int64
	next := func(n int) int { return int(turn.Add(1)) % n }
	hostile.Store(true)
	stores.loki.instead(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !hostile.Load() || !strings.HasSuffix(r.URL.Path, "/query_range") {
			_, _ = io.WriteString(w, stores.told.loki(httpCall(r)))
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(lines[next(len(lines))]) // it hangs up at its bound
	})
	stores.jaeger.instead(func(c *call) ([][]byte, error) {
		switch {
		case hostile.Load() && c.path == "/jaeger.api_v3.QueryService/FindTraces":
			return v3[next(len(v3))], nil
		case hostile.Load() && strings.HasSuffix(c.path, "/FindTraces"):
			return v2[next(len(v2))], nil
		}
		return stores.told.jaeger(c)
	})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			kind := []string{"requests", "logs"}[i%2]
			text := fmt.Sprintf(`{"refId":"A","queryType":%q}`, kind)
			query := backend.DataQuery{RefID: "A", QueryType: kind, TimeRange: window(), Interval: time.Second, JSON: []byte(text)}
			if i%10 == 0 {
				query.JSON = []byte(`{"refId":"A","queryType":"requests","requests":{"form":"numeric"}}`)
				answer, err := host.QueryAlert(t.Context(), query)
				if err != nil || answer.Responses["A"].Error == nil {
					t.Errorf("rule %d decides on a part of an answer: %v", i, err)
				}
				return
			}
			answer, err := host.QueryData(t.Context(), query)
			if err != nil {
				t.Errorf("query %d: %v", i, err)
				return
			}
			response := answer.Responses["A"]
			if kind == "logs" && len(response.Frames) > 0 && response.Frames[0].Rows() == fewHostileLines {
				return // that was all
			}
			if response.Error == nil && (len(response.Frames) == 0 || response.Frames[0].Meta == nil || len(response.Frames[0].Meta.Notices) == 0) {
				t.Errorf("query %d is cut, and does not say so", i)
			}
		})
	}
	all.Wait()
	hostile.Store(false)
	honest := ask(t, host, honestly)
	require.NoError(t, honest.Error)
	require.NotEmpty(t, honest.Frames)
	peak := peakMemory(t, host.PID())
	figure(t, "peak %d MB, %d MB before", peak>>20, before>>20)
	require.Less(t, peak, int64(1<<30))
}

func hostileQuery(i int) backend.DataQuery {
	text := fmt.Sprintf(`{"refId":"A","queryType":"promql","promql":{"expr":"hostile%d"}}`, i)
	return backend.DataQuery{RefID: "A", QueryType: "promql", TimeRange: window(), Interval: time.Second, JSON: []byte(text)}
}

// peakMemory is the most that a process has held of memory, in bytes, as Linux tells it.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("this system does not tell how much memory a process holds")
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			require.NoError(t, err)
			return kilobytes << 10
		}
	}
	t.Skip("this system does not tell the peak")
	return 0
}

func hostileRanges(t *testing.T) {
	stores := newStores(t)
	host := start(t, stores.settings())
	const beside = 25 * time.Hour
	ranges := []backend.TimeRange{
		window(),
		{From: now.Add(-time.Second), To: now},
		{From: now.Add(-400 * 24 * time.Hour), To: now},
		{From: now.Add(-401 * 24 * time.Hour), To: now},
		{From: time.Unix(-1<<40, 0), To: now},
		{From: time.Date(1823, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(1823, 1, 2, 0, 0, 0, 0, time.UTC)},
		{From: time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2201, 1, 2, 0, 0, 0, 0, time.UTC)}, // Grafana's SDK itself turns later ones into earlier ones
		{From: now, To: now.Add(-time.Hour)},
	}
	intervals := []time.Duration{math.MinInt64, -1, 0, 1, time.Hour, 1 << 62, math.MaxInt64}
	steps := []string{"", "1d", "400d", "1y", "1y1y1y", "NaN", "-5m", "999999999h", "9223372036854775807ns"}
	count := 0
	for _, within := range ranges {
		for i, interval := range intervals {
			for _, example := range examples() {
				if spec, ok := example["promql"].(map[string]any); ok {
					spec["minStep"] = steps[(i+count)%len(steps)]
					count++
				}
				if spec, ok := example["logs"].(map[string]any); ok {
					delete(spec, "around") // which is about a time of its own
				}
				stores.prometheus.forget()
				stores.loki.forget()
				query := asked(t, "A", example)
				query.TimeRange, query.Interval = within, interval
				_, err := host.QueryData(t.Context(), query)
				require.NoError(t, err)
				for _, c := range append(stores.prometheus.calls(), stores.loki.calls()...) {
					requireWithin(t, c, within, beside, interval)
				}
			}
		}
	}
}

// requireWithin holds the start and the end of a call against the range of its query. Times of traces' own requests lie in the range
// of the sound stores, which is that of window.
func requireWithin(t *testing.T, c *call, within backend.TimeRange, beside, interval time.Duration) {
	t.Helper()
	from, to := within.From.Add(-within.To.Sub(within.From)-beside), within.To.Add(within.To.Sub(within.From)+beside)
	sound := window()
	for _, name := range []string{"start", "end", "time"} {
		text := c.form.Get(name)
		if text == "" {
			continue
		}
		moment := time.Time{}
		if nanoseconds, err := strconv.ParseInt(text, 10, 64); err == nil && nanoseconds > 1e15 {
			moment = time.Unix(0, nanoseconds)
		} else {
			seconds, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err, text)
			moment = time.UnixMilli(int64(seconds * 1000))
		}
		near := moment.After(sound.From.Add(-beside)) && moment.Before(sound.To.Add(beside))
		require.True(t, near || !moment.Before(from) && !moment.After(to), "%s %s=%s of a query from %s to %s, interval %d", c.path, name, moment, within.From, within.To, interval)
	}
}
