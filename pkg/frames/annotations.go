package frames

import (
	"cmp"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Annotations is one row per event. Grafana finds the fields of an annotation by their names: time, timeEnd, title, text,
// tags (one text with commas) and id. The others are for tables.
//
// A moment ends when it begins: Grafana takes the fields that it draws from the first event, and fails at a later region's end
// when the first has none.
//
// The id is 0 for all: by that, Grafana's tooltip knows an event that it does not keep itself, and offers no pen and no bin.
func Annotations(happened []events.Event, stores []evidence.StoreReport) *data.Frame {
	n := len(happened)
	at, until := make([]time.Time, n), make([]time.Time, n)
	kind, severity := make([]string, n), make([]string, n)
	title, body, tags := make([]string, n), make([]string, n), make([]string, n)
	model, environment, namespace := make([]*string, n), make([]*string, n), make([]*string, n)
	cluster := make([]*string, n)
	pod, instance, engine := make([]*string, n), make([]*string, n), make([]*string, n)
	for i, e := range happened {
		at[i], until[i] = e.Time, e.Time
		if !e.End.IsZero() {
			until[i] = e.End
		}
		o := e.Origin
		kind[i], severity[i] = string(e.Type), string(e.Severity())
		title[i], body[i], tags[i] = noMarkup(e.Title), noMarkup(e.Text), tagsOf(e)
		model[i], environment[i], namespace[i] = text(o.Model), text(o.Environment), text(o.Namespace)
		cluster[i] = text(o.Cluster)
		pod[i], instance[i], engine[i] = text(o.Pod), text(o.Instance), text(o.Engine)
	}
	frame := data.NewFrame("annotations",
		data.NewField("time", nil, at),
		data.NewField("timeEnd", nil, until),
		data.NewField("severity", nil, severity).SetConfig(&data.FieldConfig{Mappings: data.ValueMappings{severityCells}}),
		data.NewField("title", nil, title),
		data.NewField("text", nil, body),
		data.NewField("model", nil, model),
		data.NewField("instance", nil, instance),
		data.NewField("engine", nil, engine),
		data.NewField("pod", nil, pod),
		data.NewField("namespace", nil, namespace),
		data.NewField("environment", nil, environment),
		data.NewField("cluster", nil, cluster),
		data.NewField("type", nil, kind),
		data.NewField("tags", nil, tags),
		data.NewField("id", nil, make([]int64, n)).SetConfig(&data.FieldConfig{Custom: map[string]any{"hidden": true}}),
	)
	frame.Meta = &data.FrameMeta{
		Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable, Notices: eventNotices(stores),
		Custom: map[string]any{"calls": callsMeta(stores)},
	}
	return frame
}

// severityCells colours the words of a table; the words stay.
var severityCells = data.ValueMapper{
	string(events.Critical): {Color: "red", Index: 0},
	string(events.Warning):  {Color: "orange", Index: 1},
	string(events.Info):     {Color: "blue", Index: 2},
}

// noMarkup keeps Grafana, which shows an annotation as HTML, from taking any of a quoted line for markup: after cleaning,
// links and pictures would stay.
func noMarkup(s string) string { return markup.Replace(s) }

var markup = strings.NewReplacer("<", "‹", ">", "›")

// tagsOf are types, severity, model and place: what annotations are filtered by.
func tagsOf(e events.Event) string {
	var tags []string
	for _, t := range e.Types() {
		tags = append(tags, string(t))
	}
	tags = append(tags, string(e.Severity()), e.Origin.Model, cmp.Or(e.Origin.Instance, e.Origin.Pod))
	kept := tags[:0]
	for _, tag := range tags {
		if tag != "" {
			kept = append(kept, strings.ReplaceAll(tag, ",", " ")) // a comma would end the tag
		}
	}
	return strings.Join(kept, ",")
}

// untold says which events are missing when a store is.
var untold = map[evidence.Store]string{
	evidence.Prometheus: "restarts, preemption storms, sleep that only metrics tell of, and models known by instance",
	evidence.Loki:       "engine deaths, memory that ran out, failed starts, shutdowns, pauses, LoRA adapters",
}

func eventNotices(stores []evidence.StoreReport) []data.Notice {
	var out []data.Notice
	for _, s := range stores {
		switch {
		case !s.Configured:
			out = append(out, data.Notice{Severity: data.NoticeSeverityInfo,
				Text: s.Store.Title() + " is not configured: without it there are no " + untold[s.Store] + "."})
		default:
			out = appendMissing(out, s, untold[s.Store])
		}
		if s.Truncated {
			out = append(out, data.Notice{Severity: data.NoticeSeverityWarning, Text: cmp.Or(s.Reason, s.Store.Title()+" answered only in part.")})
		}
	}
	return out
}
