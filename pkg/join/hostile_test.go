package join_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// oneID are shapes of traffic in which everything carries one id, as of a gateway that sets a constant X-Request-Id: n
// requests in an hour.
var oneID = map[string]func(n int) join.Input{
	"retries with span and lines": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			in.Spans = append(in.Spans, span("chatcmpl-r", t, podA))
			in.Events = append(in.Events, received(t+0.01), added(t+0.012, i), generated(t+1.61))
		})
	},
	"retries whose end is not logged": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			in.Spans = append(in.Spans, span("chatcmpl-r", t, podA))
			in.Events = append(in.Events, received(t+0.01), added(t+0.012, i))
		})
	},
	"retries all at once": func(n int) join.Input {
		return retries(n, 0.2, func(in *join.Input, i int, t float64) {
			in.Spans = append(in.Spans, span("chatcmpl-r", t, podA))
			in.Events = append(in.Events, received(t+0.01), added(t+0.012, i), generated(t+1.61))
		})
	},
	"retries without spans": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			in.Events = append(in.Events, received(t+0.01), added(t+0.012, i), generated(t+30))
		})
	},
	"retries that last an hour": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			s := span("chatcmpl-r", t, podA)
			s.Duration = 3600
			in.Spans = append(in.Spans, s)
			in.Events = append(in.Events, received(t+0.01), added(t+0.012, i), generated(t+3600.01))
		})
	},
	"aborted retries on two instances": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			in.Spans = append(in.Spans, span("chatcmpl-r", t, []*evidence.Origin{podA, podB}[i%2]))
			abort := line(vllm.LogAborted, fmt.Sprintf("chatcmpl-r-%08x", i), t+2, podB)
			abort.Form, abort.External = vllm.IDInternal, "chatcmpl-r"
			in.Events = append(in.Events, received(t+0.01), added(t+0.012, i), abort, line(vllm.LogAborted, "chatcmpl-r", t+2, podB))
		})
	},
	"callers one after another": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) { in.Callers = append(in.Callers, oneCaller(i, "trace", t, 0.1)) })
	},
	"callers within callers": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			in.Callers = append(in.Callers, oneCaller(i, "trace", t, 7200-2*t))
		})
	},
	"callers and rows": func(n int) join.Input {
		return retries(n, 3600, func(in *join.Input, i int, t float64) {
			in.Callers = append(in.Callers, oneCaller(i, fmt.Sprint(i), t, 3))
			in.Events = append(in.Events, received(t+0.01))
		})
	},
	"callers and rows at once": func(n int) join.Input {
		return retries(n, 0.2, func(in *join.Input, i int, t float64) {
			in.Callers = append(in.Callers, oneCaller(i, fmt.Sprint(i), t, 3))
			in.Spans = append(in.Spans, span("chatcmpl-r", t+0.05, podA))
		})
	},
}

func retries(n int, over float64, add func(in *join.Input, i int, t float64)) join.Input {
	var in join.Input
	for i := range n {
		add(&in, i, float64(i)*over/float64(n))
	}
	return in
}

func received(t float64) evidence.RequestEvent { return line(vllm.LogReceived, "chatcmpl-r", t, podA) }
func generated(t float64) evidence.RequestEvent {
	return line(vllm.LogGenerated, "chatcmpl-r", t, podA)
}
func added(t float64, i int) evidence.RequestEvent {
	return line(vllm.LogAdded, fmt.Sprintf("chatcmpl-r-%08x", i), t, podA)
}

func oneCaller(i int, trace string, start, length float64) evidence.CallerSpan {
	return evidence.CallerSpan{
		TraceID: trace, SpanID: fmt.Sprint(i), Start: at(start), Duration: length, RequestID: "r", HTTPStatus: 503, Inference: true, VLLM: true,
	}
}

// BenchmarkOneID: twice the requests may cost a little more than twice the time.
func BenchmarkOneID(b *testing.B) {
	for name, traffic := range oneID {
		for _, n := range []int{5_000, 20_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				in := traffic(n)
				for b.Loop() {
					join.Requests(in)
				}
			})
		}
	}
}

// A quadratic step takes minutes of CPU here, and a viewer's refresh would start it anew every few seconds. All of these take about a
// second. CPU time is measured, so that a busy machine does not matter.
func TestOneIDForEverythingCostsNoMoreThanManyIDs(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	const most = 15 * time.Second
	for name, traffic := range oneID {
		t.Run(name, func(t *testing.T) {
			in := traffic(30_000)
			require.Less(t, cpuTime(func() { join.Requests(in) }), most)
		})
	}
}
