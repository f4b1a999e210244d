package frames

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// Fields of a line that others than Grafana look for: its time, and what tells it from all others.
const (
	LogTime = "timestamp"
	LogID   = "id"
)

// Logs is Grafana's log-lines frame: the five fields that it knows by name, then what vLLM's own form tells, which a line's
// details show. The lines come in the order of time, upwards or downwards; limit is how many were asked for.
func Logs(lines []evidence.LogLine, limit int) *data.Frame {
	n := len(lines)
	timestamp, body, severity, id := make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n)
	labels := make([]json.RawMessage, n)
	requestID, engine, process, logger := make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n)

	var ids lineIDs
	for i, l := range lines {
		timestamp[i], body[i], labels[i] = l.Time, strings.TrimRight(l.Line, "\r\n"), labelsJSON(l.Labels, l.Metadata)
		id[i] = ids.next(l, labels[i])
	}
	var levels severities
	for _, i := range upwards(lines) { // a line's level may be that of the line before it
		event := vllm.ParseLogLine(lines[i].Line)
		severity[i] = string(levels.of(event, lines[i].Labels))
		requestID[i], engine[i], process[i], logger[i] = text(event.External), text(event.Engine), text(event.Process), text(event.Logger)
	}
	frame := data.NewFrame("logs",
		data.NewField(LogTime, nil, timestamp),
		data.NewField("body", nil, body),
		data.NewField("severity", nil, severity),
		data.NewField(LogID, nil, id),
		data.NewField("labels", nil, labels),
		data.NewField("request_id", nil, requestID),
		data.NewField("engine", nil, engine),
		data.NewField("process", nil, process),
		data.NewField("logger", nil, logger),
	)
	custom := map[string]any{"limit": limit}
	if names := streamLabels(lines); len(names) > 0 {
		custom["streamLabels"] = names
	}
	return frame.SetMeta(&data.FrameMeta{
		Type: data.FrameTypeLogLines, TypeVersion: dataplane, PreferredVisualization: data.VisTypeLogs, Custom: custom,
	})
}

// Highlight marks words in the lines of a log-lines frame: those that were asked for.
func Highlight(frame *data.Frame, words ...string) {
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	if custom, ok := frame.Meta.Custom.(map[string]any); ok && len(words) > 0 {
		quoted := make([]string, len(words))
		for i, word := range words {
			quoted[i] = regexp.QuoteMeta(word) // Grafana takes them for expressions
		}
		custom["searchWords"] = quoted
	}
}

// streamLabels are the names of the labels that tell one stream from another, sorted. A line's labels also have what the
// line brought itself (structured metadata), by which no stream can be found.
func streamLabels(lines []evidence.LogLine) []string {
	names := map[string]bool{}
	var last map[string]string
	for _, line := range lines {
		if maps.Equal(line.Labels, last) {
			continue
		}
		last = line.Labels
		for name := range line.Labels {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// text is null for what is not known.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// labelsJSON writes a stream's labels and a line's structured metadata as one object; a label wins over metadata of its
// name.
func labelsJSON(labels, metadata map[string]string) json.RawMessage {
	all := make(map[string]string, len(labels)+len(metadata))
	for _, source := range [...]map[string]string{metadata, labels} {
		for name, value := range source {
			all[name] = value
		}
	}
	out, err := json.Marshal(all) // sorted by name, so that equal labels are equal text
	if err != nil {
		return json.RawMessage("{}") // cannot be: names and values are text
	}
	return out
}

// lineIDs makes ids that are the same whenever the same lines are asked for: Grafana keys rows by them, and permalinks hold
// them. Lines that are alike in everything are counted.
type lineIDs struct{ seen map[string]int }

func (ids *lineIDs) next(l evidence.LogLine, labels json.RawMessage) string {
	hash := fnv.New64a()
	_, _ = hash.Write(labels) // a hash never fails
	_, _ = hash.Write([]byte{0})
	_, _ = hash.Write([]byte(l.Line))
	id := strconv.FormatInt(l.Time.UnixNano(), 10) + "_" + strconv.FormatUint(hash.Sum64(), 16)
	if ids.seen == nil {
		ids.seen = make(map[string]int)
	}
	n := ids.seen[id]
	ids.seen[id] = n + 1
	if n > 0 {
		id += "_" + strconv.Itoa(n)
	}
	return id
}

// upwards lists the lines' places from the oldest to the newest.
func upwards(lines []evidence.LogLine) []int {
	n := len(lines)
	places := make([]int, n)
	downwards := n > 1 && lines[0].Time.After(lines[n-1].Time)
	for i := range places {
		places[i] = i
		if downwards {
			places[i] = n - 1 - i
		}
	}
	return places
}

// severities remembers the last severity of each stream and process.
type severities struct{ last map[string]vllm.LogLevel }

// of gives the level of a line, upwards in time: its own; for what Python itself writes without a head, that of an error
// or a warning; for an indented line that of the line it continues.
func (s *severities) of(e vllm.LogEvent, stream map[string]string) vllm.LogLevel {
	key := string(labelsJSON(stream, nil)) + e.Process
	level := e.Level
	switch {
	case level != vllm.LevelUnknown:
	case e.Error != "" || strings.HasPrefix(e.Message, "Traceback (most recent call last):"):
		level = vllm.LevelError
	case strings.Contains(e.Message, "Warning: "): // path.py:138: FutureWarning: …
		level = vllm.LevelWarning
	case e.Kind == vllm.LogTraceback:
		if before, ok := s.last[key]; ok {
			level = before
		}
	}
	if s.last == nil {
		s.last = make(map[string]vllm.LogLevel)
	}
	s.last[key] = level
	return level
}

// severityColors are those that Grafana's own logs use.
var severityColors = map[vllm.LogLevel]string{
	vllm.LevelCritical: "purple", vllm.LevelError: "red", vllm.LevelWarning: "yellow", vllm.LevelInfo: "green",
	vllm.LevelDebug: "blue", vllm.LevelUnknown: "gray",
}

// LogVolume is one series of counts for each level, as bars on top of each other.
func LogVolume(volume []evidence.LevelVolume, step time.Duration) data.Frames {
	var out data.Frames
	for _, v := range volume {
		times, counts := make([]time.Time, len(v.Samples)), make([]float64, len(v.Samples))
		for i, s := range v.Samples {
			times[i], counts[i] = time.UnixMilli(s.UnixMilli).UTC(), s.Value
		}
		timeField := data.NewField(data.TimeSeriesTimeFieldName, nil, times)
		timeField.SetConfig(&data.FieldConfig{Interval: stepMilliseconds(step)})
		count := data.NewField(data.TimeSeriesValueFieldName, data.Labels{"level": string(v.Level)}, counts)
		count.SetConfig(&data.FieldConfig{
			DisplayNameFromDS: string(v.Level),
			Color:             map[string]any{"mode": "fixed", "fixedColor": severityColors[v.Level]},
			Custom: map[string]any{
				"drawStyle": "bars", "fillOpacity": 100, "lineWidth": 0, "pointSize": 0,
				"stacking": map[string]any{"mode": "normal", "group": "A"},
			},
		})
		out = append(out, data.NewFrame(string(v.Level), timeField, count).SetMeta(seriesMeta()))
	}
	return orEmpty(out, seriesMeta())
}
