package frames

import (
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
)

// What frames take from when they are made until Grafana has them, in bytes: they lie in memory as fields, as Arrow, and as the
// message that is sent. Measured (tools/attack, TestAttackBounds).
const (
	frameCost = 4 << 10
	fieldCost = 2 << 10
	cellCost  = 48
	// sampledTexts is how many texts of a field are looked at to tell how long they are.
	sampledTexts = 64
	// textCost is how often a text lies in memory.
	textCost = 4
)

// Cost is what frames take from when they are made until Grafana has them, in bytes.
func Cost(fs data.Frames) (bytes int64) {
	for _, f := range fs {
		bytes += costOf(f)
	}
	return bytes
}

func costOf(f *data.Frame) int64 {
	if f == nil {
		return 0
	}
	bytes := int64(frameCost)
	if f.Meta != nil {
		bytes += int64(textCost * len(f.Meta.ExecutedQueryString))
	}
	for _, field := range f.Fields {
		bytes += fieldCost + int64(field.Len())*(cellCost+textCost*lengthOf(field))
		for name, value := range field.Labels {
			bytes += int64(textCost * (len(name) + len(value) + 64))
		}
	}
	return bytes
}

// lengthOf is how long the texts of a field are, as far as a few of them tell; 0 for other fields.
func lengthOf(field *data.Field) int64 {
	n := field.Len()
	if n == 0 || field.Type() != data.FieldTypeString && field.Type() != data.FieldTypeNullableString && field.Type() != data.FieldTypeJSON {
		return 0
	}
	sum, looked := 0, min(n, sampledTexts)
	for i := range looked {
		switch text := field.At(i * n / looked).(type) {
		case string:
			sum += len(text)
		case *string:
			if text != nil {
				sum += len(*text)
			}
		case interface{ MarshalJSON() ([]byte, error) }:
			if b, err := text.MarshalJSON(); err == nil {
				sum += len(b)
			}
		}
	}
	return int64(sum / looked)
}

// Fit cuts an answer to what may be held of it, in bytes: whole frames of several, rows of one. A notice says what was left out, and
// what to do. Share is what one query may hold.
func Fit(fs data.Frames, room, share int64) data.Frames {
	if len(fs) == 0 {
		return nil
	}
	kept, bytes := 0, int64(0)
	for ; kept < len(fs); kept++ {
		if bytes += costOf(fs[kept]); bytes > room {
			break
		}
	}
	out, left := fs[:kept:kept], fmt.Sprintf("%d of %d series or tables", len(fs)-kept, len(fs))
	if kept == 0 {
		rows, err := fs[0].RowLen()
		if err != nil || rows == 0 {
			return nil
		}
		fit := int(float64(rows) * float64(room) / float64(costOf(fs[0])) * 0.9)
		out, left = data.Frames{firstRows(fs[0], fit)}, fmt.Sprintf("%d of %d rows", rows-fit, rows)
	}
	out[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: fmt.Sprintf(
		"%s were left out, since one query may hold %d MiB: ask for fewer rows or series, for a shorter range, or for a longer step.", left, share>>20)})
	return out
}

// firstRows copies the first rows of a frame.
func firstRows(f *data.Frame, n int) *data.Frame {
	out := &data.Frame{Name: f.Name, RefID: f.RefID, Meta: f.Meta}
	for _, field := range f.Fields {
		first := data.NewFieldFromFieldType(field.Type(), n)
		first.Name, first.Labels, first.Config = field.Name, field.Labels, field.Config
		for i := range n {
			first.Set(i, field.At(i))
		}
		out.Fields = append(out.Fields, first)
	}
	return out
}

// MaxSeriesShown is how many series an answer to PromQL has: far more than a graph shows, and as many as a browser bears.
const MaxSeriesShown = 10_000

// FitPromQL cuts an answer to the series that may be shown, and says in cut what was left out, and what to do; "" when nothing was. The
// frames of what is left take no more than bytes, which are at most room.
func FitPromQL(answer promql.Result, o PromQLOptions, room, share int64) (fit promql.Result, bytes int64, cut string) {
	fit = answer
	for i, s := range answer.Series {
		cost := promQLCost(s, answer.Type == "matrix" && !o.Table || o.Alert)
		if i < MaxSeriesShown && bytes+cost <= room {
			bytes += cost
			continue
		}
		why := fmt.Sprintf("one query may hold %d MiB", share>>20)
		if i == MaxSeriesShown {
			why = "no more are shown"
		}
		fit.Series = answer.Series[:i:i]
		return fit, bytes, fmt.Sprintf("%d of %d series were left out, since %s: aggregate, name fewer series, or take a shorter range or a longer step", len(answer.Series)-i, len(answer.Series), why)
	}
	return fit, bytes, ""
}

// promQLCost is what the frame of a series takes, or its rows in a table, in bytes.
func promQLCost(s promql.Series, framed bool) (bytes int64) {
	labels := int64(0)
	for name, value := range s.Labels {
		labels += int64(cellCost + textCost*(len(name)+len(value)))
	}
	if framed {
		return frameCost + 2*fieldCost + 4*labels + int64(len(s.Samples))*2*cellCost
	}
	return int64(len(s.Samples)) * (2*cellCost + labels)
}
