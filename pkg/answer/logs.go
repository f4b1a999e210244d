package answer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/loki"
	"github.com/llmserving/grafana-vllm-datasource/pkg/fetch/upstream"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/promql"
	"github.com/llmserving/grafana-vllm-datasource/pkg/query"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// logs answers with vLLM's log lines, or their volume by level. Both are narrowed by the same means.
func (d *Sources) logs(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.Loki == nil {
		return nil, Needs(evidence.Loki, "log lines")
	}
	spec := q.Logs
	n := d.NarrowLogs(ctx, q, q.Range)
	var fs data.Frames
	switch {
	case n.Nowhere:
		fs = frames.LogVolume(nil, time.Second)
		if !spec.Volume {
			fs = data.Frames{frames.Logs(nil, spec.Limit)}
		}
	case spec.Volume:
		step := promql.Step(q.Interval, time.Second, time.Second, q.Range.Duration())
		volume, report := d.Loki.Volume(ctx, q.Range, step, n.Scope, n.Filter)
		if report.Err != nil && len(volume) == 0 {
			return nil, report.Err
		}
		fs = WithStore(frames.LogVolume(volume, step), report, "part of the volume")
	default:
		window := q.Range
		if spec.Around != "" {
			window = spec.AroundWindow()
		}
		limit := min(spec.Limit, d.Settings.Limits.LogLines)
		lines, report := d.Loki.Lines(ctx, window, n.Scope, n.Filter, limit, loki.Order(spec.Oldest))
		if report.Err != nil && len(lines) == 0 {
			return nil, report.Err
		}
		if spec.Around != "" {
			report.Truncated = false // there are always more lines; the next page asks for them
		}
		frame := frames.Logs(lines, limit)
		frames.Highlight(frame, spec.Contains, spec.RequestID)
		if spec.Live {
			report.Truncated = false // a tail is the newest lines: that there are older ones goes without saying
			d.Follow(ctx, frame, q, LineKeys(frame), frames.Follow{Sort: frames.LogTime, Desc: !spec.Oldest, Limit: limit})
		}
		fs = WithStore(data.Frames{frame}, report, "the rest of the lines")
	}
	fs[0].AppendNotices(n.Notices...)
	return fs, nil
}

// lineKeys are the ids of a frame of lines.
func LineKeys(frame *data.Frame) []string {
	field, _ := frame.FieldByName(frames.LogID)
	keys := make([]string, field.Len())
	for i := range keys {
		keys[i] = field.At(i).(string)
	}
	return keys
}

// narrowed is a query for lines in the words that log streams and lines have.
type Narrowed struct {
	Scope   vllm.Scope
	Filter  loki.LineFilter
	Nowhere bool // the scope is of no stream
	Notices []data.Notice
}

// narrowLogs says a query for lines in words that streams and lines have. Streams rarely name a model: the metrics of the
// window tell which pods serve it. Engines are told by the lines. What neither tells cannot narrow, and that is said.
func (d *Sources) NarrowLogs(ctx context.Context, q query.Query, window evidence.Window) Narrowed {
	spec := q.Logs
	n := Narrowed{Scope: q.Scope, Filter: loki.LineFilter{
		Process: spec.Process, Logger: spec.Logger, RequestID: spec.RequestID, Contains: spec.Contains, Regex: spec.Regex,
		Where: slices.Clone(spec.Where), Stream: spec.Stream,
	}}
	for _, level := range spec.Levels {
		n.Filter.Levels = append(n.Filter.Levels, vllm.LogLevel(level))
	}
	labels := d.Settings.Loki.Labels
	var unsaid []string
	for _, place := range vllm.Places {
		if labels.Of(place) != "" || !q.Scope.Narrows(place) {
			continue
		}
		n.Scope = n.Scope.Without(place)
		switch place {
		case vllm.Model:
			n.byModel(ctx, d, q.Scope, window)
		case vllm.Engine:
			for _, c := range q.Scope.Of(place) {
				if c.Op == vllm.Is || c.Op == vllm.IsNot {
					n.Filter.Where = append(n.Filter.Where, c)
				} else {
					unsaid = append(unsaid, "engine "+string(c.Op))
				}
			}
		default:
			unsaid = append(unsaid, string(place))
		}
	}
	if len(unsaid) > 0 {
		n.warn("Not narrowed by %s: Loki's streams have no label for it. Set one in the data source.", strings.Join(unsaid, ", "))
	}
	return n
}

// byModel turns conditions on the model into one on the pod, or the instance, where it runs.
func (n *Narrowed) byModel(ctx context.Context, d *Sources, scope vllm.Scope, window evidence.Window) {
	const unsaid = "Not narrowed by model: Loki's streams do not name it, and "
	if d.Prometheus == nil {
		n.warn(unsaid + "Prometheus, which could tell where it runs, is not configured.")
		return
	}
	targets, calls, err := d.Prometheus.Targets(ctx, window)
	if partial := upstream.Trouble(evidence.StoreReport{Store: evidence.Prometheus, Calls: calls}); partial != nil && err == nil {
		n.warn("Pods that serve this model may be missing: %s.", partial)
	}
	if err != nil {
		n.warn(unsaid+"Prometheus could not tell where it runs: %s", err)
		return
	}
	place, of := vllm.Pod, func(t evidence.Target) string { return t.Origin.Pod }
	if d.Settings.Loki.Labels.Pod == "" {
		place, of = vllm.Instance, func(t evidence.Target) string { return t.Origin.Instance }
	}
	if d.Settings.Loki.Labels.Of(place) == "" {
		n.warn(unsaid + "they name neither pod nor instance.")
		return
	}
	test := scope.Test(vllm.Model)
	var names []string
	known := false
	for _, target := range targets {
		name := of(target)
		known = known || name != ""
		if name != "" && test(target.Origin.Model) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case len(names) > 0:
		n.Scope.Where = append(slices.Clip(n.Scope.Where), vllm.Condition{Key: string(place), Op: vllm.Is, Values: slices.Compact(names)})
	case known:
		n.Nowhere = true
		n.Notices = append(n.Notices, data.Notice{
			Severity: data.NoticeSeverityInfo, Text: "No engine served this model in the range, as far as the metrics know.",
		})
	default:
		n.warn(unsaid+"the metrics do not name the %s that runs it.", place)
	}
}

func (n *Narrowed) warn(format string, args ...any) {
	n.Notices = append(n.Notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: fmt.Sprintf(format, args...)})
}
