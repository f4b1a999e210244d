package loki

import (
	"cmp"
	"context"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	jsoniter "github.com/json-iterator/go"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// maxVolumeSteps bounds the bars of a volume, which no screen shows more of. Loki's own ceiling is 11,000.
const maxVolumeSteps = 1000

// Volume counts the window's lines by level, step by step, levels in the order of their weight. A step that would give too
// many bars is widened. A request's lines are read and counted: only their reading settles whose they are.
func (c *Client) Volume(ctx context.Context, window evidence.Window, step time.Duration, scope vllm.Scope, filter LineFilter) ([]evidence.LevelVolume, evidence.StoreReport) {
	report := evidence.StoreReport{Store: evidence.Loki, Configured: true}
	if window.Duration() <= 0 {
		return nil, report
	}
	step = volumeStep(window.Duration(), step)
	if filter.RequestID != "" {
		lines, report := c.Lines(ctx, window, scope, filter, c.limits.LogLines, OldestFirst)
		return countLines(lines, window, step), report
	}
	logql := volumeQuery(lineQuery(c.selector.within(scope, c.labels).of(filter.Stream), filter), step)
	params := url.Values{
		"query": {logql},
		// A point at t counts what lies between t-step and t: the first is one step into the window.
		"start": {strconv.FormatInt(window.From.Add(step).UnixNano(), 10)},
		"end":   {strconv.FormatInt(window.To.Add(step-1).UnixNano(), 10)},
		"step":  {step.String()},
	}
	var volumes []evidence.LevelVolume
	call, err := c.ask(ctx, "volume", logql, c.api.URL(pathQueryRange, nil), params, func(body []byte) (err error) {
		volumes, err = decodeVolume(body, step)
		return err
	})
	volumes = inWindow(volumes, window, step)
	if len(filter.Levels) > 0 { // a word in a message may have passed for a level
		volumes = slices.DeleteFunc(volumes, func(v evidence.LevelVolume) bool { return !slices.Contains(filter.Levels, v.Level) })
	}
	report.Err = err
	for _, v := range volumes {
		call.Rows += len(v.Samples)
		for _, s := range v.Samples {
			report.Seen += int(s.Value)
		}
	}
	report.Calls = []evidence.Call{call}
	return volumes, report
}

// inWindow leaves out bars of the steps beside the window: Loki moves start and end outwards, by up to a step. A bar that
// reaches into the window by no more than a second is such a one.
func inWindow(volumes []evidence.LevelVolume, window evidence.Window, step time.Duration) []evidence.LevelVolume {
	from, to := window.From.Add(time.Second-step).UnixMilli(), window.To.Add(-time.Second).UnixMilli()
	for i := range volumes {
		volumes[i].Samples = slices.DeleteFunc(volumes[i].Samples, func(s evidence.Sample) bool {
			return s.UnixMilli <= from || s.UnixMilli >= to
		})
	}
	return slices.DeleteFunc(volumes, func(v evidence.LevelVolume) bool { return len(v.Samples) == 0 })
}

// volumeStep is the step asked for, in whole seconds, wide enough for maxVolumeSteps.
func volumeStep(window, step time.Duration) time.Duration {
	step = max(min(step, window), window/maxVolumeSteps, time.Second)
	return (step + time.Second - 1).Truncate(time.Second)
}

// decodeVolume reads a matrix. Levels whose words differ (WARN, WARNING) are added up.
func decodeVolume(body []byte, step time.Duration) ([]evidence.LevelVolume, error) {
	a := newAnswer(body)
	defer a.close()
	counts := map[vllm.LogLevel]map[int64]float64{}
	err := a.result("matrix", func(it *jsoniter.Iterator) bool {
		var series struct {
			Metric map[string]string `json:"metric"`
			Values [][2]any          `json:"values"`
		}
		it.ReadVal(&series)
		level := levelOf(series.Metric)
		if counts[level] == nil {
			counts[level] = map[int64]float64{}
		}
		for _, point := range series.Values {
			seconds, isNumber := point[0].(float64)
			text, isText := point[1].(string)
			count, err := strconv.ParseFloat(text, 64)
			if !isNumber || !isText || err != nil {
				a.invalid = errTime
				return false
			}
			at := int64(math.Round(seconds*1000)) - step.Milliseconds()
			counts[level][at] += count
		}
		return it.Error == nil
	})
	if err != nil {
		return nil, err
	}
	return byLevel(counts), nil
}

// countLines counts lines as decodeVolume reads counts: in steps from the window's beginning, each at its own.
func countLines(lines []evidence.LogLine, window evidence.Window, step time.Duration) []evidence.LevelVolume {
	counts := map[vllm.LogLevel]map[int64]float64{}
	for _, line := range lines {
		level := vllm.ParseLogLine(line.Line).Level
		if counts[level] == nil {
			counts[level] = map[int64]float64{}
		}
		counts[level][window.From.Add(line.Time.Sub(window.From).Truncate(step)).UnixMilli()]++
	}
	return byLevel(counts)
}

// byLevel puts counts in order, of levels and of time.
func byLevel(counts map[vllm.LogLevel]map[int64]float64) []evidence.LevelVolume {
	var out []evidence.LevelVolume
	for _, level := range levelOrder {
		byTime, ok := counts[level]
		if !ok {
			continue
		}
		v := evidence.LevelVolume{Level: level}
		for at, n := range byTime {
			v.Samples = append(v.Samples, evidence.Sample{UnixMilli: at, Value: n})
		}
		slices.SortFunc(v.Samples, func(a, b evidence.Sample) int { return cmp.Compare(a.UnixMilli, b.UnixMilli) })
		out = append(out, v)
	}
	return out
}

var levelOrder = []vllm.LogLevel{
	vllm.LevelCritical, vllm.LevelError, vllm.LevelWarning, vllm.LevelInfo, vllm.LevelDebug, vllm.LevelUnknown,
}
