package frames_test

import (
	"errors"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// calledFor is a request of 1.6 s whose caller waited from begins before its arrival for as long as waits.
func calledFor(begins, waits time.Duration) *join.Request {
	row := joinedRows()[0]
	row.Caller = &evidence.CallerSpan{Service: "rag-app", Start: row.Time.Add(-begins), Duration: waits.Seconds()}
	row.CallerDuration, row.OutsideEngine = waits.Seconds(), waits.Seconds()-row.Span.E2E
	return &row
}

func TestPhasesDivideACallFromItsBeginningToItsEnd(t *testing.T) {
	goldenFrames(t, "phases", data.Frames{frames.Phases(calledFor(250*time.Millisecond, 2*time.Second))})
}

func TestPhases(t *testing.T) {
	alone := calledFor(0, time.Second)
	alone.Caller, alone.OutsideEngine = nil, unknown
	rejected := calledFor(0, time.Second)
	rejected.Span = nil
	for name, c := range map[string]struct {
		request *join.Request
		phases  []string
		whole   float64 // sum of the shares
	}{
		"a caller that waits on both sides": {calledFor(time.Second, 4*time.Second),
			[]string{"before the engine", "pre-queue", "queue", "prefill", "decode", "unaccounted", "after the engine"}, 1},
		"a caller whose clock is late: what is before and what after cannot be told": {calledFor(-time.Second, 2*time.Second),
			[]string{"pre-queue", "queue", "prefill", "decode", "unaccounted", "outside the engine"}, 1},
		"no caller is known": {alone, []string{"pre-queue", "queue", "prefill", "decode", "unaccounted"}, 1},
		"no engine span":     {rejected, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			frame := frames.Phases(c.request)
			var names []string
			sum := 0.0
			for i := range frame.Rows() {
				names = append(names, frame.Fields[0].At(i).(string))
				share, _ := frame.Fields[3].ConcreteAt(i)
				sum += share.(float64)
				if start, ok := frame.Fields[1].ConcreteAt(i); ok {
					require.GreaterOrEqual(t, start, 0.0)
				}
			}
			require.Equal(t, c.phases, names)
			require.InDelta(t, c.whole, sum, 1e-9, "the shares add up")
			require.Equal(t, c.request.Span == nil, len(frame.Meta.Notices) == 1, "what has no phases says why")
		})
	}
}

func TestEngineStateIsShownWithTheTimeOfTheRequest(t *testing.T) {
	origin := &evidence.Origin{Model: "llama", Instance: "llama-0", Engine: "0"}
	other := &evidence.Origin{Model: "llama", Instance: "llama-0", Engine: "1"}
	samples := []evidence.Sample{{UnixMilli: noon.UnixMilli(), Value: 0.5}, {UnixMilli: noon.Add(15 * time.Second).UnixMilli(), Value: unknown}}
	state := frames.EngineState([]evidence.Series{
		{Metric: vllm.KVCacheUsage, Origin: origin, Samples: samples},
		{Metric: vllm.KVCacheUsage, Origin: other, Samples: samples},
		{Metric: vllm.NumRequestsRunning, Origin: origin, Samples: samples},
	}, "0")
	goldenFrames(t, "engine_state", append(state, frames.InFlight(&joinedRows()[0])))
}

func TestARequestThatIsNotFoundSaysWhereItWasLookedFor(t *testing.T) {
	window := evidence.Window{From: noon.Add(-14 * time.Hour), To: noon}
	goldenFrames(t, "request_not_found", data.Frames{frames.RequestNotFound(window, []evidence.StoreReport{
		{Store: evidence.Prometheus, Configured: true, Calls: []evidence.Call{{}}},
		{Store: evidence.Loki, Configured: true, Calls: []evidence.Call{{}}, Err: errors.New("Loki answered 401 Unauthorized")},
		{Store: evidence.Jaeger},
	})})
}
