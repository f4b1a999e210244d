package jaeger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
)

// busyHour is a day of requests, nearly all of them in one hour: within that, most in a quarter.
func busyHour() (traces [][]testSpan, day evidence.Window, load evidence.Load) {
	day = evidence.Window{From: noon, To: noon.Add(24 * time.Hour)}
	load = evidence.Load{From: noon, Step: 12 * time.Minute, Counts: make([]float64, 120)}
	add := func(n int, from, length time.Duration) {
		for i := range n {
			at := from + length*time.Duration(i)/time.Duration(n)
			id := len(traces)
			traces = append(traces, []testSpan{engineSpan(fmt.Sprintf("%x", id+1), "4", "", fmt.Sprintf("chatcmpl-%d", id), noon.Add(at))})
			load.Counts[at/load.Step]++
		}
	}
	add(300, 0, 9*time.Hour)
	add(1000, 9*time.Hour, 45*time.Minute)
	add(2400, 9*time.Hour+45*time.Minute, 15*time.Minute)
	add(400, 10*time.Hour, 14*time.Hour)
	return traces, day, load
}

func TestTrafficThatIsUnevenIsReadOnce(t *testing.T) {
	if race.Enabled {
		t.Skip("a test of amounts, in one goroutine; the step unit 386 runs it")
	}
	traces, day, load := busyHour()
	for name, c := range map[string]struct {
		expected int
		load     evidence.Load
		times    float64 // what is read, in the traces that there are
		calls    int
	}{
		"counted, and how it is spread":   {4100, load, 1.15, 35},
		"counted":                         {4100, evidence.Load{}, 1.45, 100},
		"counted too low":                 {2000, load, 1.75, 100},
		"counted too high":                {9000, load, 1.05, 40},
		"nothing is known of the traffic": {0, evidence.Load{}, 1.45, 120},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeJaeger{traces: traces}
			got, report := collect(t, f.client(t), Search{Window: day, Services: []string{"vllm-llama"}, Depth: 400, Expected: c.expected, Load: c.load})
			require.NoError(t, report.Err)
			require.False(t, report.Truncated)
			requireOnceEach(t, len(traces), got)
			_, calls, _, read := f.counts()
			t.Logf("%d calls, %.2f times", calls, float64(read)/float64(len(traces)))
			require.LessOrEqual(t, float64(read), c.times*float64(len(traces)))
			require.LessOrEqual(t, calls, c.calls)
		})
	}
}
