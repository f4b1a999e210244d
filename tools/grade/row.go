package grade

import (
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Row reads one row of a requests frame by column name.
type Row struct {
	frame *data.Frame
	index int
}

// Rows are those of a requests frame, in its order.
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

// Ambiguous says that the row is marked: further evidence fits it and another.
func (r Row) Ambiguous() bool { return strings.HasSuffix(r.Text("signals"), "ambiguous") }
