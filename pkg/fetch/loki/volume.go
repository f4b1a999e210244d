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
	"github.com/llmserving/grafana-vllm-datasource/pkg/memory"
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
		volumes, err = decodeVolume(ctx, body, step)
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
func decodeVolume(ctx context.Context, body []byte, step time.Duration) ([]evidence.LevelVolume, error) {
	a := newAnswer(body)
	a.ctx = ctx
	defer a.close()
	counts := map[vllm.LogLevel]map[int64]float64{}
	err := a.result("matrix", func(it *jsoniter.Iterator) bool {
		var metric, values []byte
		it.ReadObjectCB(func(it *jsoniter.Iterator, field string) bool {
			switch field {
			case "metric":
				metric = it.SkipAndReturnBytes()
			case "values":
				values = it.SkipAndReturnBytes()
			default:
				it.Skip()
			}
			return it.Error == nil
		})
		if it.Error != nil {
			return false
		}
		cost := costOfLabels(metric)
		if !a.charge(cost) {
			return false
		}
		var labels map[string]string
		if len(metric) > 0 && jsoniter.ConfigDefault.Unmarshal(metric, &labels) != nil {
			a.invalid = errNotJSON
			return false
		}
		level := levelOf(labels)
		memory.Of(ctx).Give(int64(cost))
		if counts[level] == nil {
			counts[level] = map[int64]float64{}
		}
		a.invalid = addPoints(counts[level], values, step)
		return a.invalid == nil
	})
	if err != nil {
		return nil, err
	}
	return byLevel(counts), nil
}

// mostPoints is how many steps a level has at most: those asked for, and what stores with a grid of their own add.
const mostPoints = 2 * maxVolumeSteps

// addPoints reads [[<seconds>, "<count>"], …].
func addPoints(counts map[int64]float64, values []byte, step time.Duration) (invalid error) {
	it := jsoniter.ConfigDefault.BorrowIterator(values)
	defer jsoniter.ConfigDefault.ReturnIterator(it)
	it.ReadArrayCB(func(it *jsoniter.Iterator) bool {
		var seconds, count float64
		n := 0
		for ; it.ReadArray(); n++ {
			switch n {
			case 0:
				seconds = it.ReadFloat64()
			case 1:
				var err error
				if count, err = strconv.ParseFloat(string(it.ReadStringAsSlice()), 64); err != nil {
					invalid = errTime
				}
			default:
				it.Skip()
			}
			if it.Error != nil || invalid != nil {
				break
			}
		}
		if it.Error != nil || invalid != nil || n < 2 {
			invalid = cmp.Or(invalid, errTime)
			return false
		}
		counts[int64(math.Round(seconds*1000))-step.Milliseconds()] += count
		if len(counts) > mostPoints {
			invalid = errUnasked
		}
		return invalid == nil
	})
	return invalid
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
