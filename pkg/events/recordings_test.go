package events_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// TestWhatARealEngineWentThrough reads the lines of recorded engines, each of which was started, and then stopped, killed,
// paused, or kept from starting. RECORDING.md says what was done to which.
func TestWhatARealEngineWentThrough(t *testing.T) {
	const recordings = "../../tools/recordings/"
	started, stopped := "Server ready", "Server told to stop"
	for name, want := range map[string][]string{
		"vllm-0.13.0":                        {started, stopped},
		"vllm-0.32.0":                        {started, stopped},
		"vllm-0.32.0/variants/admission":     {started, stopped},
		"vllm-0.32.0/variants/api-servers":   {started, stopped}, // two API servers
		"vllm-0.32.0/variants/data-parallel": {started, stopped}, // two engines
		"vllm-0.32.0/variants/debug":         {started, stopped}, // coloured
		"vllm-0.32.0/variants/defaults":      {started, stopped},
		"vllm-0.32.0/variants/errors":        {started, "Engine died"},
		"vllm-0.32.0/variants/json-logs":     {started, stopped},
		"vllm-0.32.0/variants/pause":         {started, "Engine paused", "Engine resumed", stopped},
		"vllm-0.32.0/variants/start-failure": {"Engine did not start: out of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := recorded(t, recordings+name)
			window := evidence.Window{From: lines[0].Time, To: lines[len(lines)-1].Time.Add(time.Second)}
			var titles []string
			for _, e := range events.Derive(events.Input{Window: window, Lines: lines}).Events {
				titles = append(titles, e.Title)
				require.NotEmpty(t, e.Text)
			}
			require.Equal(t, want, titles)
		})
	}
}

// recorded are the lines of a recording that tell of events.
func recorded(t *testing.T, folder string) (lines []evidence.EngineLine) {
	t.Helper()
	file, err := os.Open(filepath.Join(filepath.FromSlash(folder), "logs.jsonl"))
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	origin := &evidence.Origin{Pod: "tiny-0"}
	reader := bufio.NewScanner(file)
	reader.Buffer(nil, 1<<20)
	for reader.Scan() {
		var record struct {
			Time int64  `json:"ts_ns"`
			Line string `json:"line"`
		}
		require.NoError(t, json.Unmarshal(reader.Bytes(), &record))
		parsed := vllm.ParseLogLine(record.Line)
		lines = append(lines, evidence.NewEngineLines(time.Unix(0, record.Time), origin, &parsed)...)
	}
	require.NoError(t, reader.Err())
	require.NotEmpty(t, lines)
	return lines
}
