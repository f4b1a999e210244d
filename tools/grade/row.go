package grade

import (
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Row reads one row of a frame by column name, such as one of requests.
type Row struct {
	frame *data.Frame
	index int
}

// Rows are those of a frame, in its order.
func Rows(frame *data.Frame) []Row {
	rows := make([]Row, frame.Rows())
	for i := range rows {
		rows[i] = Row{frame, i}
	}
	return rows
}

// Text is a cell of a text column, "" for null or a column that is not there.
func (r Row) Text(column string) string {
	f, _ := r.frame.FieldByName(column)
	if f == nil {
		return ""
	}
	if v, ok := f.ConcreteAt(r.index); ok {
		text, _ := v.(string)
		return text
	}
	return ""
}

// Number is a cell of a numeric column; false for null or a column that is not there.
func (r Row) Number(column string) (float64, bool) {
	f, _ := r.frame.FieldByName(column)
	if f == nil {
		return 0, false
	}
	v, err := f.NullableFloatAt(r.index)
	if err != nil || v == nil {
		return 0, false
	}
	return *v, true
}

// Time is when the request arrived.
func (r Row) Time() time.Time {
	f, _ := r.frame.FieldByName("time")
	return f.At(r.index).(time.Time)
}

// Each visits the cells that are known, in the order of the columns.
func (r Row) Each(visit func(column string, value any)) {
	for _, f := range r.frame.Fields {
		if v, ok := f.ConcreteAt(r.index); ok {
			visit(f.Name, v)
		}
	}
}

// End is when what the row is about was over: of frames with a column timeEnd; else Time.
func (r Row) End() time.Time {
	f, _ := r.frame.FieldByName("timeEnd")
	if f == nil {
		return r.Time()
	}
	if v, ok := f.ConcreteAt(r.index); ok {
		return v.(time.Time)
	}
	return r.Time()
}

// Ambiguous says that the row is marked: further evidence fits it and another.
func (r Row) Ambiguous() bool { return strings.HasSuffix(r.Text("signals"), "ambiguous") }
