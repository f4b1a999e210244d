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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
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
