package jaeger

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// largeTraces are traces of n spans that somebody may send, each bad for a way of walking through it.
var largeTraces = map[string]func(n int) []testSpan{
	"wide: all below one span": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan { return lightEngine(i, "1") })
	},
	"a chain of engine spans": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan { return lightEngine(i, idAt(i-1)) })
	},
	"a chain of calls, and engine spans below the last": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i < n/2 {
				return forwardSpan.under(idAt(i), idAt(i-1))
			}
			return lightEngine(i, idAt(n/2-1))
		})
	},
	"a chain of calls, and calls without engine below the last": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i < n/2 {
				return forwardSpan.under(idAt(i), idAt(i-1))
			}
			return forwardSpan.under(idAt(i), idAt(n/2-1))
		})
	},
	"a circle of parents": func(n int) []testSpan {
		return traceOf(n, appSpan.under("1", idAt(n-1)), func(i int) testSpan {
			if i%2 == 0 {
				return forwardSpan.under(idAt(i), idAt(i-1))
			}
			return lightEngine(i, idAt(i-1))
		})
	},
	"circles of two": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan { return lightEngine(i, idAt(i^1)) })
	},
	"one span id": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			s := lightEngine(7, "1")
			s.service = "vllm-" + strconv.Itoa(i)
			return s
		})
	},
	"parents of one span id": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i < n/2 {
				s := forwardSpan.under("7", "1")
				s.name = strconv.Itoa(i)
				return s
			}
			return lightEngine(i, "7")
		})
	},
	"no parent is there": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan { return lightEngine(i, idAt(1_000_000+i)) })
	},
	"no parent is there, beside roots that call": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i%2 == 0 {
				return appSpan.under(idAt(i), "")
			}
			return lightEngine(i, idAt(1_000_000+i)).with(set(vllm.SpanRequestID, nil))
		})
	},
	"calls beside engine spans": func(n int) []testSpan {
		return traceOf(n, testSpan{trace: "a", id: "1", service: "proxy", name: "POST /", kind: evidence.KindServer, start: noon, duration: time.Hour}, func(i int) testSpan {
			s := lightEngine(i, "1")
			if i%2 == 0 {
				s = forwardSpan.under(idAt(i), "1")
			}
			s.start = noon.Add(time.Duration(i) * time.Millisecond)
			return s
		})
	},
	"calls beside engine spans that are not theirs": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i%2 == 0 {
				return forwardSpan.under(idAt(i), "1") // all at noon, and none below the calls that have an engine
			}
			return lightEngine(i, idAt(i+2_000_000))
		})
	},
	"phases below engine spans": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i%4 == 0 {
				return lightEngine(i, "1")
			}
			s := testSpan{trace: "a", id: idAt(i), parent: idAt(i - i%4), service: "vllm-llama", name: "prefill", start: noon, duration: time.Millisecond}
			return s
		})
	},
	"stale contexts below calls that were refused": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			if i < n/2 {
				s := forwardSpan.under(idAt(i), idAt(i-1)).with(set(vllm.CallerHTTPStatusOld, int64(429)))
				s.start, s.duration = noon.Add(time.Duration(i)*time.Millisecond), time.Millisecond
				return s
			}
			s := lightEngine(i, idAt(n/2-1))
			s.start = noon.Add(time.Duration(i) * time.Millisecond)
			return s
		})
	},
	"one service of weak calls": func(n int) []testSpan {
		return traceOf(n, appSpan, func(i int) testSpan {
			return testSpan{trace: "a", id: idAt(i), parent: "1", service: "shop", name: "step", start: noon, duration: time.Second,
				attributes: []evidence.Attribute{set(vllm.CallerRequestModel, "llama")}}
		})
	},
}

func idAt(i int) string { return strconv.FormatInt(int64(i+1), 16) }

// lightEngine is an engine's span that leaves its phases to be looked for.
func lightEngine(i int, parent string) testSpan {
	return testSpan{
		trace: "a", id: idAt(i), parent: parent, service: "vllm-llama", name: "llm_request", kind: evidence.KindServer,
		start: noon.Add(time.Duration(i) * time.Microsecond), duration: time.Second,
		attributes: []evidence.Attribute{set(vllm.SpanRequestID, fmt.Sprintf("chatcmpl-%d", i))},
	}
}

// traceOf makes a trace of n spans: a first one, and those that with gives for 1 … n-1.
func traceOf(n int, first testSpan, with func(i int) testSpan) []testSpan {
	spans := append(make([]testSpan, 0, n), first)
	for i := 1; i < n; i++ {
		spans = append(spans, with(i))
	}
	return spans
}

// answerOf reads spans as they come over both protocols.
func answerOf(t testing.TB, spans []testSpan, v3 bool) *answer {
	a := newAnswer(t.Context(), &origins{names: vllm.DefaultJaegerLabels()})
	if v3 {
		require.NoError(t, a.takeV3(otlpOf(spans...)))
	} else {
		require.NoError(t, a.takeV2(chunkBytes(spans...)))
	}
	return a
}

// What one span costs must not depend on how many a trace has, whatever their shape. CPU time of this thread is compared, so that a busy
// machine does not matter; what grows with the square is 20 times as slow.
func TestASpanOfALargeTraceCostsWhatOneOfASmallTraceDoes(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector changes what is measured; the step unit 386 runs this")
	}
	const small, large, factor = 1_000, 20_000, 8
	for name, spans := range largeTraces {
		t.Run(name, func(t *testing.T) {
			cost := func(n int) time.Duration { // of as many spans, whatever the size of a trace
				a := answerOf(t, spans(n), true)
				runtime.GC()
				return cpuTime(func() {
					for range large / n {
						assembler := assembler{wanted: everything}
						for _, trace := range a.order {
							assembler.trace(trace)
						}
					}
				})
			}
			short, long := cost(small), cost(large)
			t.Logf("%s per span of %d, %s of %d", short/large, small, long/large, large)
			require.Less(t, long, factor*max(short, 20*time.Millisecond)) // the clock ticks in some milliseconds
		})
	}
}

func TestEveryShapeTellsTheSameOverBothProtocolsAndInAnyOrder(t *testing.T) {
	for name, spans := range largeTraces {
		t.Run(name, func(t *testing.T) {
			forwards := decodeBoth(t, spans(300)...)
			if name == "one span id" || name == "parents of one span id" {
				return // which of them is the parent is the order's to say
			}
			reversed := spans(300)
			slices.Reverse(reversed)
			backwards := decodeBoth(t, reversed...)
			for _, list := range [][]Trace{forwards, backwards} {
				slices.SortFunc(list[0].Requests, func(x, y evidence.RequestSpan) int { return strings.Compare(x.SpanID, y.SpanID) })
			}
			require.Len(t, backwards[0].Requests, len(forwards[0].Requests))
			for i := range forwards[0].Requests {
				f, b := forwards[0].Requests[i], backwards[0].Requests[i]
				require.Equal(t, idOf(f.Root), idOf(b.Root), f.SpanID)
				require.Equal(t, idOf(f.Caller), idOf(b.Caller), f.SpanID)
			}
			require.ElementsMatch(t, idsOf(forwards[0].Unanswered), idsOf(backwards[0].Unanswered))
		})
	}
}

func idOf(c *evidence.CallerSpan) string {
	if c == nil {
		return ""
	}
	return c.SpanID
}

func idsOf(calls []evidence.CallerSpan) (ids []string) {
	for i := range calls {
		ids = append(ids, calls[i].SpanID)
	}
	return ids
}

// 50 steps are no hostile trace: an agent that calls agents.
func TestADeepChainIsFollowedToItsRoot(t *testing.T) {
	spans := largeTraces["a chain of calls, and engine spans below the last"](300)
	for _, r := range decodeBoth(t, spans...)[0].Requests {
		require.Equal(t, "chat llama", r.Root.Operation)
		require.Empty(t, r.Note)
	}
}

func TestAChainBeyondAllReasonLeavesUnknownWhatItHides(t *testing.T) {
	f := &fakeJaeger{chunk: 1000, traces: [][]testSpan{largeTraces["a chain of calls, and engine spans below the last"](4_000)}}
	c := f.client(t, func(o *Options) { o.Store.MaxResponse = 64 << 20 })
	noted, rows := 0, 0
	report := c.RequestSpans(t.Context(), Search{Window: hour, Services: []string{"vllm-llama"}}, func(trace Trace) error {
		for _, r := range trace.Requests {
			rows++
			if r.Root == nil {
				noted++
				require.Contains(t, r.Note, "who began it is not known")
				require.Nil(t, r.Caller)
				require.NotNil(t, r.Above, "the call right above is known")
			}
		}
		return nil
	})
	require.NoError(t, report.Err)
	require.Equal(t, 2_000, rows)
	require.Positive(t, noted)
	require.True(t, report.Truncated)
	require.Contains(t, report.Reason, fmt.Sprintf("of %d spans in 1 traces it is not known who began them", noted))
}

func TestSpansOfOneTraceAreBoundedInASearchAndTheRestIsCounted(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	spans := largeTraces["wide: all below one span"](maxSpansOfTrace + 7)
	f := &fakeJaeger{chunk: 10_000, traces: [][]testSpan{spans}}
	c := f.client(t, func(o *Options) { o.Store.MaxResponse = 64 << 20 })
	rows := 0
	report := c.RequestSpans(t.Context(), Search{Window: hour, Services: []string{"vllm-llama"}, Limit: 1_000_000}, func(trace Trace) error {
		rows += len(trace.Requests)
		return nil
	})
	require.NoError(t, report.Err)
	require.InDelta(t, maxSpansOfTrace, rows, 1)
	require.True(t, report.Truncated)
	require.Contains(t, report.Reason, "7 spans of 1 traces were not read, since a trace has at most 50000")

	v2 := answerOf(t, spans, false)
	require.Equal(t, maxSpansOfTrace, v2.order[0].count)
	require.Equal(t, 7, v2.order[0].dropped)
}

// All of a trace comes with each answer that has a span of it, however short its window.
func TestALargeTraceIsReadAFewTimes(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	spans := traceOf(16_000, appSpan, func(i int) testSpan {
		s := lightEngine(i, "1")
		s.start = noon.Add(time.Duration(i) * 200 * time.Millisecond) // most of an hour
		return s
	})
	for name, c := range map[string]struct {
		expected int
		most     int
	}{
		"nothing is known":            {0, 2},
		"as many as the counters say": {16_000, 6}, // cut in advance: five windows, each with spans of it
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeJaeger{traces: [][]testSpan{spans}}
			client := f.client(t, func(o *Options) { o.Store.MaxResponse = 64 << 20; o.Limits.ConcurrentCall = 1 })
			rows := map[string]int{}
			report := client.RequestSpans(t.Context(), Search{Window: hour, Services: []string{"vllm-llama"}, Expected: c.expected}, func(trace Trace) error {
				for _, r := range trace.Requests {
					rows[r.SpanID]++
				}
				return nil
			})
			require.NoError(t, report.Err)
			require.Len(t, rows, len(spans)-1)
			require.False(t, report.Truncated, report.Reason)
			read, refused := readAndRefused(report)
			require.LessOrEqual(t, read, c.most)
			require.LessOrEqual(t, refused, 1, "the whole trace in one message is too large for a usual call: that is learned once")
		})
	}
	t.Run("one request of it is looked for", func(t *testing.T) {
		f := &fakeJaeger{traces: [][]testSpan{spans}}
		client := f.client(t, func(o *Options) { o.Store.MaxResponse = 64 << 20; o.VLLM.EngineServices = []string{"vllm-llama"} })
		traces, report := client.FindByRequestID(t.Context(), hour, []string{"chatcmpl-77"})
		require.NoError(t, report.Err)
		require.Len(t, traces, 1)
		require.Len(t, traces[0].Requests, 1)
		read, refused := readAndRefused(report)
		require.Equal(t, 1, read)
		require.Equal(t, 1, refused)
	})
}

// readAndRefused counts the calls whose answers were read, and those that ended at a message's length.
func readAndRefused(report evidence.StoreReport) (read, refused int) {
	for _, call := range report.Calls {
		if call.Rows > 0 {
			read++
		} else if strings.Contains(call.Err, "larger than max") {
			refused++
		}
	}
	return read, refused
}

func TestATraceIsPutInOrderWithoutVisitingChildrenOnceForEachSpanOfAnID(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector changes what is measured; the step unit 386 runs this")
	}
	const n = 20_000
	spans := make([]evidence.Span, n)
	for i := range spans {
		spans[i] = evidence.Span{SpanID: "7", Operation: strconv.Itoa(i)}
		if i >= n/2 {
			spans[i].SpanID, spans[i].ParentSpanID = strconv.Itoa(i), "7"
		}
	}
	var ordered []evidence.Span
	took := cpuTime(func() { ordered = parentsFirst(spans) })
	require.Len(t, ordered, n)
	require.Less(t, took, 2*time.Second) // 100 million visits take longer
	require.Equal(t, "0", ordered[0].Operation)
	require.Equal(t, strconv.Itoa(n/2), ordered[1].Operation)
}

func BenchmarkAssembly(b *testing.B) {
	for name, spans := range largeTraces {
		for _, n := range []int{1_000, 40_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				a := answerOf(b, spans(n), true)
				for b.Loop() {
					assembler := assembler{wanted: everything}
					for _, trace := range a.order {
						assembler.trace(trace)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/span")
			})
		}
	}
}
