package frames

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// LiveKey and LiveOver are the two fields that a live frame has beside those of its kind: which row a row is, in every
// frame of its stream the same, and whether it is no more. src/live reads them.
const (
	LiveKey  = "live_key"
	LiveOver = "live_over"
)

// Follow is what an answer says about its stream: where it goes on, and how its rows are put in order there.
type Follow struct {
	Path  string          `json:"path"` // of the channel
	Query json.RawMessage `json:"query"`
	Sort  string          `json:"sort"` // name of the field
	Desc  bool            `json:"desc"`
	Limit int             `json:"limit"`
}

// Followed makes an answer one that goes on as a stream. keys has one key a row.
func Followed(answer *data.Frame, keys []string, follow Follow) *data.Frame {
	answer.Fields = append(answer.Fields, data.NewField(LiveKey, nil, keys))
	custom, _ := answer.Meta.Custom.(map[string]any)
	custom["follow"] = follow
	return answer
}

// Cells is one row of a frame, in the order of its fields. They point into the frame: KeepCells copies.
type Cells []any

// CellsOf lists the rows of a frame.
func CellsOf(frame *data.Frame) []Cells {
	n := frame.Rows()
	all := make([]any, n*len(frame.Fields))
	rows := make([]Cells, n)
	for i := range rows {
		rows[i], all = all[:len(frame.Fields):len(frame.Fields)], all[len(frame.Fields):]
		for f, field := range frame.Fields {
			rows[i][f] = field.At(i)
		}
	}
	return rows
}

// KeepCells copies a row, so that it does not hold on to the frame and to what the frame points into.
func KeepCells(row Cells) Cells {
	out := slices.Clone(row)
	for i, cell := range out {
		switch v := cell.(type) {
		case *string:
			out[i] = copied(v)
		case *float64:
			out[i] = copied(v)
		case *int64:
			out[i] = copied(v)
		case json.RawMessage:
			out[i] = json.RawMessage(bytes.Clone(v))
		default: // a type that no column had when this was written
			if p := reflect.ValueOf(cell); p.Kind() == reflect.Pointer && !p.IsNil() {
				out[i] = reflect.New(p.Type().Elem()).Interface()
				reflect.ValueOf(out[i]).Elem().Set(p.Elem())
			}
		}
	}
	return out
}

func copied[V any](p *V) *V {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// SameCells reports whether two rows say the same.
func SameCells(a, b Cells) bool { return slices.EqualFunc(a, b, sameCell) }

func sameCell(a, b any) bool {
	switch x := a.(type) {
	case *string:
		y, ok := b.(*string)
		return ok && samePointed(x, y)
	case *float64:
		y, ok := b.(*float64)
		return ok && samePointed(x, y)
	case *int64:
		y, ok := b.(*int64)
		return ok && samePointed(x, y)
	case time.Time:
		y, ok := b.(time.Time)
		return ok && x.Equal(y)
	case json.RawMessage:
		y, ok := b.(json.RawMessage)
		return ok && bytes.Equal(x, y)
	default:
		p, q := reflect.ValueOf(a), reflect.ValueOf(b)
		if p.Kind() == reflect.Pointer && q.Kind() == reflect.Pointer && !p.IsNil() && !q.IsNil() {
			return p.Elem().Interface() == q.Elem().Interface()
		}
		return a == b
	}
}

func samePointed[V comparable](a, b *V) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// LiveRow is a row of a live frame.
type LiveRow struct {
	Key   string
	Over  bool
	Cells Cells
}

// Live makes a live frame of rows in the form of a frame of their kind, whose own rows do not matter. With its schema it
// holds all rows of the stream since from, without it those that changed.
func Live(form *data.Frame, rows []LiveRow, notices []data.Notice, from time.Time) *data.Frame {
	key, over := make([]string, len(rows)), make([]bool, len(rows))
	out := form.EmptyCopy()
	for f, field := range out.Fields {
		field.Config = form.Fields[f].Config
	}
	out.Extend(len(rows))
	for i, row := range rows {
		key[i], over[i] = row.Key, row.Over
		for f, cell := range row.Cells {
			out.Set(f, i, cell)
		}
	}
	out.Fields = append(out.Fields, data.NewField(LiveKey, nil, key), data.NewField(LiveOver, nil, over))
	out.Meta = &data.FrameMeta{
		Type: form.Meta.Type, TypeVersion: form.Meta.TypeVersion, PreferredVisualization: form.Meta.PreferredVisualization,
		Notices: notices, Custom: map[string]any{"from": from.UnixMilli()},
	}
	return out
}
