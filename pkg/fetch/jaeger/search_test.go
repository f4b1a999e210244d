package jaeger

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// hour is the window of most searches.
var hour = evidence.Window{From: noon, To: noon.Add(time.Hour)}

// requests makes n traces of one engine span each, spread evenly over the hour.
func requests(n int) (traces [][]testSpan) {
	for i := range n {
		at := noon.Add(time.Duration(i) * time.Hour / time.Duration(n))
		traces = append(traces, []testSpan{engineSpan(fmt.Sprintf("%x", i+1), fmt.Sprintf("%x", i+1), "", fmt.Sprintf("chatcmpl-%d", i), at)})
	}
	return traces
}

// collect runs a search and counts how often each request came.
func collect(t testing.TB, c *Client, s Search) (map[string]int, evidence.StoreReport) {
	t.Helper()
	got := map[string]int{}
	report := c.RequestSpans(t.Context(), s, func(trace Trace) error {
		for _, r := range trace.Requests {
			got[r.RequestID]++
		}
		return nil
	})
	return got, report
}

func requireOnceEach(t testing.TB, want int, got map[string]int) {
	t.Helper()
	require.Len(t, got, want)
	for id, n := range got {
		require.Equal(t, 1, n, "%s must come once", id)
	}
}

func TestMoreTracesThanOneAnswerHolds(t *testing.T) {
	for name, c := range map[string]struct {
		server   *fakeJaeger
		search   Search
		requests int
		calls    int // answered searches, at most
		fetched  int // traces, at most: those at a border come twice
		refused  int // at most
	}{
		"one answer holds all": {
			&fakeJaeger{}, Search{}, 100, 1, 100, 0,
		},
		"five times the limit, expected": { // nothing is fetched twice
			&fakeJaeger{}, Search{Depth: 50, Expected: 250}, 250, 8, 258, 0,
		},
		"five times the limit, unknown": { // 1 answer is cut off, 8 are not
			&fakeJaeger{}, Search{Depth: 50}, 250, 9, 308, 0,
		},
		"five times the limit, expected far too low": {
			&fakeJaeger{}, Search{Depth: 50, Expected: 10}, 250, 9, 308, 0,
		},
		"five times the limit, over api_v2": {
			&fakeJaeger{onlyV2: true}, Search{Depth: 50, Expected: 250}, 250, 8, 258, 0,
		},
		"a depth that the server refuses": { // 5000 → 2500 → … → 39, the last ones on several calls at a time
			&fakeJaeger{maxDepth: 50}, Search{Expected: 250}, 250, 20, 270, 20,
		},
		"a depth that the server refuses, unknown": {
			&fakeJaeger{maxDepth: 50}, Search{}, 250, 160, 650, 30,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.traces = requests(c.requests)
			c.search.Window = hour
			// One call at a time: with several, how many are under way when a depth is refused is the scheduler's choice.
			oneByOne := func(o *Options) { o.Limits.ConcurrentCall = 1 }
			got, report := collect(t, c.server.client(t, oneByOne), c.search)
			require.NoError(t, report.Err)
			require.False(t, report.Truncated, report.Reason)
			requireOnceEach(t, c.requests, got)
			require.Equal(t, c.requests, report.Seen)
			v2, v3, refused, traces := c.server.counts()
			require.LessOrEqual(t, v2+v3, c.calls)
			require.LessOrEqual(t, traces, c.fetched)
			require.LessOrEqual(t, refused, c.refused)
			for _, s := range c.server.searches {
				require.NotEmpty(t, s.service)
				require.Positive(t, s.depth)
				require.True(t, s.raw)
				require.Equal(t, "llm_request", s.name)
				require.True(t, s.from.Before(s.to))
			}
		})
	}
}

func TestCallsAtTheSameTimeBringEachTraceOnce(t *testing.T) {
	for name, server := range map[string]*fakeJaeger{"a depth that is accepted": {}, "a depth that the server refuses": {maxDepth: 50}} {
		t.Run(name, func(t *testing.T) {
			server.traces = requests(250)
			got, report := collect(t, server.client(t), Search{Window: hour, Depth: 100})
			require.NoError(t, report.Err)
			require.False(t, report.Truncated, report.Reason)
			requireOnceEach(t, 250, got)
		})
	}
}

func TestTheAcceptedDepthIsRemembered(t *testing.T) {
	f := &fakeJaeger{maxDepth: 200, traces: requests(50)}
	c := f.client(t)
	collect(t, c, Search{Window: hour})
	_, _, before, _ := f.counts()
	require.Positive(t, before)
	collect(t, c, Search{Window: hour})
	_, _, after, _ := f.counts()
	require.Equal(t, before, after)
}

func TestTheProtocolIsProbedOnce(t *testing.T) {
	f := &fakeJaeger{onlyV2: true, traces: requests(5)}
	c := f.client(t)
	_, first := collect(t, c, Search{Window: hour})
	_, second := collect(t, c, Search{Window: hour})
	require.NoError(t, first.Err)
	require.Len(t, first.Calls, 2, "api_v3 and api_v2")
	require.Len(t, second.Calls, 1, "api_v2 at once")
	require.Contains(t, second.Calls[0].Text, "api_v2")
	require.Positive(t, second.Calls[0].Bytes)
	require.Equal(t, 5, second.Calls[0].Rows)
}

func TestOurOwnRowLimit(t *testing.T) {
	f := &fakeJaeger{traces: requests(250)}
	got, report := collect(t, f.client(t), Search{Window: hour, Limit: 75, Depth: 50, Expected: 250})
	require.NoError(t, report.Err)
	requireOnceEach(t, 75, got)
	require.True(t, report.Truncated)
	require.Equal(t, 75, report.Seen)
	require.Contains(t, report.Reason, "row limit of 75")
	require.Contains(t, report.Reason, "about 250 are expected")
}

func TestExactlyTheRowLimitIsNotTruncated(t *testing.T) {
	f := &fakeJaeger{traces: requests(120)}
	got, report := collect(t, f.client(t), Search{Window: hour, Limit: 120})
	requireOnceEach(t, 120, got)
	require.False(t, report.Truncated, report.Reason)
}

func TestMoreTracesInOneMicrosecondThanAnAnswerHolds(t *testing.T) {
	f := &fakeJaeger{}
	for i := range 50 {
		f.traces = append(f.traces, []testSpan{engineSpan(fmt.Sprintf("%x", i+1), "1", "", fmt.Sprintf("chatcmpl-%d", i), noon)})
	}
	_, report := collect(t, f.client(t), Search{Window: evidence.Window{From: noon, To: noon.Add(time.Millisecond)}, Depth: 10})
	require.NoError(t, report.Err)
	require.True(t, report.Truncated)
	require.Contains(t, report.Reason, "one microsecond")
}

func TestSpansOutsideTheWindowAreLeftOut(t *testing.T) {
	in := engineSpan("1", "1", "", "first", noon)
	before := engineSpan("1", "2", "", "before", noon.Add(-time.Nanosecond)) // same trace, so it is answered too
	atEnd := engineSpan("2", "3", "", "at the end", hour.To)
	f := &fakeJaeger{traces: [][]testSpan{{in, before}, {atEnd}}}
	got, report := collect(t, f.client(t), Search{Window: hour})
	require.NoError(t, report.Err)
	require.Equal(t, map[string]int{"first": 1}, got)
}

func TestATraceOnBothSidesOfACutComesOnce(t *testing.T) {
	f := &fakeJaeger{traces: requests(30)}
	for i := range f.traces { // each trace reaches over the whole hour
		f.traces[i] = append(f.traces[i], engineSpan(fmt.Sprintf("%x", i+1), fmt.Sprintf("ff%x", i), "", fmt.Sprintf("cmpl-%d", i), noon.Add(59*time.Minute)))
	}
	got, report := collect(t, f.client(t), Search{Window: hour, Depth: 10, Expected: 60})
	require.NoError(t, report.Err)
	requireOnceEach(t, 60, got)
}

func TestATraceInManyMessages(t *testing.T) {
	var spans []testSpan
	for i := range 25 {
		spans = append(spans, engineSpan("a", fmt.Sprintf("%x", i+16), "1", fmt.Sprintf("cmpl-B-%d", i), noon))
	}
	f := &fakeJaeger{onlyV2: true, chunk: 3, traces: [][]testSpan{append(spans, appSpan)}} // the parent comes last
	visits := 0
	report := f.client(t).RequestSpans(t.Context(), Search{Window: hour}, func(trace Trace) error {
		visits++
		require.Len(t, trace.Requests, 25)
		for _, r := range trace.Requests {
			require.Equal(t, "shop", r.Caller.Service)
		}
		return nil
	})
	require.NoError(t, report.Err)
	require.Equal(t, 1, visits)
}

func TestServicesOfASearch(t *testing.T) {
	other := engineSpan("2", "2", "", "two", noon)
	other.service = "vllm-qwen"
	shop := appSpan
	shop.trace = "3"
	f := &fakeJaeger{traces: [][]testSpan{{engineSpan("1", "1", "", "one", noon)}, {other}, {shop}}}
	c := f.client(t)
	services, err := c.EngineServices(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"vllm-llama", "vllm-qwen"}, services)
	for name, test := range map[string]struct {
		search Search
		want   map[string]int
	}{
		"all engine services unless told otherwise": {Search{}, map[string]int{"one": 1, "two": 1}},
		"only those named":                          {Search{Services: []string{"vllm-qwen"}}, map[string]int{"two": 1}},
		"only those of the scope":                   {Search{Scope: vllm.Scope{Services: []string{"vllm-llama"}}}, map[string]int{"one": 1}},
		"none outside the scope":                    {Search{Services: []string{"vllm-qwen"}, Scope: vllm.Scope{Services: []string{"vllm-llama"}}}, map[string]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			test.search.Window = hour
			got, report := collect(t, c, test.search)
			require.NoError(t, report.Err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestUnansweredCallsOfTheCallers(t *testing.T) {
	page := testSpan{service: "shop", name: "GET /", kind: evidence.KindServer, start: noon}
	unnamed := appSpan.inTrace("b")
	unnamed.name = "ask" // its attributes tell what it is, its name does not
	for name, c := range map[string]struct {
		aborted    testSpan
		operations []string // asked for
	}{
		"a service whose spans tell by name is asked for those":      {appSpan.inTrace("b"), []string{"chat llama"}},
		"a service whose spans do not tell by name is asked for all": {unnamed, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			answered := []testSpan{appSpan, engineSpan("a", "4", "1", "chatcmpl-B", noon)}
			if c.operations[0] == "" {
				answered[0].name = "ask"
			}
			f := &fakeJaeger{traces: [][]testSpan{answered, {c.aborted}, {page.inTrace("c").under("1", "")}}}
			var got []string
			report := f.client(t).CallerTraces(t.Context(), Search{Window: hour, Services: []string{"shop"}}, func(trace Trace) error {
				for _, u := range trace.Unanswered {
					got = append(got, u.TraceID)
				}
				return nil
			})
			require.NoError(t, report.Err)
			require.False(t, report.Truncated)
			require.Equal(t, []string{"0000000000000000000000000000000b"}, got)
			var operations []string
			for _, s := range f.searches {
				operations = append(operations, s.name)
			}
			require.Equal(t, c.operations, operations)
		})
	}
}

func TestCallersAreFetchedOnceWhenTheRequestsAreCounted(t *testing.T) {
	f := &fakeJaeger{}
	for i := range 250 {
		trace := fmt.Sprintf("%x", i+1)
		app, router := appSpan.inTrace(trace), routerSpan.inTrace(trace)
		app.start = noon.Add(time.Duration(i) * 10 * time.Second)
		router.start = app.start
		f.traces = append(f.traces, []testSpan{app, router})
	}
	rows := 0
	search := Search{Window: evidence.Window{From: noon, To: noon.Add(2500 * time.Second)}, Services: []string{"shop", "vllm-router"}, Depth: 50, Expected: 250}
	report := f.client(t).CallerTraces(t.Context(), search, func(trace Trace) error {
		rows += len(trace.Unanswered)
		return nil
	})
	require.NoError(t, report.Err)
	require.Equal(t, 250, rows)
	_, v3, _, traces := f.counts()
	require.Equal(t, 16, v3)
	require.LessOrEqual(t, traces, 2*(250+8))
}

func TestAFloodOfOtherTracesIsBounded(t *testing.T) {
	f := &fakeJaeger{}
	for i := range 500 {
		f.traces = append(f.traces, []testSpan{{
			trace: fmt.Sprintf("%x", i+1), id: "1", service: "shop", name: "GET /", kind: evidence.KindServer,
			start: noon.Add(time.Duration(i) * time.Second),
		}})
	}
	c := f.client(t, func(o *Options) { o.Limits.ConcurrentCall = 1 })
	report := c.CallerTraces(t.Context(), Search{Window: hour, Services: []string{"shop"}, Depth: 20, Limit: 10}, nil)
	require.NoError(t, report.Err)
	require.True(t, report.Truncated)
	require.Contains(t, report.Reason, "traces were read for few rows")
	_, _, _, traces := f.counts()
	require.InDelta(t, 200, traces, 20, "ten full answers")
}

func TestFindByRequestIDComparesExactly(t *testing.T) {
	f := &fakeJaeger{traces: [][]testSpan{
		{engineSpan("1", "1", "", "cmpl-B-1", noon)},
		{engineSpan("2", "2", "", "cmpl-B-10", noon)}, // answered too: the fake compares by part
		{engineSpan("3", "3", "", "0_cmpl-B-1", noon)},
	}}
	traces, report := f.client(t).FindByRequestID(t.Context(), hour, []string{"cmpl-B-1", "no\nid"})
	require.NoError(t, report.Err)
	var got []string
	for _, trace := range traces {
		got = append(got, trace.Requests[0].RequestID)
	}
	require.ElementsMatch(t, []string{"cmpl-B-1", "0_cmpl-B-1"}, got)
	v2, v3, _, _ := f.counts()
	require.Equal(t, 1, v2+v3, "what is no id is not asked for")
}

func TestWhatEndsASearch(t *testing.T) {
	t.Run("the visitor's error", func(t *testing.T) {
		f := &fakeJaeger{traces: requests(10)}
		stop := errors.New("enough")
		visits := 0
		report := f.client(t).RequestSpans(t.Context(), Search{Window: hour}, func(Trace) error {
			visits++
			return stop
		})
		require.ErrorIs(t, report.Err, stop)
		require.Equal(t, 1, visits)
	})
	t.Run("a canceled query", func(t *testing.T) {
		f := &fakeJaeger{held: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		report := f.client(t).RequestSpans(ctx, Search{Window: hour, Services: []string{"vllm-llama"}}, nil)
		require.ErrorIs(t, report.Err, upstream.ErrCanceled)
		require.True(t, report.Truncated)
	})
	t.Run("a deadline", func(t *testing.T) {
		f := &fakeJaeger{held: make(chan struct{})}
		c := f.client(t, func(o *Options) { o.Store.Timeout = 20 * time.Millisecond })
		report := c.RequestSpans(t.Context(), Search{Window: hour, Services: []string{"vllm-llama"}}, nil)
		require.ErrorIs(t, report.Err, upstream.ErrTimeout)
	})
	t.Run("an empty window asks nothing", func(t *testing.T) {
		f := &fakeJaeger{}
		report := f.client(t).RequestSpans(t.Context(), Search{Services: []string{"vllm-llama"}}, nil)
		require.NoError(t, report.Err)
		require.Empty(t, f.searches)
	})
}

func TestFaultsNameTheStoreAndTheKind(t *testing.T) {
	for name, c := range map[string]struct {
		server *fakeJaeger
		want   error
	}{
		"unauthenticated":   {&fakeJaeger{fault: func() error { return status.Error(codes.Unauthenticated, "who are you") }}, upstream.ErrUnauthorized},
		"permission denied": {&fakeJaeger{fault: func() error { return status.Error(codes.PermissionDenied, "not you") }}, upstream.ErrForbidden},
		"unavailable":       {&fakeJaeger{fault: func() error { return status.Error(codes.Unavailable, "draining") }}, upstream.ErrUnreachable},
		"rate limited":      {&fakeJaeger{fault: func() error { return status.Error(codes.ResourceExhausted, "slow down") }}, upstream.ErrRateLimited},
		"broken storage":    {&fakeJaeger{fault: func() error { return status.Error(codes.Internal, "no shard") }}, upstream.ErrServer},
		"garbage":           {&fakeJaeger{mangle: []byte("<html>"), traces: requests(1)}, upstream.ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			_, report := collect(t, c.server.client(t), Search{Window: hour, Services: []string{"vllm-llama"}})
			require.ErrorIs(t, report.Err, c.want)
			require.Contains(t, report.Err.Error(), "Jaeger")
			require.NotEmpty(t, report.Calls[len(report.Calls)-1].Err)
			require.True(t, report.Truncated)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		c := connect(t, "grpc://127.0.0.1:1")
		require.ErrorIs(t, c.Ping(t.Context()), upstream.ErrUnreachable)
	})
	t.Run("Ping answers", func(t *testing.T) {
		require.NoError(t, (&fakeJaeger{}).client(t).Ping(t.Context()))
	})
	t.Run("a failed part keeps the others", func(t *testing.T) {
		calls := 0
		f := &fakeJaeger{traces: requests(200), fault: func() error {
			if calls++; calls == 4 { // the first asks for the names of spans
				return status.Error(codes.Internal, "no shard")
			}
			return nil
		}}
		c := f.client(t, func(o *Options) { o.Limits.ConcurrentCall = 1 })
		got, report := collect(t, c, Search{Window: hour, Services: []string{"vllm-llama"}, Depth: 40, Expected: 200})
		require.ErrorIs(t, report.Err, upstream.ErrServer)
		require.True(t, report.Truncated)
		require.Contains(t, report.Reason, "6 parts of the window were not read")
		require.Contains(t, report.Reason, "complete from 2026-11-21T12:45:00Z on")
		requireOnceEach(t, 50, got)
	})
}

// TestATraceThatIsTooLargeForOneMessageComesInPieces holds where api_v3 puts a whole trace into one message and api_v2 ten spans.
func TestATraceThatIsTooLargeForOneMessageComesInPieces(t *testing.T) {
	f := &fakeJaeger{mangle: make([]byte, 5<<20), traces: requests(1)}
	traces, report := collect(t, f.client(t), Search{Window: hour, Services: []string{"vllm-llama"}})
	require.NoError(t, report.Err)
	require.Len(t, traces, 1)
	require.ErrorContains(t, errors.New(report.Calls[0].Err), "too large", "the first try is told")
}
