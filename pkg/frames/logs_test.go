package frames_test

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	noon   = time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	stdout = map[string]string{"pod": "tiny-0", "stream": "stdout"}
	stderr = map[string]string{"pod": "tiny-0", "stream": "stderr"}
)

// line is one line, so many nanoseconds after noon.
func line(after time.Duration, labels map[string]string, text string) evidence.LogLine {
	return evidence.LogLine{Time: noon.Add(after), Line: text, Labels: labels, Origin: &evidence.Origin{Pod: "tiny-0"}}
}

var lines = []evidence.LogLine{
	line(1, stdout, "(APIServer pid=1) INFO 08-20 12:00:00 [async_llm.py:439] Added request chatcmpl-req-42-9f3c1a7e."),
	line(2, stdout, `INFO:     10.0.0.7:50122 - "POST /v1/chat/completions HTTP/1.1" 200 OK`),
	line(3, stderr, "/venv/lib/x.py:138: FutureWarning: `reduce_op` is deprecated"),
	line(4, stderr, "  wrapper = lookup(value)"),
	line(5, stdout, "(EngineCore_DP1 pid=9) ERROR 08-20 12:00:01 [core.py:900] EngineCore encountered a fatal error.\r"),
	line(6, stdout, "(EngineCore_DP1 pid=9) ERROR 08-20 12:00:01 [core.py:900] Traceback (most recent call last):\r"),
	line(7, stderr, "Process EngineCore:"),
	line(8, stderr, "Traceback (most recent call last):"),
	line(9, stderr, "    raise e"),
	line(10, stderr, "RuntimeError: Worker failed"),
	line(11, stdout, "(APIServer pid=1) WARNING 08-20 12:00:02 [x.py:1] twice at once"),
	line(11, stdout, "(APIServer pid=1) WARNING 08-20 12:00:02 [x.py:1] twice at once"),
}

func TestLogs(t *testing.T) {
	withMetadata := slices.Clone(lines)
	withMetadata[0].Metadata = map[string]string{"detected_level": "info", "pod": "not this one"}
	golden(t, "logs", frames.Logs(withMetadata, 1000))
}

func TestLogsTakesTheLevelThatALineHasOrContinues(t *testing.T) {
	want := []string{
		"info", "info", "warning", "warning", "error", "error", "unknown", "error", "error", "error", "warning", "warning",
	}
	require.Equal(t, want, texts(frames.Logs(lines, 1000), "severity"))

	guessed := slices.Clone(lines)
	for i := range guessed { // Loki's own guess, line by line
		guessed[i].Metadata = map[string]string{"detected_level": fmt.Sprint("level", i)}
	}
	require.Equal(t, want, texts(frames.Logs(guessed, 1000), "severity"), "metadata make no stream of their own")

	backwards := slices.Clone(lines)
	slices.Reverse(backwards)
	slices.Reverse(want)
	require.Equal(t, want, texts(frames.Logs(backwards, 1000), "severity"), "the order of the lines does not matter")
}

func TestLogsGivesEachLineAnIDOfItsOwn(t *testing.T) {
	ids := texts(frames.Logs(lines, 1000), "id")
	require.Equal(t, ids, texts(frames.Logs(lines, 10), "id"), "the same line has the same id again")
	slices.Sort(ids)
	require.Len(t, slices.Compact(ids), len(lines))

	one := line(1, map[string]string{"a": "b"}, "x")
	other := line(1, map[string]string{"a": "b\x00x"}, "")
	require.NotEqual(t, texts(frames.Logs([]evidence.LogLine{one}, 1), "id"), texts(frames.Logs([]evidence.LogLine{other}, 1), "id"),
		"labels and line do not run into each other")
}

func TestLogsOfNothingIsStillALogsFrame(t *testing.T) {
	golden(t, "logs_empty", frames.Logs(nil, 1000))
}

func TestLogVolume(t *testing.T) {
	got := frames.LogVolume([]evidence.LevelVolume{
		{Level: vllm.LevelError, Samples: []evidence.Sample{{UnixMilli: noon.UnixMilli(), Value: 2}}},
		{Level: vllm.LevelInfo, Samples: []evidence.Sample{{UnixMilli: noon.UnixMilli(), Value: 3}, {UnixMilli: noon.Add(time.Minute).UnixMilli(), Value: 4}}},
	}, time.Minute)
	require.Len(t, got, 2)
	golden(t, "log_volume_error", got[0])
	golden(t, "log_volume_info", got[1])

	empty := frames.LogVolume(nil, time.Minute)
	require.Len(t, empty, 1)
	require.Equal(t, data.FrameTypeTimeSeriesMulti, empty[0].Meta.Type)
}

// golden compares a frame with testdata/<name>.jsonc.
func golden(t *testing.T, name string, frame *data.Frame) {
	t.Helper()
	require.DirExists(t, "testdata")
	experimental.CheckGoldenJSONFrame(t, filepath.Join(".", "testdata"), name, frame, *update)
}

// texts gives the cells of a text field.
func texts(frame *data.Frame, name string) (out []string) {
	field, _ := frame.FieldByName(name)
	for i := range field.Len() {
		out = append(out, field.At(i).(string))
	}
	return out
}

func TestWordsThatWereAskedForAreMarkedAsTheyStand(t *testing.T) {
	frame := frames.Logs(nil, 10)
	frames.Highlight(frame, "", "throughput: (1.5)")
	require.Equal(t, []string{`throughput: \(1\.5\)`}, frame.Meta.Custom.(map[string]any)["searchWords"])
	plain := frames.Logs(nil, 10)
	frames.Highlight(plain, "", "")
	require.NotContains(t, plain.Meta.Custom, "searchWords")
}
