package fetch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/prometheus"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// honest are stores that answer what they are asked for, and no more: windows, ids, services and places narrow the answer as
// they do in Jaeger, Loki and Prometheus.
type honest struct {
	spans  []evidence.RequestSpan
	lost   []evidence.CallerSpan
	events []evidence.RequestEvent
	texts  []string // parallel to events
	series []evidence.Series
}

func (h *honest) EngineState(_ context.Context, windows []evidence.Window, scope vllm.Scope, _ []string) ([]evidence.Series, []evidence.Call, error) {
	var out []evidence.Series
	for _, s := range h.series {
		if !placed(scope, s.Origin, true) {
			continue
		}
		kept := s
		kept.Samples = nil
		for _, sample := range s.Samples {
			at := time.UnixMilli(sample.UnixMilli)
			if slices.ContainsFunc(windows, func(w evidence.Window) bool { return w.Contains(at) }) {
				kept.Samples = append(kept.Samples, sample)
			}
		}
		if len(kept.Samples) > 0 {
			out = append(out, kept)
		}
	}
	return out, nil, nil
}

func (h *honest) Targets(context.Context, evidence.Window) ([]evidence.Target, []evidence.Call, error) {
	var out []evidence.Target
	for _, s := range h.series {
		out = append(out, evidence.Target{Origin: *s.Origin})
	}
	return out, nil, nil
}

func (h *honest) Finished(_ context.Context, w evidence.Window, scope vllm.Scope) (out []evidence.Finished, _ []evidence.Call, _ error) {
	for i := range h.spans {
		if s := &h.spans[i]; w.Contains(s.End()) && placed(scope, s.Origin, true) {
			out = append(out, evidence.Finished{Count: 1})
		}
	}
	return out, nil, nil
}

func (h *honest) FinishedOver(context.Context, evidence.Window, vllm.Scope) (evidence.Load, []evidence.Call, error) {
	return evidence.Load{}, nil, nil
}

func (h *honest) EngineChanges(context.Context, evidence.Window, vllm.Scope, prometheus.ChangesAsk) (evidence.EngineChanges, []evidence.Call, error) {
	return evidence.EngineChanges{}, nil, nil
}

func (h *honest) EngineLines(context.Context, evidence.Window, vllm.Scope, []vllm.EngineEvent) ([]evidence.EngineLine, evidence.StoreReport) {
	return nil, evidence.StoreReport{}
}

func (h *honest) RequestIDSample(context.Context, evidence.Window) (loki.Sample, error) {
	return loki.Sample{Lines: len(h.events)}, nil
}

func (h *honest) RequestEvents(_ context.Context, windows []evidence.Window, scope vllm.Scope, filter loki.RequestFilter) (out []evidence.RequestEvent, _ evidence.StoreReport) {
	texts, narrow := vllm.NewRequestIDSet(filter.IDs...).SentenceTexts()
	for i, e := range h.events {
		if !slices.ContainsFunc(windows, func(w evidence.Window) bool { return w.Contains(e.Time()) }) || !placed(scope, e.Origin, true) {
			continue
		}
		if len(filter.IDs) > 0 && narrow && !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(h.texts[i], text) }) {
			continue
		}
		out = append(out, e)
	}
	return out, evidence.StoreReport{Store: evidence.Loki, Configured: true}
}

func (h *honest) RequestSpans(_ context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	for i := range h.spans {
		if r := h.spans[i]; s.Window.Contains(r.Start) && placed(s.Scope, r.Origin, false) {
			t := jaeger.Trace{TraceID: r.TraceID, Requests: []evidence.RequestSpan{r}, Callers: []evidence.CallerSpan{{Service: "app", Inference: true}}}
			if err := visit(t); err != nil {
				return evidence.StoreReport{Err: err}
			}
		}
	}
	return evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
}

func (h *honest) CallerTraces(_ context.Context, s jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	for _, c := range h.lost {
		if s.Window.Contains(c.Start) && slices.Contains(s.Services, c.Service) {
			if err := visit(jaeger.Trace{TraceID: c.TraceID, Unanswered: []evidence.CallerSpan{c}}); err != nil {
				return evidence.StoreReport{Err: err}
			}
		}
	}
	return evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
}

func (h *honest) FindByRequestID(_ context.Context, w evidence.Window, ids []string) (out []jaeger.Trace, _ evidence.StoreReport) {
	for i := range h.spans {
		if s := h.spans[i]; w.Contains(s.Start) && slices.Contains(ids, s.RequestID) {
			out = append(out, jaeger.Trace{TraceID: s.TraceID, Requests: []evidence.RequestSpan{s}})
		}
	}
	return out, evidence.StoreReport{Store: evidence.Jaeger, Configured: true}
}

func (h *honest) CallerServices(context.Context) ([]string, error) { return []string{"app"}, nil }

func (h *honest) OtherServices(context.Context) ([]string, error) { return []string{"app"}, nil }

func (h *honest) FindBySentID(context.Context, evidence.Window, []string, string) ([]jaeger.Trace, evidence.StoreReport) {
	panic("not asked here")
}

func (h *honest) GetTrace(context.Context, string) ([]evidence.Span, evidence.StoreReport) {
	panic("not asked here")
}

// placed reports whether a scope allows a place. Where a store finds by label, what does not have the label is not found.
func placed(scope vllm.Scope, o *evidence.Origin, byLabel bool) bool {
	test := scope.Test(vllm.Pod)
	return test == nil || test(o.Pod) || !byLabel && o.Pod == ""
}

// hostileIDs are what clients send as their X-Request-Id.
var hostileIDs = []string{
	"user_42", "user_4", "user", "job7", "job7_1", "job7_2", "job-1a2b3c4d", "job-5e6f7a8b", "job", "a b", "a", "x-1", "x-1-0", "abc-0",
	`we"ird`, "pipe|d", "com,ma", `back\slash`, "日本", "100%", "req-42", "req_12345", "e\u0301", "LLM",
}

// randomWorld is a quarter of an hour of requests that use ids again, leave, fail, come back, and have several sequences.
func randomWorld(r *rand.Rand, n int) *honest {
	h := &honest{}
	pods := []*evidence.Origin{
		{Pod: "llama-0", Instance: "10.0.0.1:8000", Model: "llama", Service: "vllm"}, {Pod: "llama-1", Instance: "10.0.0.2:8000", Model: "llama", Service: "vllm"},
	}
	lines := func(o *evidence.Origin) *evidence.Origin { return &evidence.Origin{Pod: o.Pod} }
	logs := []*evidence.Origin{lines(pods[0]), lines(pods[1])}
	for _, o := range pods {
		for _, metric := range []string{vllm.NumRequestsRunning, vllm.NumPreemptions, vllm.KVCacheUsage} {
			s := evidence.Series{Metric: metric, Origin: &evidence.Origin{Pod: o.Pod, Instance: o.Instance, Model: o.Model, Engine: "0"}}
			for t := -60; t < 1000; t += 10 {
				s.Samples = append(s.Samples, evidence.Sample{UnixMilli: noon.Add(time.Duration(t) * time.Second).UnixMilli(), Value: float64(r.IntN(10) + t)})
			}
			h.series = append(h.series, s)
		}
	}
	skew := time.Duration([]int{0, 0, 700, 3000, -3000}[r.IntN(5)]) * time.Millisecond // the clock of whoever dates the lines
	say := func(at time.Time, pod int, sentence string) {
		written := at
		at = at.Add(skew + time.Duration(r.IntN(50))*time.Millisecond)
		e := vllm.ParseLogLine(fmt.Sprintf("(APIServer pid=%d) INFO %s [async_llm.py:1] %s", pod+1, written.Format("01-02 15:04:05"), sentence))
		for _, id := range append([]string{e.RequestID}, e.MoreIDs...) {
			one := e
			if one.RequestID = id; id != e.RequestID {
				one.External, _ = vllm.ExternalFromInternal(id)
			}
			if event, ok := evidence.NewRequestEvent(at, logs[pod], &one); ok {
				h.events, h.texts = append(h.events, event), append(h.texts, sentence)
			}
		}
	}
	for i := range n {
		base := hostileIDs[r.IntN(len(hostileIDs))]
		if r.IntN(3) > 0 {
			base = fmt.Sprintf("%s-%d", base, r.IntN(n))
		}
		start := noon.Add(time.Duration(r.IntN(900_000)) * time.Millisecond)
		length := time.Duration(50+r.IntN(20_000)) * time.Millisecond
		pod := r.IntN(2)
		external := []string{"chatcmpl-" + base, "chatcmpl-" + base, "cmpl-" + base + "-0", "embd-" + base + "-0", fmt.Sprintf("resp_%016x_0", r.Uint64())}[r.IntN(5)]
		internal := fmt.Sprintf("%s-%08x", external, r.Uint32())
		sequences := 1 + r.IntN(8)/7*2
		fate := r.IntN(12)
		logged := r.IntN(6) > 0
		if logged {
			say(start.Add(time.Millisecond), pod, "Received request "+external+": params: SamplingParams(n=1, temperature=0.5, top_p=1.0, max_tokens=7), lora_request: None.")
			if fate != 3 {
				for k := range sequences {
					id := internal
					if sequences > 1 {
						id = fmt.Sprintf("%d_%s", k, internal)
					}
					say(start.Add(2*time.Millisecond), pod, "Added request "+id+".")
				}
			}
		}
		end := start.Add(length)
		trace := fmt.Sprintf("%032x", i+1)
		call := &evidence.CallerSpan{TraceID: trace, SpanID: "c", Service: "app", Operation: "chat llama", Kind: evidence.KindClient, Start: start.Add(-time.Millisecond), Duration: length.Seconds() + 0.01, RequestID: base, Model: "llama", Inference: true}
		switch fate {
		case 0, 1: // the client leaves
			say(end, pod, "Aborted request(s) "+internal+".")
			say(end, pod, "Request "+external+" aborted.")
			h.lost = append(h.lost, *call)
			continue
		case 2: // lost span
			continue
		case 3: // refused
			say(start.Add(3*time.Millisecond), pod, "Request "+external+" failed (bad request): too long.")
			call.HTTPStatus = 400
			h.lost = append(h.lost, *call)
			continue
		case 4:
			say(end, pod, "Request "+vllm.ResponseID(external)+" failed with an internal error during generation")
		case 5, 6:
			say(end.Add(time.Millisecond), pod, "Generated response "+vllm.ResponseID(external)+": output: 'x', finish_reason: length")
		}
		alone := r.IntN(4) == 0
		for k := range sequences {
			s := evidence.RequestSpan{
				TraceID: trace, SpanID: fmt.Sprint(k), RequestID: external, Start: start, Origin: pods[pod], Duration: length.Seconds(), E2E: length.Seconds(),
				TTFT: 0.01, Queue: 0.001, Prefill: 0.002, Decode: length.Seconds() - 0.02, PromptTokens: int64(r.IntN(100)), CompletionTokens: 5,
				CachedTokens: evidence.Unknown, MaxTokens: 7, Temperature: 0.5, TopP: 1,
			}
			switch {
			case !alone:
				s.ParentSpanID, s.Caller, s.Call, s.Root = "c", call, call, call
			case k == 0: // its trace context was lost, and the call around it has no engine span
				h.lost = append(h.lost, *call)
			}
			h.spans = append(h.spans, s)
		}
	}
	return h
}

// randomAsk is one of the questions that a dashboard asks.
func randomAsk(r *rand.Rand, t *testing.T, w evidence.Window) (ask Ask, scope vllm.Scope) {
	t.Helper()
	columns := []string{join.TimeColumn, "e2e", "ttft", "prompt_tokens", "log_lines", "request_id", "cached_tokens", "status", "running"}
	order := join.Order{Column: columns[r.IntN(len(columns))], Desc: r.IntN(2) == 0}
	var filters []join.Filter
	switch r.IntN(6) {
	case 0:
		filters = []join.Filter{{Column: "e2e", Op: join.Greater, Value: fmt.Sprint(r.IntN(20))}}
	case 1:
		filters = []join.Filter{{Column: "status", Op: join.Equal, Value: "error"}}
	case 2:
		filters = []join.Filter{{Column: "request_id", Op: join.Match, Value: "chatcmpl-.*"}}
	}
	if r.IntN(3) == 0 {
		scope.Pods = []string{"llama-0"}
	}
	p, err := join.CompileFilters(filters)
	require.NoError(t, err)
	return Ask{
		Window: w, Scope: scope, Keep: []int{1, 3, 10, 50, 1000}[r.IntN(5)], Order: order, Select: p.Within(scope),
		Early: join.DecidedBySpans(filters, order),
	}, scope
}

// TestTheSameQuestionGivesTheSameRows asks for a part of a window in many ways, and holds each row against the same row of the
// whole answer, cell by cell.
func TestTheSameQuestionGivesTheSameRows(t *testing.T) {
	window := evidence.Window{From: noon.Add(time.Minute), To: noon.Add(14 * time.Minute)}
	const seeds = 8
	limited := func(requests int) settings.Limits {
		l := settings.DefaultLimits()
		l.LogLines = requests * linesPerRequest // of which these stores give more all the same
		return l
	}
	for _, c := range []struct {
		upTo        int
		limits      settings.Limits
		seeds, asks int
		requests    func(r *rand.Rand) int
	}{
		{0, settings.DefaultLimits(), seeds, 12, few}, // as it is
		{1, settings.DefaultLimits(), seeds, 12, few}, // as if every window held so many requests that not all are read unless a row needs it
		{1, limited(1), 25, 12, few},                  // as if it held too many for that
		{0, settings.DefaultLimits(), 1, 4, many},
		{0, limited(1), 1, 8, many},
		{0, limited(6_000), 1, 8, many}, // some scopes hold few enough
	} {
		if race.Enabled { // a few questions of each kind: values are compared without it
			c.seeds, c.asks = min(c.seeds, 2), 3
		}
		marked := 0
		for seed := range c.seeds {
			r := rand.New(rand.NewPCG(uint64(seed), 42)) // #nosec G404 -- a test's
			h := randomWorld(r, c.requests(r))
			f := New(Fetcher{Metrics: h, Logs: h, Traces: h, VLLM: settings.VLLM{ScrapeInterval: 10 * time.Second, CallerServices: []string{"app"}}, Limits: c.limits, WholeUpTo: c.upTo})
			in, err := f.Requests(t.Context(), Ask{Window: window})
			require.NoError(t, err)
			whole := join.Requests(in).Rows
			for range c.asks {
				ask, scope := randomAsk(r, t, window)
				in, err := f.Requests(t.Context(), ask)
				require.NoError(t, err)
				joined := join.Requests(in)
				require.Equal(t, count(joined.Rows, func(row *join.Request) bool { return row.Unread && !row.Ambiguous }), joined.Report.Unread)
				got, _ := join.Choose(joined.Within(scope).Rows, ask.Select, ask.Order, ask.Keep)
				want, _ := join.Choose(slices.Clone(whole), ask.Select, ask.Order, ask.Keep)
				marked += count(got, func(row *join.Request) bool { return row.Unread })
				if diff := differences(want, got); diff != "" {
					t.Fatalf("seed %d, up to %d, limits %+v, %d rows by %+v in %v (early %t):\n%s", seed, c.upTo, c.limits, ask.Keep, ask.Order, scope.Pods, ask.Early, diff)
				}
			}
		}
		require.True(t, race.Enabled || (c.limits != settings.DefaultLimits()) == (marked > 0), "%d rows are marked, with limits %+v", marked, c.limits)
	}
}

func few(r *rand.Rand) int { return 20 + r.IntN(300) }

func many(*rand.Rand) int {
	if race.Enabled {
		return 1_500
	}
	return 13_500
}

func count(rows []join.Request, is func(*join.Request) bool) (n int) {
	for i := range rows {
		if is(&rows[i]) {
			n++
		}
	}
	return n
}

// differences says which cells differ, of the rows that do not say themselves that not all was read.
func differences(want, got []join.Request) string {
	if slices.ContainsFunc(got, func(r join.Request) bool { return r.Unread }) { // their cells may have another order, too
		byKey := map[string]*join.Request{}
		for i := range want {
			byKey[want[i].Key()] = &want[i]
		}
		var both [2][]join.Request
		for i := range got {
			switch same := byKey[got[i].Key()]; {
			case got[i].Unread:
			case same == nil:
				return "not in the whole answer: " + got[i].Key()
			default:
				both[0], both[1] = append(both[0], *same), append(both[1], got[i])
			}
		}
		want, got = both[0], both[1]
	}
	if len(want) != len(got) {
		return fmt.Sprintf("%d rows instead of %d\nwant %s\ngot  %s", len(got), len(want), keysIn(want), keysIn(got))
	}
	var out []string
	for i := range want {
		for _, c := range join.Columns {
			w, g := cell(&c, &want[i]), cell(&c, &got[i])
			if !reflect.DeepEqual(w, g) {
				out = append(out, fmt.Sprintf("row %d %s %s: %v instead of %v", i, want[i].RequestID, c.Name, g, w))
			}
		}
	}
	return strings.Join(out[:min(len(out), 12)], "\n")
}

func keysIn(rows []join.Request) (out []string) {
	for i := range rows {
		out = append(out, rows[i].RequestID+"@"+rows[i].Key())
	}
	return out
}

func cell(c *join.Column, r *join.Request) any {
	switch {
	case c.Text != nil:
		if p := join.NullText(c.Text(r)); p != nil {
			return *p
		}
	case c.Number != nil:
		if p := join.NullNumber(c.Number(r)); p != nil {
			return *p
		}
	case c.Integer != nil:
		if p := join.NullInteger(c.Integer(r)); p != nil {
			return *p
		}
	default:
		return r.Time
	}
	return nil
}
