package live

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
)

// told is a watcher that is told what it sees.
type told struct{ panics bool }

func (told) form() *data.Frame {
	return data.NewFrame("requests", data.NewField("e2e", nil, []*float64{})).SetMeta(&data.FrameMeta{})
}
func (told) plan(r Horizon, now time.Time) Poll { return Poll{reach: r, at: now} }
func (told) done(Polled)                        {}
func (w told) look(context.Context, Poll) (Polled, error) {
	if w.panics {
		panic("nobody")
	}
	return Polled{}, nil
}

// finds is a look of so many seconds before and after noon that finds rows of one second's length, by their key.
func finds(r Horizon, from, to int, values map[string]float64) pollResult {
	noon := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }
	window := evidence.Window{From: at(from), To: at(to)}
	f := pollResult{Polled: Polled{Poll: Poll{reach: r, ask: window, own: window}, complete: true}}
	for key, value := range values {
		f.rows = append(f.rows, Row[frames.Cells]{Key: key, Time: at(from), Value: frames.Cells{&value}})
	}
	return f
}

func warns(f pollResult, text string) pollResult {
	f.notices = []data.Notice{{Text: text}}
	return f
}

func fails(r Horizon, text string) pollResult {
	return pollResult{Polled: Polled{Poll: Poll{reach: r}, failed: true, notices: []data.Notice{{Text: text}}}, err: errors.New(text)}
}

// sent is a frame as "+key" and "-key", behind "all:" when it says everything, with its notices in brackets.
func sent(frame *data.Frame, include data.FrameInclude) string {
	if frame == nil {
		return ""
	}
	var words []string
	if include == data.IncludeAll {
		words = append(words, "all:")
	}
	key, _ := frame.FieldByName(frames.LiveKey)
	over, _ := frame.FieldByName(frames.LiveOver)
	for i := range key.Len() {
		sign := map[bool]string{false: "+", true: "-"}[over.At(i).(bool)]
		words = append(words, sign+key.At(i).(string))
	}
	for _, n := range frame.Meta.Notices {
		words = append(words, "["+n.Text+"]")
	}
	return strings.Join(words, " ")
}

func TestWhatAStreamSends(t *testing.T) {
	type step struct {
		join bool // a viewer joins, else a look is over
		look pollResult
		want string
	}
	some := map[string]float64{"a": 1}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"everything at first, even when that is nothing", []step{
			{look: finds(Near, 0, 30, nil), want: "all:"},
		}},
		{"then what is new, and nothing when nothing is", []step{
			{look: finds(Near, 0, 30, nil), want: "all:"},
			{look: finds(Near, 0, 30, some), want: "+a"},
			{look: finds(Near, 0, 30, some), want: ""},
		}},
		{"what changed and what is over", []step{
			{look: finds(Near, 0, 30, some), want: "all: +a"},
			{look: finds(Near, 0, 30, map[string]float64{"a": 2}), want: "+a"},
			{look: finds(Near, 0, 30, map[string]float64{"b": 2}), want: "-a +b"},
		}},
		{"everything when a look goes further back than ever", []step{
			{look: finds(Near, 0, 30, some), want: "all: +a"},
			{look: finds(Far, -600, 0, map[string]float64{"old": 2}), want: "all: +old +a"},
			{look: finds(Far, -500, 0, nil), want: ""},
		}},
		{"everything, twice, to who joins: what changes until Grafana counts the viewer must not be lost", []step{
			{look: finds(Near, 0, 30, some), want: "all: +a"},
			{join: true, want: "all: +a"},
			{look: finds(Near, 0, 30, some), want: "all: +a"},
			{look: finds(Near, 0, 30, some), want: "all: +a"},
			{look: finds(Near, 0, 30, some), want: ""},
		}},
		{"nothing to who joins before a look is over: the first frame is on its way", []step{
			{join: true, want: ""},
			{look: finds(Near, 0, 30, some), want: "all: +a"},
		}},
		{"a notice once, with the rows of before, until all is well", []step{
			{look: finds(Near, 0, 30, some), want: "all: +a"},
			{look: fails(Near, "Jaeger is away"), want: "all: +a [Jaeger is away]"},
			{look: fails(Near, "Jaeger is away"), want: ""},
			{look: finds(Near, 0, 30, some), want: "all: +a"},
		}},
		{"a notice of both looks once", []step{
			{look: warns(finds(Near, 0, 30, some), "Loki is away"), want: "all: +a [Loki is away]"},
			{look: warns(finds(Far, 0, 30, some), "Loki is away"), want: "all: +a [Loki is away]"},
			{look: finds(Near, 0, 30, some), want: "all: +a [Loki is away]"},
			{look: finds(Far, 0, 30, some), want: "all: +a"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStream(told{}, nil, time.Now, nil)
			for i, step := range test.steps {
				if step.join {
					require.Equal(t, step.want, sent(s.join(), data.IncludeAll), "step %d", i)
					continue
				}
				require.Equal(t, step.want, sent(s.update(step.look)), "step %d", i)
			}
		})
	}
}

func TestAPanicInALookIsItsError(t *testing.T) {
	f := newStream(told{panics: true}, nil, time.Now, nil).look(t.Context(), Poll{reach: Near}, time.Second)
	require.ErrorContains(t, f.err, "internal error")
	require.True(t, f.failed)
	require.Contains(t, f.notices[0].Text, "The rows are those of before")
}

func TestThePauseBetweenLooks(t *testing.T) {
	for _, test := range []struct {
		name     string
		took     time.Duration
		failures int
		want     time.Duration
	}{
		{"a quick look comes every second", 100 * time.Millisecond, 0, 900 * time.Millisecond},
		{"a slow one takes half of the time", 3 * time.Second, 0, 3 * time.Second},
		{"stores that fail get more time", 100 * time.Millisecond, 1, 1800 * time.Millisecond},
		{"and more", 100 * time.Millisecond, 3, 7200 * time.Millisecond},
		{"but are asked again", 5 * time.Second, 1000, slowest},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, pause(nearEvery, test.took, test.failures))
		})
	}
}
