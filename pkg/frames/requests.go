package frames

import (
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

// Source identifies the data source that a frame's links lead back to.
type Source struct{ UID, Name string }

// Requests is the table of joined requests: one field per join.Column, in that order. Cells point into rows, so rows must
// not change afterwards.
func Requests(rows []join.Request, report join.Report, source Source) *data.Frame {
	fields := make([]*data.Field, len(join.Columns))
	for i := range join.Columns {
		fields[i] = requestField(&join.Columns[i], rows)
		fields[i].Config = requestConfig(&join.Columns[i], source)
	}
	fillRequestFields(fields, rows)
	frame := data.NewFrame("requests", fields...)
	frame.Meta = &data.FrameMeta{
		Type:                   data.FrameTypeTable,
		PreferredVisualization: data.VisTypeTable,
		Custom:                 requestMeta(rows, report),
		Stats:                  reportStats(report),
		Notices:                reportNotices(report),
	}
	return frame
}

// requestField is one column, still empty but for times.
func requestField(c *join.Column, rows []join.Request) *data.Field {
	var field *data.Field
	switch {
	case c.Text != nil:
		field = data.NewFieldFromFieldType(data.FieldTypeNullableString, len(rows))
	case c.Number != nil:
		field = data.NewFieldFromFieldType(data.FieldTypeNullableFloat64, len(rows))
	case c.Integer != nil:
		field = data.NewFieldFromFieldType(data.FieldTypeNullableInt64, len(rows))
	default: // a time is no pointer: setting one by one would allocate for each
		times := make([]time.Time, len(rows))
		for i := range rows {
			times[i] = rows[i].Time
		}
		field = data.NewField("", nil, times)
	}
	field.Name = c.Name
	return field
}

// rowsAtOnce is how many rows are filled in column by column: their spans and they stay in the processor's cache meanwhile,
// which makes a million rows twice as fast.
const rowsAtOnce = 256

// fillRequestFields sets all cells. They are pointers into the rows, so nothing is allocated.
func fillRequestFields(fields []*data.Field, rows []join.Request) {
	for from := 0; from < len(rows); from += rowsAtOnce {
		to := min(from+rowsAtOnce, len(rows))
		for f := range join.Columns {
			c, field := &join.Columns[f], fields[f]
			for i := from; i < to; i++ {
				switch r := &rows[i]; {
				case c.Text != nil:
					if v := join.NullText(c.Text(r)); v != nil {
						field.Set(i, v)
					}
				case c.Number != nil:
					if v := join.NullNumber(c.Number(r)); v != nil {
						field.Set(i, v)
					}
				case c.Integer != nil:
					if v := join.NullInteger(c.Integer(r)); v != nil {
						field.Set(i, v)
					}
				}
			}
		}
	}
}

// requestConfig is how one column looks: unit, colour of the status, where a click leads.
func requestConfig(c *join.Column, source Source) *data.FieldConfig {
	config := &data.FieldConfig{Unit: c.Unit, Description: c.Description}
	switch c.Unit {
	case "s":
		config.SetDecimals(3)
	case "percentunit":
		config.SetDecimals(1)
		config.SetMin(0)
		config.SetMax(1)
	}
	switch c.Name {
	case "status":
		config.Mappings = data.ValueMappings{statusColours}
		config.Custom = map[string]any{"cellOptions": map[string]any{"type": "color-text"}}
	case "slo_met":
		config.Mappings = data.ValueMappings{verdictColours}
		config.Custom = map[string]any{"cellOptions": map[string]any{"type": "color-text"}}
	case "tokens_per_second":
		config.SetDecimals(1)
	case "trace_id", "request_id", "log_lines", "model":
		config.Links = requestLinks(c.Name, source)
	}
	return config
}

// statusColours: green only for what is known to be well.
var statusColours = data.ValueMapper{
	string(join.StatusOK):       {Color: "green", Index: 0},
	string(join.StatusError):    {Color: "red", Index: 1},
	string(join.StatusAborted):  {Color: "orange", Index: 2},
	string(join.StatusRejected): {Color: "purple", Index: 3},
	string(join.StatusUnknown):  {Color: "gray", Index: 4},
}

// verdictColours mark what missed its limits; the words stay, for whoever sees no colours.
var verdictColours = data.ValueMapper{
	"true":  {Color: "green", Index: 0},
	"false": {Color: "red", Index: 1},
}

// requestLinks lead from a cell to the query that answers the next question, in this same data source.
func requestLinks(column string, source Source) []data.DataLink {
	if source.UID == "" {
		return nil
	}
	link := func(title string, query map[string]any) []data.DataLink {
		query["refId"], query["version"] = "A", 1
		return []data.DataLink{{Title: title, Internal: &data.InternalDataLink{
			DatasourceUID: source.UID, DatasourceName: source.Name, Query: query,
		}}}
	}
	switch column {
	case "request_id":
		return link("Everything about this request", map[string]any{
			"queryType": "request", "request": map[string]any{"id": "${__value.raw}"},
		})
	case "trace_id":
		return link("Trace", map[string]any{"queryType": "trace", "trace": map[string]any{"traceId": "${__value.raw}"}})
	case "log_lines":
		return link("Log lines of this request", map[string]any{
			"queryType": "logs", "logs": map[string]any{"requestId": "${__data.fields.request_id}"},
		})
	case "model":
		return link("This model", map[string]any{
			"queryType": "models", "scope": map[string]any{"models": []string{"${__value.raw}"}}, "models": map[string]any{"form": "timeseries"},
		})
	}
	return nil
}
