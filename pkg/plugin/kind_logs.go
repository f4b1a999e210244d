package plugin

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
func (d *Datasource) logs(ctx context.Context, q query.Query) (data.Frames, error) {
	if d.loki == nil {
		return nil, needs(evidence.Loki, "log lines")
	}
	spec := q.Logs
	n := d.narrowLogs(ctx, q, q.Range)
	var fs data.Frames
	switch {
	case n.nowhere:
		fs = frames.LogVolume(nil, time.Second)
		if !spec.Volume {
			fs = data.Frames{frames.Logs(nil, spec.Limit)}
		}
	case spec.Volume:
		step := promql.Step(q.Interval, time.Second, time.Second, q.Range.Duration())
		volume, report := d.loki.Volume(ctx, q.Range, step, n.scope, n.filter)
		if report.Err != nil && len(volume) == 0 {
			return nil, report.Err
		}
		fs = withStore(frames.LogVolume(volume, step), report, "part of the volume")
	default:
		window := q.Range
		if spec.Around != "" {
			window = spec.AroundWindow()
		}
		limit := min(spec.Limit, d.settings.Limits.LogLines)
		lines, report := d.loki.Lines(ctx, window, n.scope, n.filter, limit, loki.Order(spec.Oldest))
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
			d.follow(ctx, frame, q, lineKeys(frame), frames.Follow{Sort: frames.LogTime, Desc: !spec.Oldest, Limit: limit})
		}
		fs = withStore(data.Frames{frame}, report, "the rest of the lines")
	}
	fs[0].AppendNotices(n.notices...)
	return fs, nil
}

// lineKeys are the ids of a frame of lines.
func lineKeys(frame *data.Frame) []string {
	field, _ := frame.FieldByName(frames.LogID)
	keys := make([]string, field.Len())
	for i := range keys {
		keys[i] = field.At(i).(string)
	}
	return keys
}

// narrowed is a query for lines in the words that log streams and lines have.
type narrowed struct {
	scope   vllm.Scope
	filter  loki.LineFilter
	nowhere bool // the scope is of no stream
	notices []data.Notice
}

// narrowLogs says a query for lines in words that streams and lines have. Streams rarely name a model: the metrics of the
// window tell which pods serve it. Engines are told by the lines. What neither tells cannot narrow, and that is said.
func (d *Datasource) narrowLogs(ctx context.Context, q query.Query, window evidence.Window) narrowed {
	spec := q.Logs
	n := narrowed{scope: q.Scope, filter: loki.LineFilter{
		Process: spec.Process, Logger: spec.Logger, RequestID: spec.RequestID, Contains: spec.Contains, Regex: spec.Regex,
		Where: slices.Clone(spec.Where), Stream: spec.Stream,
	}}
	for _, level := range spec.Levels {
		n.filter.Levels = append(n.filter.Levels, vllm.LogLevel(level))
	}
	labels := d.settings.Loki.Labels
	var unsaid []string
	for _, place := range vllm.Places {
		if labels.Of(place) != "" || !q.Scope.Narrows(place) {
			continue
		}
		n.scope = n.scope.Without(place)
		switch place {
		case vllm.Model:
			n.byModel(ctx, d, q.Scope, window)
		case vllm.Engine:
			for _, c := range q.Scope.Of(place) {
				if c.Op == vllm.Is || c.Op == vllm.IsNot {
					n.filter.Where = append(n.filter.Where, c)
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
func (n *narrowed) byModel(ctx context.Context, d *Datasource, scope vllm.Scope, window evidence.Window) {
	const unsaid = "Not narrowed by model: Loki's streams do not name it, and "
	if d.prometheus == nil {
		n.warn(unsaid + "Prometheus, which could tell where it runs, is not configured.")
		return
	}
	targets, calls, err := d.prometheus.Targets(ctx, window)
	if partial := upstream.Trouble(evidence.StoreReport{Store: evidence.Prometheus, Calls: calls}); partial != nil && err == nil {
		n.warn("Pods that serve this model may be missing: %s.", partial)
	}
	if err != nil {
		n.warn(unsaid+"Prometheus could not tell where it runs: %s", err)
		return
	}
	place, of := vllm.Pod, func(t evidence.Target) string { return t.Origin.Pod }
	if d.settings.Loki.Labels.Pod == "" {
		place, of = vllm.Instance, func(t evidence.Target) string { return t.Origin.Instance }
	}
	if d.settings.Loki.Labels.Of(place) == "" {
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
		n.scope.Where = append(slices.Clip(n.scope.Where), vllm.Condition{Key: string(place), Op: vllm.Is, Values: slices.Compact(names)})
	case known:
		n.nowhere = true
		n.notices = append(n.notices, data.Notice{
			Severity: data.NoticeSeverityInfo, Text: "No engine served this model in the range, as far as the metrics know.",
		})
	default:
		n.warn(unsaid+"the metrics do not name the %s that runs it.", place)
	}
}

func (n *narrowed) warn(format string, args ...any) {
	n.notices = append(n.notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: fmt.Sprintf(format, args...)})
}
