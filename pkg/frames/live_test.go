package frames_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
)

func pointer[V any](v V) *V { return &v }

// everyCell is a frame of two rows that are equal, with a cell of every type that our frames have, and one that they do not.
func everyCell() *data.Frame {
	at := time.Date(2026, 8, 20, 12, 0, 0, 1, time.UTC)
	return data.NewFrame("rows",
		data.NewField("time", nil, []time.Time{at, at.Local()}),
		data.NewField("text", nil, []*string{pointer("a"), pointer("a")}),
		data.NewField("number", nil, []*float64{pointer(1.5), pointer(1.5)}),
		data.NewField("integer", nil, []*int64{pointer(int64(2)), pointer(int64(2))}),
		data.NewField("unknown", nil, []*float64{nil, nil}),
		data.NewField("line", nil, []string{"x", "x"}),
		data.NewField("labels", nil, []json.RawMessage{json.RawMessage(`{}`), json.RawMessage(`{}`)}),
		data.NewField("yes", nil, []*bool{pointer(true), pointer(true)}),
	)
}

func TestRowsAreComparedByWhatTheySay(t *testing.T) {
	rows := frames.CellsOf(everyCell())
	require.Len(t, rows, 2)
	require.True(t, frames.SameCells(rows[0], rows[1]))
	for i, other := range []any{
		time.Unix(0, 0), pointer("b"), pointer(2.5), pointer(int64(3)), pointer(0.0), "y", json.RawMessage(`{"a":1}`), pointer(false),
	} {
		changed := frames.KeepCells(rows[0])
		changed[i] = other
		require.False(t, frames.SameCells(rows[1], changed), "field %d", i)
		require.False(t, frames.SameCells(changed, rows[1]), "field %d", i)
	}
}

func TestAKeptRowStaysWhenItsFrameChanges(t *testing.T) {
	frame := everyCell()
	kept := frames.KeepCells(frames.CellsOf(frame)[0])
	*frame.Fields[1].At(0).(*string) = "b"
	*frame.Fields[2].At(0).(*float64) = 7
	*frame.Fields[3].At(0).(*int64) = 7
	frame.Fields[6].At(0).(json.RawMessage)[0] = 'x'
	*frame.Fields[7].At(0).(*bool) = false
	require.True(t, frames.SameCells(kept, frames.CellsOf(everyCell())[0]))
}

func TestALiveFrame(t *testing.T) {
	form := everyCell()
	form.Fields[2].Config = &data.FieldConfig{Unit: "s"}
	form.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, ExecutedQueryString: "once"}
	cells := frames.CellsOf(form)[0]
	from := time.UnixMilli(1234)
	frame := frames.Live(form, []frames.LiveRow{{Key: "a", Cells: cells}, {Key: "b", Over: true, Cells: cells}}, []data.Notice{{Text: "slow"}}, from)
	require.Equal(t, 2, frame.Rows())
	require.Equal(t, 2, form.Rows(), "the form is not changed")
	require.Len(t, frame.Fields, len(form.Fields)+2)
	require.Equal(t, "s", frame.Fields[2].Config.Unit)
	require.True(t, frames.SameCells(cells, frames.CellsOf(frame)[1][:len(cells)]))
	key, _ := frame.FieldByName(frames.LiveKey)
	over, _ := frame.FieldByName(frames.LiveOver)
	require.Equal(t, "b", key.At(1))
	require.Equal(t, true, over.At(1))
	require.Equal(t, map[string]any{"from": int64(1234)}, frame.Meta.Custom)
	require.Equal(t, "slow", frame.Meta.Notices[0].Text)
	require.Empty(t, frame.Meta.ExecutedQueryString, "what was asked once is not what is asked every second")
}
