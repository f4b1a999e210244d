//go:build integration && unix

package live

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

var allRequests = map[string]any{"queryType": "requests", "requests": map[string]any{"live": true, "limit": 5000}}

// TestALiveFleetIsFollowed watches a fleet for a minute: every finished request appears, soon after the stores have its
// evidence, what is told late is filled in, and in the end the stream says what the query says.
func TestALiveFleetIsFollowed(t *testing.T) {
	t.Parallel() // it waits more than it works
	f := start(t, 6)
	began := time.Now()
	window := func() backend.TimeRange { return backend.TimeRange{From: began.Add(-time.Minute), To: time.Now()} }
	_, to := ask(t, f.plugin, window(), allRequests)
	v, leave := watch(t, f.plugin, to)
	defer leave()

	after(began.Add(30 * time.Second))
	t.Run("who joins gets the rows at once, and costs the stores nothing", func(t *testing.T) {
		before := f.callsWithin(5 * time.Second)
		_, again := ask(t, f.plugin, window(), map[string]any{"queryType": "requests", "requests": map[string]any{"live": true, "limit": 5, "sort": map[string]any{"column": "e2e"}}})
		require.Equal(t, to.Path, again.Path, "another order is the same channel")
		joined := newViewer()
		initial, err := f.plugin.Subscribe(t.Context(), again.Path, again.Query)
		require.NoError(t, err)
		require.NoError(t, joined.take(initial))
		require.InDelta(t, len(v.known()), len(joined.known()), 40, "a second's rows apart at most")
		require.LessOrEqual(t, f.callsWithin(5*time.Second), before+8, "calls in 5 s: one poll, however many watch")
	})
	t.Run("another question has another channel", func(t *testing.T) {
		_, other := ask(t, f.plugin, window(), map[string]any{"queryType": "requests", "scope": map[string]any{"models": []string{"Qwen/Qwen3-32B"}}, "requests": map[string]any{"live": true}})
		require.NotEqual(t, to.Path, other.Path)
		_, err := f.plugin.Subscribe(t.Context(), other.Path, to.Query)
		require.ErrorContains(t, err, "NOT_FOUND")
	})

	after(began.Add(70 * time.Second))
	to1 := time.Now()
	f.stop()
	after(to1.Add(14 * time.Second)) // a far look after the last evidence
	rows := v.known()

	requests := f.finished(began, to1.Add(-10*time.Second))
	var told, final delays
	for _, want := range requests {
		key := want.TraceID + "/" + want.SpanID
		said, there := rows[key]
		require.True(t, there, "%s of %s is missing", want.ExternalID, want.Time)
		require.NotEmpty(t, said["e2e"])
		if complete := f.ingested.complete(key, want.ExternalID); complete.Before(to1) {
			told, final = append(told, v.told[key].Sub(complete)), append(final, v.final[key].Sub(complete))
		}
	}
	t.Logf("%d finished requests, all shown", len(requests))
	t.Logf("from span and lines being there to being shown: %s", told)
	t.Logf("to all being shown, as of the scrapes that come after: %s", final)
	t.Logf("%d packets, %d of them whole, %d KB; %d rows filled in later, %d gave way to another", v.packets, v.whole, v.bytes>>10, v.filled, v.over)
	t.Logf("what was filled in later: %v", v.later)
	require.Greater(t, len(requests), 50, "a minute of traffic, or the test says nothing")
	require.Less(t, told.quantile(.5), 2*time.Second)
	require.Less(t, told.quantile(.99), 15*time.Second, "a far look finds what the near ones did not")
	require.Positive(t, v.filled, "late evidence fills rows in")
	require.Positive(t, v.over, "rows known from lines give way to their spans")

	// What is past changes no more: stream and query must say the same.
	answer, _ := ask(t, f.plugin, backend.TimeRange{From: began, To: time.Now()}, allRequests)
	differ := 0
	for key, said := range answer {
		if !same(said, rows[key]) {
			differ++
			t.Logf("%s\n%s", key, difference(said, rows[key]))
		}
	}
	require.Zero(t, differ, "of %d rows", len(answer))

	leave()
	calls := f.calls()
	after(time.Now().Add(3 * time.Second))
	require.Equal(t, calls, f.calls(), "nobody watches, nobody asks")
}

// BenchmarkFollowing measures what one stream costs: -benchtime 20s or more, or few looks fall into it.
func BenchmarkFollowing(b *testing.B) {
	for _, rate := range []float64{0.001, 50} {
		b.Run(fmt.Sprintf("%g calls a second", rate), func(b *testing.B) {
			f := start(b, rate)
			_, to := ask(b, f.plugin, backend.TimeRange{From: time.Now().Add(-time.Minute), To: time.Now()}, allRequests)
			_, leave := watch(b, f.plugin, to)
			defer leave()
			after(time.Now().Add(30 * time.Second)) // until the window holds what it will
			began, calls, spent := time.Now(), f.calls(), cpu(b, f.plugin.PID())
			for b.Loop() {
				after(time.Now().Add(time.Second))
			}
			wall := time.Since(began).Seconds()
			b.ReportMetric(float64(f.calls()-calls)/wall, "calls/s")
			b.ReportMetric(100*(cpu(b, f.plugin.PID())-spent).Seconds()/wall, "%-of-a-core")
			b.ReportMetric(float64(resident(b, f.plugin.PID())>>20), "MB-resident")
		})
	}
}

// TestALiveLogIsFollowed watches the lines: every one comes, once.
func TestALiveLogIsFollowed(t *testing.T) {
	t.Parallel()
	f := start(t, 3)
	began := time.Now()
	lines := map[string]any{"queryType": "logs", "logs": map[string]any{"live": true, "limit": 5000, "contains": "Received request"}}
	_, to := ask(t, f.plugin, backend.TimeRange{From: began.Add(-time.Minute), To: began.Add(time.Second)}, lines)
	v, leave := watch(t, f.plugin, to)
	defer leave()
	after(began.Add(25 * time.Second))
	f.stop()
	after(time.Now().Add(3 * time.Second))
	answer, _ := ask(t, f.plugin, backend.TimeRange{From: began, To: time.Now()}, lines)
	rows := v.known()
	require.Greater(t, len(answer), 30)
	for key, said := range answer {
		require.Equal(t, said, rows[key])
	}
	t.Logf("%d lines, %d packets", len(answer), v.packets)
}

// delays are in any order.
type delays []time.Duration

func (d delays) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(q*float64(len(sorted)-1))].Round(time.Millisecond)
}

func (d delays) String() string {
	return fmt.Sprintf("median %s, p99 %s, max %s", d.quantile(.5), d.quantile(.99), d.quantile(1))
}

// callsWithin counts calls for a while.
func (f *fleet) callsWithin(d time.Duration) int64 {
	before := f.calls()
	after(time.Now().Add(d))
	return f.calls() - before
}

// after waits for a moment: a fleet that lives takes its time.
func after(moment time.Time) { <-time.After(time.Until(moment)) }

func difference(want, got row) string {
	var out []string
	for name, value := range want {
		if got[name] != value {
			out = append(out, fmt.Sprintf("  %s: query %s, stream %s", name, value, got[name]))
		}
	}
	for name, value := range got {
		if _, ok := want[name]; !ok {
			out = append(out, fmt.Sprintf("  %s: query null, stream %s", name, value))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// cpu is the processor time that a process has used, in the kernel's hundredths.
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is the memory of a process in bytes.
func resident(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}
