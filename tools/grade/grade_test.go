package grade

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/truth/truthtest"
)

// fleet is some minutes of one, of which everything is known.
var fleet = sync.OnceValues(func() (*truthtest.Recorder, error) {
	known := &truthtest.Recorder{}
	models := simulator.DefaultModels()
	for i := range models {
		models[i].Clusters = []string{"eu-1"}
	}
	sim, err := simulator.New(simulator.Config{
		Seed: 5, Rate: 4, Models: models, Listen: "off", Recorder: known, EngineDeaths: -1, EnginePauses: -1,
	})
	if err != nil {
		return nil, err
	}
	from := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	err = sim.Backfill(context.Background(), simulator.Window{From: from, To: from.Add(4 * time.Minute), Drain: true})
	return known, errors.Join(err, sim.Close())
})

// perfect is the truth, and the frame that says all of it.
func perfect(t *testing.T) (World, *data.Frame) {
	t.Helper()
	known, err := fleet()
	require.NoError(t, err)
	world := World{
		Requests: known.Requests(), Scrapes: known.Scrapes(), ScrapeInterval: 15 * time.Second, Limits: Limits{TTFT: 0.2, E2E: 5},
	}
	g := newGrader(world)
	var rows []*truth.Record
	for _, e := range Expect(world.Requests) {
		if e.Proven && !FailureUntold(e.Record) {
			rows = append(rows, e.Record)
		}
	}
	frame := data.NewFrame("requests", data.NewField("time", nil, times(rows)))
	spans, signals := make([]*string, len(rows)), make([]*string, len(rows))
	for i, r := range rows {
		span, all := r.SpanID, "trace+logs+metrics"
		if r.Evidence.EngineSpan != truth.Emitted {
			span = r.ClientSpanID
		}
		spans[i], signals[i] = &span, &all
	}
	frame.Fields = append(frame.Fields, data.NewField("span_id", nil, spans), data.NewField("signals", nil, signals))
	for _, c := range columns {
		switch {
		case c.name == "time":
		case c.numeric:
			values := make([]*float64, len(rows))
			for i, r := range rows {
				if want := c.want(g, r); want.known {
					values[i] = &want.number
				}
			}
			frame.Fields = append(frame.Fields, data.NewField(c.name, nil, values))
		default:
			values := make([]*string, len(rows))
			for i, r := range rows {
				if want := c.want(g, r); want.known {
					values[i] = &want.text
				}
			}
			frame.Fields = append(frame.Fields, data.NewField(c.name, nil, values))
		}
	}
	return world, frame
}

func times(rows []*truth.Record) []time.Time {
	out := make([]time.Time, len(rows))
	for i, r := range rows {
		out[i] = r.Time.Truncate(time.Microsecond)
	}
	return out
}

func TestARowThatSaysTheTruthIsRight(t *testing.T) {
	world, frame := perfect(t)
	r := Grade(frame, world)
	require.Empty(t, r.Complaints)
	require.Zero(t, r.Missed+r.Invented)
	require.Equal(t, frame.Rows(), r.Rows)
	require.Greater(t, r.Rows, 500)
}

// One cell of each column is spoilt: exactly that is found.
func TestEachCellThatLiesOrIsSilentIsFound(t *testing.T) {
	for _, c := range columns {
		t.Run(c.name, func(t *testing.T) {
			world, frame := perfect(t)
			g := newGrader(world)
			field, index := frame.FieldByName(c.name)
			require.GreaterOrEqual(t, index, 0)
			bySpan := map[string]*truth.Record{}
			for _, r := range world.Requests {
				bySpan[r.SpanID] = r
			}
			row := -1
			for n, r := range Rows(frame) {
				if want := bySpan[r.Text("span_id")]; want != nil && c.want(g, want).known && c.told(g, want) && want.Evidence.EngineSpan == truth.Emitted {
					row = n
					break
				}
			}
			if row < 0 {
				require.Contains(t, []string{"finish_reason", "preemptions"}, c.name, "no evidence makes this column known for certain")
				for n := range frame.Rows() {
					if _, ok := field.ConcreteAt(n); ok {
						row = n
						break
					}
				}
			}
			switch c.name {
			case "time":
				field.Set(row, field.At(row).(time.Time).Add(time.Second))
			default:
				if c.numeric {
					wrong := *field.At(row).(*float64) + 1
					field.Set(row, &wrong)
				} else {
					wrong := "something else"
					field.Set(row, &wrong)
				}
			}
			require.Equal(t, map[string]int{c.name: 1}, Grade(frame, world).Wrong)
			if c.name == "time" || c.name == "finish_reason" || c.name == "preemptions" {
				return // never null; or nothing makes null a fault
			}
			if c.numeric {
				field.Set(row, (*float64)(nil))
			} else {
				field.Set(row, (*string)(nil))
			}
			r := Grade(frame, world)
			require.Empty(t, r.Wrong)
			require.Equal(t, map[string]int{c.name: 1}, r.Null)
			world.Undecidable = func(_ *truth.Record, column string) string { return "nobody can know " + column }
			r = Grade(frame, world)
			require.Empty(t, r.Null)
			require.Equal(t, map[string]int{"nobody can know " + c.name: 1}, r.Undecided)
		})
	}
}

func TestRowsThatAreMissedOrInventedAreCounted(t *testing.T) {
	world, frame := perfect(t)
	frame.DeleteRow(7)
	require.Equal(t, 1, Grade(frame, world).Missed)

	_, frame = perfect(t)
	twice := make([]any, len(frame.Fields))
	for i, f := range frame.Fields {
		twice[i] = f.CopyAt(7)
	}
	frame.AppendRow(twice...)
	r := Grade(frame, world)
	require.Equal(t, 1, r.Invented)
	require.Zero(t, r.Missed)
}
