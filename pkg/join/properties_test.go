package join_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/internal/race"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// fleet makes the evidence of calls to two pods, as vLLM writes it: calls that end well, whose client leaves, that fail, that ask
// for several sequences, and tries of the same id, some within a second of each other.
type fleet struct {
	t        *testing.T
	random   *rand.Rand
	suffixes bool // vLLM 0.14 and later
	in       join.Input
	agents   []agent
}

func newFleet(t *testing.T, seed uint64, suffixes bool) *fleet {
	return &fleet{t: t, random: rand.New(rand.NewPCG(seed, 1)), suffixes: suffixes, agents: []agent{{stream: 1, origin: podA}, {stream: 2, origin: podB}}}
}

func (f *fleet) calls(n int) join.Input {
	for i := range n {
		f.call(fmt.Sprintf("chatcmpl-%04d", i), 5*float64(i)+3*f.random.Float64())
	}
	f.in.Window = evidence.Window{From: at(-30), To: at(5*float64(n) + 60)}
	return f.in
}

// call is one call, or several tries of it.
func (f *fleet) call(id string, t float64) {
	switch f.random.IntN(8) {
	case 0: // the client leaves, and tries again
		left := 0.2 + f.random.Float64()*1.5
		f.try(id, t, left, "aborted", 1)
		f.try(id, t+left+0.05+f.random.Float64(), 0.5+f.random.Float64()*2, "ok", 1)
	case 1: // refused, and tried again soon
		f.try(id, t, 0.01, "refused", 1)
		f.try(id, t+0.4+f.random.Float64(), 1, "ok", 1)
	case 2:
		f.try(id, t, 1+f.random.Float64(), "ok", 3)
	case 3:
		f.try(id, t, 1+f.random.Float64(), "failed", 1)
	case 4: // long, without a line about its end
		f.try(id, t, 20*f.random.Float64(), "silent", 1)
	default:
		f.try(id, t, 0.3+2*f.random.Float64(), "ok", 1)
	}
}

func (f *fleet) try(id string, t, length float64, end string, n int) {
	a := f.agents[f.random.IntN(len(f.agents))]
	say := func(t float64, message string) { f.in.Events = append(f.in.Events, a.ship(f.t, t, message)) }
	say(t+0.002, receivedText(id))
	if end == "refused" {
		say(t+0.003, "Request "+id+" failed (bad request): The engine is busy.")
		return
	}
	own := id
	if f.suffixes {
		own = fmt.Sprintf("%s-%08x", id, f.random.Uint32())
	}
	for i := range n {
		child := own
		if n > 1 {
			child = fmt.Sprintf("%d_%s", i, own)
		}
		say(t+0.004+float64(i)*0.0001, "Added request "+child+".")
	}
	switch end {
	case "aborted":
		say(t+length, "Aborted request(s) "+own+".")
		say(t+length+0.0001, "Request "+id+" aborted.")
		return
	case "failed":
		say(t+length+0.001, "Request "+id+" failed with an internal error during generation")
	case "ok":
		for i := range n {
			say(t+length+0.001+float64(i)*0.0001, answerText(id))
		}
	}
	for i := range n {
		s := span(id, t, a.origin)
		s.SpanID = fmt.Sprintf("%016x", f.random.Uint64())
		s.Duration, s.E2E = length, length
		s.TraceID = fmt.Sprintf("%032x", i)
		f.in.Spans = append(f.in.Spans, s)
	}
}

// columnsOf lists rows by what their columns say, in an order of their own. The time of a row without span is rounded to whole steps,
// since it is that of its first line.
func columnsOf(rows []join.Request, step time.Duration) []string {
	out := make([]string, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		var b strings.Builder
		when := r.Time
		if r.Span == nil {
			when = when.Round(step)
		}
		fmt.Fprintf(&b, "%s %s", r.RequestID, when.Format("15:04:05.000"))
		for _, c := range join.Columns {
			switch {
			case c.Text != nil:
				if p := join.NullText(c.Text(r)); p != nil {
					fmt.Fprintf(&b, " %s=%s", c.Name, *p)
				}
			case c.Number != nil:
				if p := join.NullNumber(c.Number(r)); p != nil {
					fmt.Fprintf(&b, " %s=%g", c.Name, *p)
				}
			case c.Integer != nil:
				if p := join.NullInteger(c.Integer(r)); p != nil {
					fmt.Fprintf(&b, " %s=%d", c.Name, *p)
				}
			}
		}
		out = append(out, b.String())
	}
	slices.Sort(out)
	return out
}

// requireSameCells says which rows are not there, and which are too many.
func requireSameCells(t *testing.T, want, got []string) {
	t.Helper()
	minus := func(a, b []string) []string {
		counts := map[string]int{}
		for _, s := range b {
			counts[s]++
		}
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { counts[s]--; return counts[s] >= 0 })
	}
	require.Equal(t, strings.Join(minus(want, got), "\n"), strings.Join(minus(got, want), "\n"))
}

// eachFleet runs a test over some fleets of both kinds of ids.
func eachFleet(t *testing.T, test func(t *testing.T, random *rand.Rand, in join.Input)) {
	seeds := uint64(12)
	if race.Enabled {
		seeds = 2
	}
	for _, suffixes := range []bool{true, false} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("suffixes %v, seed %d", suffixes, seed), func(t *testing.T) {
				in := newFleet(t, seed, suffixes).calls(80)
				joined := join.Requests(in)
				require.Zero(t, joined.Report.DuplicateLines, "nothing came twice")
				for _, r := range joined.Rows {
					require.False(t, r.Ambiguous, "the fleet's evidence is clear: %s at %s", r.RequestID, r.Time)
				}
				test(t, rand.New(rand.NewPCG(seed, 2)), in)
			})
		}
	}
}

func TestTheOrderOfTheEvidenceChangesNoRow(t *testing.T) {
	eachFleet(t, func(t *testing.T, random *rand.Rand, in join.Input) {
		want := columnsOf(join.Requests(in).Rows, time.Millisecond)
		for range 5 {
			in.Spans, in.Events = slices.Clone(in.Spans), slices.Clone(in.Events)
			random.Shuffle(len(in.Spans), func(a, b int) { in.Spans[a], in.Spans[b] = in.Spans[b], in.Spans[a] })
			random.Shuffle(len(in.Events), func(a, b int) { in.Events[a], in.Events[b] = in.Events[b], in.Events[a] })
			requireSameCells(t, want, columnsOf(join.Requests(in).Rows, time.Millisecond))
		}
	})
}

func TestLinesThatComeAgainChangeNoRow(t *testing.T) {
	type again struct {
		share  float64
		stream uint32 // added to the line's own
		late   func(random *rand.Rand) time.Duration
		origin func(o *evidence.Origin) *evidence.Origin
		mute   bool // the second line tells no time
	}
	exactly := func(d time.Duration) func(*rand.Rand) time.Duration {
		return func(*rand.Rand) time.Duration { return d }
	}
	byHost := map[*evidence.Origin]*evidence.Origin{podA: {Instance: "node-1"}, podB: {Instance: "node-2"}}
	for name, c := range map[string]again{
		"all, at once, in another stream":           {share: 1, stream: 10, late: exactly(0)},
		"all, at once, in the same stream":          {share: 1, late: exactly(0)},
		"half, at once, in another stream":          {share: 0.5, stream: 10, late: exactly(0)},
		"some, within a second, in another stream":  {share: 0.3, stream: 10, late: func(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(time.Second))) }},
		"all, minutes later, in the same stream":    {share: 1, late: exactly(4 * time.Minute)},
		"some, minutes later, in the same stream":   {share: 0.3, late: exactly(4 * time.Minute)},
		"all, by a second logging handler":          {share: 1, late: exactly(300), mute: true},
		"all, by an agent that knows only the host": {share: 1, stream: 10, late: exactly(40 * time.Millisecond), origin: func(o *evidence.Origin) *evidence.Origin { return byHost[o] }},
	} {
		t.Run(name, func(t *testing.T) {
			eachFleet(t, func(t *testing.T, random *rand.Rand, in join.Input) {
				want := columnsOf(join.Requests(in).Rows, time.Millisecond)
				copies := 0
				for _, e := range slices.Clone(in.Events) {
					if random.Float64() >= c.share {
						continue
					}
					copies++
					e.Stream += c.stream
					e.UnixNano += int64(c.late(random))
					if c.mute {
						e.Clock = 0
					}
					if c.origin != nil {
						e.Origin = c.origin(e.Origin)
					}
					in.Events = append(in.Events, e)
				}
				joined := join.Requests(in)
				requireSameCells(t, want, columnsOf(joined.Rows, time.Millisecond))
				require.Equal(t, copies, joined.Report.DuplicateLines)
			})
		})
	}
}

func TestAClockThatIsOffChangesNoRow(t *testing.T) {
	for _, off := range []time.Duration{
		-120 * time.Second, -7 * time.Second, -3 * time.Second, -1500 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second, 7 * time.Second,
		30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
	} {
		for _, streams := range []string{"all streams", "one stream"} {
			t.Run(fmt.Sprintf("%s by %s", streams, off), func(t *testing.T) {
				eachFleet(t, func(t *testing.T, _ *rand.Rand, in join.Input) {
					want := columnsOf(join.Requests(in).Rows, 200*time.Millisecond)
					in.Events = slices.Clone(in.Events)
					for i := range in.Events {
						if streams == "all streams" || in.Events[i].Stream == 1 {
							in.Events[i].UnixNano += int64(off)
						}
					}
					joined := join.Requests(in)
					require.Equal(t, len(want), len(joined.Rows))
					requireNearlySame(t, want, columnsOf(joined.Rows, 200*time.Millisecond))
				})
			})
		}
	}
}

// requireNearlySame compares cells, but for the time of rows, which may fall on either side of a step.
func requireNearlySame(t *testing.T, want, got []string) {
	t.Helper()
	withoutTime := func(rows []string) []string {
		out := make([]string, len(rows))
		for i, r := range rows {
			id, rest, _ := strings.Cut(r, " ")
			_, rest, _ = strings.Cut(rest, " ")
			out[i] = id + " " + rest
		}
		slices.Sort(out)
		return out
	}
	requireSameCells(t, withoutTime(want), withoutTime(got))
	times := func(rows []string) (out []time.Time) {
		for _, r := range rows {
			at, err := time.Parse("15:04:05.000", strings.Fields(r)[1])
			require.NoError(t, err)
			out = append(out, at)
		}
		slices.SortFunc(out, func(a, b time.Time) int { return cmp.Compare(a.UnixNano(), b.UnixNano()) })
		return out
	}
	is := times(got)
	for i, at := range times(want) {
		require.InDelta(t, 0, is[i].Sub(at).Seconds(), 0.45, "row %d", i)
	}
}

func TestLinesThatAreLateByDifferentTimesChangeNoRowOfAnIDThatIsUsedOnce(t *testing.T) {
	for _, most := range []time.Duration{30 * time.Second, time.Minute, 5 * time.Minute} {
		t.Run(most.String(), func(t *testing.T) {
			eachFleet(t, func(t *testing.T, random *rand.Rand, in join.Input) {
				want := join.Requests(in).Rows
				in.Events = slices.Clone(in.Events)
				last := map[uint32]int64{}
				slices.SortStableFunc(in.Events, func(a, b evidence.RequestEvent) int { return cmp.Compare(a.UnixNano, b.UnixNano) })
				for i := range in.Events { // within a stream the order stays
					e := &in.Events[i]
					e.UnixNano = max(e.UnixNano+random.Int64N(int64(most)), last[e.Stream]+1)
					last[e.Stream] = e.UnixNano
				}
				joined := join.Requests(in)
				got := map[string][]seen{}
				for _, s := range look(joined.Rows) {
					got[s.ID] = append(got[s.ID], s)
				}
				count := map[string]int{}
				for _, r := range want {
					count[r.RequestID]++
				}
				wrong := 0
				for _, s := range look(want) {
					if count[s.ID] == 1 {
						require.Equal(t, []seen{s}, got[s.ID])
						continue
					}
					require.Len(t, got[s.ID], count[s.ID], s.ID)
					if !slices.Contains(got[s.ID], s) && !slices.ContainsFunc(got[s.ID], func(g seen) bool { return g.Ambiguous }) {
						wrong++
						t.Logf("%+v is not among %+v", s, got[s.ID])
					}
				}
				require.Zero(t, wrong, "of tries of one id, what is not right is marked")
			})
		})
	}
}
