package fetch

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestStoresAreAskedForNoMoreThanTheRowsNeed(t *testing.T) {
	slowest, newest, oldest := join.Order{Column: "e2e", Desc: true}, join.Order{Column: join.TimeColumn, Desc: true}, join.Order{Column: join.TimeColumn}
	whole := []evidence.Window{between(-2, 605)}
	for name, c := range map[string]struct {
		ask      Ask
		finished float64 // as the engines count
		lines    []evidence.Window
		metrics  []evidence.Window
		ids      []string
		spans    int
		looked   evidence.Window
	}{
		"all rows: the whole window": {
			ask: Ask{}, finished: 10,
			lines: whole, metrics: []evidence.Window{between(-25, 625)}, spans: 10, looked: window,
		},
		"more rows are wanted than the engines counted": {
			ask: Ask{Keep: 10, Order: slowest, Early: true}, finished: 10,
			lines: whole, metrics: []evidence.Window{between(-25, 625)}, spans: 10, looked: window,
		},
		"rows that only logs or metrics can choose": {
			ask: Ask{Keep: 2, Order: join.Order{Column: "log_lines"}}, finished: 10,
			lines: whole, metrics: []evidence.Window{between(-25, 625)}, spans: 10, looked: window,
		},
		"the slowest two: the time around them, and their ids": { // the last began at 540 s and took 10 s, the one before at 480 s and 9 s
			ask: Ask{Keep: 2, Order: slowest, Early: true}, finished: 10,
			lines: []evidence.Window{between(468, 504), between(528, 565)}, metrics: []evidence.Window{between(443, 590)},
			ids: []string{requestID(9), requestID(8)}, spans: 2, looked: window,
		},
		"fewer match than are wanted: those without a span may be among them": {
			ask:      Ask{Keep: 3, Order: slowest, Early: true, Select: filter(t, join.Filter{Column: "e2e", Op: "<", Value: "2.5"})},
			finished: 10,
			lines:    whole, metrics: []evidence.Window{between(-25, 625)}, spans: 10, looked: window,
		},
		"the newest two: the end of the window, requests without a span included": {
			ask: Ask{Keep: 2, Order: newest, Early: true}, finished: 10,
			lines: []evidence.Window{between(468, 605)}, metrics: []evidence.Window{between(443, 625)}, spans: 2, looked: between(480, 600),
		},
		"the oldest two: its beginning, until the second has ended": { // it began at 60 s and took 2 s
			ask: Ask{Keep: 2, Order: oldest, Early: true}, finished: 10,
			lines: []evidence.Window{between(-2, 77)}, metrics: []evidence.Window{between(-25, 625)}, spans: 2, looked: between(0, 60.000000001),
		},
		"as many rows as there are, which nobody counted": {
			ask: Ask{Keep: 10, Order: slowest, Early: true}, finished: 0,
			lines: whole, metrics: []evidence.Window{between(-25, 625)}, spans: 10, looked: window,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stores{traces: everyMinute(10), finished: c.finished}
			c.ask.Window = window
			f := s.fetcher()
			f.WholeUpTo = 1
			in, err := f.Requests(t.Context(), c.ask)
			require.NoError(t, err)
			require.Len(t, in.Spans, c.spans)
			require.Equal(t, c.looked, in.Looked)
			require.Equal(t, window, in.Window)
			logs, metrics, spans := s.questions("RequestEvents"), s.questions("EngineState"), s.questions("RequestSpans")
			require.Len(t, logs, 1)
			require.Equal(t, c.lines, logs[0].windows)
			if c.ids != nil {
				require.ElementsMatch(t, c.ids, logs[0].names)
			}
			require.Len(t, metrics, 1)
			require.Equal(t, c.metrics, metrics[0].windows)
			require.Len(t, spans, 1)
			require.Equal(t, []evidence.Window{between(-2, 600)}, spans[0].windows)
			require.Equal(t, int(c.finished), spans[0].expected)
			require.Len(t, s.questions("Targets"), 1)
		})
	}
}

func filter(t *testing.T, f join.Filter) join.Predicate {
	t.Helper()
	p, err := join.CompileFilters([]join.Filter{f})
	require.NoError(t, err)
	return p
}

func TestManyChosenRowsAreAFewWindows(t *testing.T) {
	s := &stores{traces: everyMinute(500), finished: 500}
	day := evidence.Window{From: noon, To: noon.Add(24 * time.Hour)}
	f := s.fetcher()
	f.WholeUpTo = 1
	in, err := f.Requests(t.Context(), Ask{Window: day, Keep: 100, Order: join.Order{Column: "e2e"}, Early: true})
	require.NoError(t, err)
	require.Equal(t, 400, in.Dropped)
	windows := s.questions("RequestEvents")[0].windows
	require.LessOrEqual(t, len(windows), maxWindows)
	for _, span := range in.Spans {
		covered := false
		for _, w := range windows {
			covered = covered || w.Contains(span.Start.Add(-join.BeforeStart)) && w.Contains(span.End())
		}
		require.True(t, covered, span.RequestID)
	}
}

func TestLinesOfOtherRequestsMakeNoRowsAmongChosenOnes(t *testing.T) {
	s := &stores{traces: everyMinute(10), finished: 10, events: []evidence.RequestEvent{
		lineOf(requestID(9), noon.Add(540*time.Second)), lineOf("chatcmpl-other", noon.Add(541*time.Second)),
	}}
	f := s.fetcher()
	f.WholeUpTo = 1
	in, err := f.Requests(t.Context(), Ask{Window: window, Keep: 1, Order: join.Order{Column: "e2e", Desc: true}, Early: true})
	require.NoError(t, err)
	rows := join.Requests(in).Rows
	require.Len(t, rows, 1)
	require.Equal(t, requestID(9), rows[0].RequestID)
}

func TestServicesAboveEnginesAreRemembered(t *testing.T) {
	traces := everyMinute(1)
	traces[0].Callers = []evidence.CallerSpan{{Service: "shop", Inference: true}, {Service: "gateway"}}
	s := &stores{traces: traces}
	f := s.fetcher()
	f.VLLM.CallerServices = []string{"batch"}
	for range 2 {
		_, err := f.Requests(t.Context(), Ask{Window: window})
		require.NoError(t, err)
	}
	callers := s.questions("CallerTraces")
	require.Len(t, callers, 2, "once in each query: after the spans at first, beside them later")
	for _, asked := range callers {
		require.Equal(t, []string{"batch", "shop"}, asked.names)
		require.Zero(t, asked.expected, "engines do not count what never reached them")
	}
}

func TestWhatAStoreFailsAtIsMissingAndNothingElse(t *testing.T) {
	lines := []evidence.RequestEvent{lineOf(requestID(0), noon), lineOf("chatcmpl-aborted", noon.Add(time.Minute))}
	for name, c := range map[string]struct {
		fails       map[evidence.Store]error
		limited     bool
		spans, rows int // rows of lines alone included
	}{
		"nothing":            {nil, false, 1, 2},
		"Jaeger: lines stay": {failure(evidence.Jaeger, upstream.ErrUnauthorized), false, 0, 2},
		"Jaeger, of which more is left to read, for the same reason": {failure(evidence.Jaeger, upstream.ErrServer), true, 0, 2},
		"Loki: spans stay":      {failure(evidence.Loki, upstream.ErrTimeout), false, 1, 1},
		"Prometheus: both stay": {failure(evidence.Prometheus, upstream.ErrRateLimited), false, 1, 2},
		"spans past a limit: a line without a span may be of one of them": {nil, true, 1, 1},
	} {
		for path, ask := range map[string]Ask{
			"whole window": {Window: window},
			"chosen rows":  {Window: window, Keep: 1, Order: join.Order{Column: "e2e"}, Early: true},
		} {
			t.Run(name+"/"+path, func(t *testing.T) {
				s := &stores{traces: everyMinute(1), events: lines, finished: 2, fails: c.fails, limited: c.limited}
				in, err := s.fetcher().Requests(t.Context(), ask)
				require.NoError(t, err)
				require.Len(t, in.Spans, c.spans)
				require.Len(t, join.Requests(in).Rows, c.rows)
				for _, report := range in.Stores {
					require.Equal(t, c.fails[report.Store], report.Err)
				}
			})
		}
	}
}

func TestASilentStoreIsAskedOnce(t *testing.T) {
	for _, kind := range []upstream.Kind{upstream.ErrTimeout, upstream.ErrUnreachable} {
		s := &stores{traces: everyMinute(10), fails: failure(evidence.Prometheus, kind)}
		f := s.fetcher()
		_, err := f.Requests(t.Context(), Ask{Window: window, Keep: 1, Order: join.Order{Column: "e2e"}, Early: true})
		require.NoError(t, err)
		require.Len(t, s.questions("Targets"), 1)
		require.Empty(t, s.questions("EngineState"), "it comes after the targets")

		in, err := f.Request(t.Context(), window, requestID(3))
		require.NoError(t, err)
		require.Len(t, s.questions("Targets"), 2)
		require.Empty(t, s.questions("EngineState"))

		_, err = f.Neighbours(t.Context(), window, window, vllm.Scope{}, in.Stores)
		require.NoError(t, err)
		require.Len(t, s.questions("Targets"), 2, "what was silent about the request is silent about its neighbours")
		require.Empty(t, s.questions("EngineState"))
	}
}

func TestNoAnswerAtAllIsAnErrorThatNamesEveryStore(t *testing.T) {
	refused := map[evidence.Store]error{}
	for _, store := range []evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger} {
		refused[store] = &upstream.Error{Store: store, Kind: upstream.ErrUnreachable, Message: "connection refused"}
	}
	s := &stores{fails: refused}
	in, err := s.fetcher().Requests(t.Context(), Ask{Window: window})
	for _, store := range []string{"Prometheus", "Loki", "Jaeger"} {
		require.ErrorContains(t, err, store+" cannot be reached: connection refused")
	}
	require.Len(t, in.Stores, 3, "which stores failed is known all the same")
}

func TestStoresThatAreNotConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		without func(*Fetcher)
		want    string
	}{
		"no metrics":         {func(f *Fetcher) { f.Metrics = nil }, ""},
		"no logs":            {func(f *Fetcher) { f.Logs = nil }, ""},
		"no traces":          {func(f *Fetcher) { f.Traces = nil }, ""},
		"only logs":          {func(f *Fetcher) { f.Traces, f.Metrics = nil, nil }, ""},
		"only metrics":       {func(f *Fetcher) { f.Traces, f.Logs = nil, nil }, "neither Jaeger nor Loki is configured"},
		"nothing whatsoever": {func(f *Fetcher) { f.Traces, f.Logs, f.Metrics = nil, nil, nil }, "neither Jaeger nor Loki is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stores{traces: everyMinute(3), finished: 3, events: []evidence.RequestEvent{lineOf(requestID(0), noon)}}
			f := s.fetcher()
			c.without(f)
			for _, ask := range []Ask{{Window: window}, {Window: window, Keep: 1, Early: true}} {
				in, err := f.Requests(t.Context(), ask)
				if c.want != "" {
					require.ErrorContains(t, err, c.want)
					continue
				}
				require.NoError(t, err)
				for _, report := range in.Stores {
					configured := map[evidence.Store]bool{evidence.Prometheus: f.Metrics != nil, evidence.Loki: f.Logs != nil, evidence.Jaeger: f.Traces != nil}
					require.Equal(t, configured[report.Store], report.Configured)
				}
			}
		})
	}
}

func TestAQueryThatNobodyWaitsForHasNoAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := (&stores{traces: everyMinute(3)}).fetcher()
	_, err := f.Requests(ctx, Ask{Window: window})
	require.ErrorIs(t, err, context.Canceled)
	_, err = f.Request(ctx, window, requestID(0))
	require.ErrorIs(t, err, context.Canceled)
}

func TestSpansComeOnlyWhenAllOfThemCanBeHad(t *testing.T) {
	for name, c := range map[string]struct {
		stores   *stores
		searched int
		ok       bool
	}{
		"as many as the engines counted":       {&stores{finished: 10}, 1, true},
		"more than wanted":                     {&stores{finished: 11}, 0, false},
		"nobody knows how many":                {&stores{}, 0, false},
		"a limit cut them":                     {&stores{finished: 10, limited: true}, 1, false},
		"Jaeger failed":                        {&stores{finished: 10, fails: failure(evidence.Jaeger, upstream.ErrServer)}, 1, false},
		"the engines' count was not to be had": {&stores{finished: 10, fails: failure(evidence.Prometheus, upstream.ErrServer)}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.stores.traces = append([]jaeger.Trace(nil), everyMinute(10)...)
			_, why := c.stores.fetcher().Spans(t.Context(), Ask{Window: window}, 10)
			ok := why == ""
			require.Equal(t, c.ok, ok)
			require.Len(t, c.stores.questions("RequestSpans"), c.searched)
			require.Empty(t, c.stores.questions("RequestEvents"))
		})
	}
}

// That no line names a request is said of Loki only when it has no line at all: vLLM names them with --enable-log-requests only.
func TestAStoreWithoutAnythingSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		stores *stores
		want   []evidence.Store
	}{
		"all are empty":                        {&stores{}, []evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger}},
		"lines that name no request are lines": {&stores{otherLines: 500}, []evidence.Store{evidence.Prometheus, evidence.Jaeger}},
		"spans":                                {&stores{traces: everyMinute(3)}, []evidence.Store{evidence.Prometheus, evidence.Loki}},
		"lines": {&stores{events: []evidence.RequestEvent{lineOf("chatcmpl-a", noon.Add(time.Minute))}},
			[]evidence.Store{evidence.Prometheus, evidence.Jaeger}},
		"an engine's metrics": {&stores{state: []evidence.Series{{Metric: vllm.NumRequestsRunning}}}, []evidence.Store{evidence.Loki, evidence.Jaeger}},
		"metrics of GPUs alone, which are there whatever runs on them": {&stores{state: []evidence.Series{{Metric: vllm.GPUUtilization}}},
			[]evidence.Store{evidence.Prometheus, evidence.Loki, evidence.Jaeger}},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := c.stores.fetcher().Requests(t.Context(), Ask{Window: window})
			require.NoError(t, err)
			var got []evidence.Store
			for _, s := range in.Stores {
				if s.Nothing {
					got = append(got, s.Store)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}
