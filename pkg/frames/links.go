package frames

import (
	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// Source identifies the data source that a frame's links lead back to.
type Source struct{ UID, Name string }

// link leads from a cell to a query of this same data source, in Explore. In query, ${__value.raw} is the cell and
// ${__data.fields.name} another cell of its row.
func (s Source) link(title string, query map[string]any) data.DataLink {
	query["refId"], query["version"] = "A", 1
	return data.DataLink{Title: title, Internal: &data.InternalDataLink{DatasourceUID: s.UID, DatasourceName: s.Name, Query: query}}
}

// requestLinks lead from a cell of the request row to what answers the next question.
func requestLinks(column string, source Source) []data.DataLink {
	if source.UID == "" {
		return nil
	}
	switch column {
	case "request_id":
		return []data.DataLink{source.link("Everything about this request", map[string]any{
			"queryType": "request", "request": map[string]any{"id": cell},
		})}
	case "trace_id":
		trace := source.link("Trace", map[string]any{"queryType": "trace", "trace": map[string]any{"traceId": cell}})
		var open data.ExplorePanelsState = map[string]any{"trace": map[string]any{"spanId": "${__data.fields.span_id}"}}
		trace.Internal.ExplorePanelsState = &open // at the span of this row
		return []data.DataLink{trace}
	case "log_lines":
		return []data.DataLink{source.link("Log lines of this request", map[string]any{
			"queryType": "logs", "logs": map[string]any{"requestId": "${__data.fields.request_id}"},
		})}
	default:
		return placeLinks(column, source)
	}
}

// placeLinks lead from a place in a table: from a model to its figures over time, from what serves it to its requests. One
// link each, since Explore shows a cell of several as plain text.
func placeLinks(column string, source Source) []data.DataLink {
	if source.UID == "" {
		return nil
	}
	switch column {
	case "model":
		return []data.DataLink{source.modelLink()}
	case "instance":
		return []data.DataLink{source.requestsLink("Slowest requests of this instance", "instances")}
	case "pod":
		return []data.DataLink{source.requestsLink("Slowest requests of this pod", "pods")}
	}
	return nil
}

// cell is the value that was clicked.
const cell = "${__value.raw}"

// modelLink shows a model over time: what users feel, and what the engine does meanwhile.
func (s Source) modelLink() data.DataLink {
	return s.link("This model over time", map[string]any{
		"queryType": "models", "scope": map[string]any{"models": []string{cell}},
		"models": map[string]any{"form": "timeseries", "metrics": []string{"ttft", "e2e", "running", "waiting"}, "quantiles": []float64{0.5, 0.95}},
	})
}

// requestsLink shows the slowest requests of one place; list is the scope's name for it.
func (s Source) requestsLink(title, list string) data.DataLink {
	return s.link(title, map[string]any{
		"queryType": "requests", "scope": map[string]any{list: []string{cell}},
		"requests": map[string]any{"sort": map[string]any{"column": "e2e", "desc": true}},
	})
}
