package fetch

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/jaeger"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// logs is a Loki that holds lines and gives those of the windows that it is asked for, once for each window.
type logs struct{ *stores }

func (l logs) RequestEvents(_ context.Context, windows []evidence.Window, _ vllm.Scope, filter loki.RequestFilter) ([]evidence.RequestEvent, evidence.StoreReport) {
	l.note(asked{method: "RequestEvents", windows: windows, names: filter.IDs})
	var out []evidence.RequestEvent
	for _, w := range windows {
		for _, e := range l.events {
			if w.Contains(e.Time()) && (len(filter.IDs) == 0 || slices.Contains(filter.IDs, e.External)) {
				out = append(out, e)
			}
		}
	}
	return out, l.report(evidence.Loki)
}

// jaegerOf is a Jaeger that gives the traces of the window that it is asked for.
type jaegerOf struct{ *stores }

func (j jaegerOf) RequestSpans(_ context.Context, search jaeger.Search, visit func(jaeger.Trace) error) evidence.StoreReport {
	j.note(asked{method: "RequestSpans", windows: []evidence.Window{search.Window}})
	for _, t := range j.traces {
		if search.Window.Contains(t.Requests[0].Start) {
			_ = visit(t)
		}
	}
	return j.report(evidence.Jaeger)
}

// late are n requests, one each ten seconds from ten minutes before noon on, with two lines each that are dated later by some time.
func late(n int, by time.Duration) *stores {
	s := &stores{}
	for i := range n {
		start := noon.Add(-10*time.Minute + time.Duration(i)*10*time.Second)
		s.traces = append(s.traces, jaeger.Trace{TraceID: traceOf(i), Requests: []evidence.RequestSpan{{
			TraceID: traceOf(i), SpanID: traceOf(i)[:16], RequestID: requestID(i), Start: start, Origin: pod, Duration: 2, E2E: 2,
			TTFT: evidence.NaN, Queue: evidence.NaN, Prefill: evidence.NaN, Decode: evidence.NaN,
		}}})
		end := lineOf(requestID(i), start.Add(2*time.Second+by))
		end.Kind = vllm.LogGenerated
		s.events = append(s.events, lineOf(requestID(i), start.Add(by)), end)
	}
	return s
}

func (s *stores) honest() *Fetcher {
	f := s.fetcherOfUnknown()
	f.Logs, f.Traces = logs{s}, jaegerOf{s}
	return f
}

var everyWayToAsk = map[string]Ask{
	"whole window":       {Window: window},
	"the slowest":        {Window: window, Keep: 5, Order: join.Order{Column: "e2e", Desc: true}, Early: true},
	"the newest":         {Window: window, Keep: 20, Order: join.Order{Column: join.TimeColumn, Desc: true}, Early: true},
	"a window of 20 s":   {Window: between(300, 320)},
	"a window of a time": {Window: between(300, 390)},
}

func TestLinesAreFoundWhateverTheirClock(t *testing.T) {
	for _, by := range []time.Duration{
		0, -1500 * time.Millisecond, 1500 * time.Millisecond, -3 * time.Second, 3 * time.Second, 7 * time.Second, 30 * time.Second, time.Minute,
		-2 * time.Minute, 2 * time.Minute, 5 * time.Minute, -10 * time.Minute,
	} {
		for name, ask := range everyWayToAsk {
			t.Run(name+" "+by.String(), func(t *testing.T) {
				s := late(180, by)
				f := s.honest()
				for round := range 2 {
					s.asked = nil
					in, err := f.Requests(t.Context(), ask)
					require.NoError(t, err)
					joined := join.Requests(in)
					require.NotEmpty(t, joined.Rows)
					for _, r := range joined.Rows {
						require.NotNil(t, r.Span, "no row of lines alone: %s at %s", r.RequestID, r.Time)
						require.EqualValues(t, 2, r.LogLines, "round %d: %s at %s", round, r.RequestID, r.Time)
					}
					require.Zero(t, joined.Report.DuplicateLines, "nothing is asked for twice")
					questions := len(s.questions("RequestEvents"))
					require.LessOrEqual(t, questions, 3)
					if round == 1 {
						require.Equal(t, 1, questions, "what was measured is remembered")
					}
				}
			})
		}
	}
}

func TestWhatIsRememberedOfClocksIsForgotten(t *testing.T) {
	k, now, ctx := newKept(nil), noon, t.Context()
	k.lateness.WithClock(func() time.Time { return now })
	k.learnDating(ctx, -3*time.Second, 0)
	k.learnDating(ctx, 0, time.Minute)
	k.learnDating(ctx, -time.Second, 2*time.Second)
	early, late := k.dating(ctx)
	require.Equal(t, []time.Duration{-3 * time.Second, time.Minute}, []time.Duration{early, late}, "the widest counts")
	now = now.Add(latenessTTL)
	early, late = k.dating(ctx)
	require.Zero(t, early)
	require.Zero(t, late)
}

func TestAServerThatWritesNoLinesIsLookedForOnce(t *testing.T) {
	s := late(180, 0)
	s.events = nil
	f := s.honest()
	for range 3 {
		_, err := f.Requests(t.Context(), Ask{Window: window})
		require.NoError(t, err)
	}
	require.Len(t, s.questions("RequestEvents"), 4)
}

func TestWindowsWithoutOthers(t *testing.T) {
	for name, c := range map[string]struct{ windows, others, want []evidence.Window }{
		"nothing to take off":     {[]evidence.Window{between(0, 9)}, nil, []evidence.Window{between(0, 9)}},
		"both ends are left":      {[]evidence.Window{between(0, 9)}, []evidence.Window{between(3, 5)}, []evidence.Window{between(0, 3), between(5, 9)}},
		"one end is left":         {[]evidence.Window{between(0, 9)}, []evidence.Window{between(-3, 5)}, []evidence.Window{between(5, 9)}},
		"nothing is left":         {[]evidence.Window{between(2, 4)}, []evidence.Window{between(0, 9)}, nil},
		"several, in several":     {[]evidence.Window{between(0, 9), between(20, 29)}, []evidence.Window{between(2, 4), between(8, 22), between(25, 26)}, []evidence.Window{between(0, 2), between(4, 8), between(22, 25), between(26, 29)}},
		"windows that only touch": {[]evidence.Window{between(0, 9)}, []evidence.Window{between(9, 12), between(-5, 0)}, []evidence.Window{between(0, 9)}},
		"the same":                {[]evidence.Window{between(0, 9)}, []evidence.Window{between(0, 9)}, nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, without(c.windows, c.others)) })
	}
}

// A live look is the same question over and over: a row that has no lines yet gets them with a later look.
func TestALiveLookFindsLinesWhateverTheirClock(t *testing.T) {
	for _, by := range []time.Duration{-3 * time.Second, 7 * time.Second, time.Minute} {
		t.Run(by.String(), func(t *testing.T) {
			s := late(120, by)
			arrived := func(now time.Time) *stores { // what the stores have at a time: spans when they end, lines when they are dated
				out := &stores{}
				for _, tr := range s.traces {
					if tr.Requests[0].End().Before(now) {
						out.traces = append(out.traces, tr)
					}
				}
				for _, e := range s.events {
					if e.Time().Before(now) {
						out.events = append(out.events, e)
					}
				}
				return out
			}
			f := s.honest()
			watch := f.Watch(vllm.Scope{})
			lines := map[string]int64{}
			for now := noon.Add(2 * time.Minute); now.Before(noon.Add(6 * time.Minute)); now = now.Add(5 * time.Second) {
				there := arrived(now)
				f.Logs, f.Traces = logs{there}, jaegerOf{there}
				in, err := watch.Look(t.Context(), evidence.Window{From: now.Add(-2 * time.Minute), To: now.Add(10 * time.Second)}, 0)
				require.NoError(t, err)
				for _, r := range join.Requests(in).Rows {
					if now.Sub(r.Time) > 3*time.Second { // over, so that its span is there
						require.NotNil(t, r.Span, "%s at %s, seen at %s", r.RequestID, r.Time, now)
						require.GreaterOrEqual(t, max(r.LogLines, 0), lines[r.RequestID], "evidence comes, and does not go")
						lines[r.RequestID] = max(r.LogLines, 0)
					}
				}
			}
			waited := 0
			for _, n := range lines {
				if n == 2 {
					waited++
				}
			}
			require.Greater(t, waited, 20, "rows got their lines when these came")
		})
	}
}
