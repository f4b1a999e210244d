package vllm_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// TestParseLogLineReadsWhatARealEngineWrote holds the parser against recordings of real engines, whose lines outdo any
// invented ones: ids of the length of a page, ids with quotes, outputs of random bytes.
func TestParseLogLineReadsWhatARealEngineWrote(t *testing.T) {
	for name, lines := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			external := map[string]bool{}
			var internal []vllm.LogEvent
			for _, line := range lines {
				e := vllm.ParseLogLine(line)
				switch e.Kind {
				case vllm.LogReceived:
					external[e.External] = true
					if strings.Contains(e.Message, "SamplingParams(") { // tokenize has params: None
						require.Positive(t, e.MaxTokens, line)
					}
				case vllm.LogAdded:
					internal = append(internal, e)
				case vllm.LogFailed, vllm.LogOutOfMemory, vllm.LogEngineDead:
					require.NotEmpty(t, e.Error, line)
				case vllm.LogStats:
					_, ok := vllm.ParseEngineStats(e.Message)
					require.Equal(t, strings.Contains(line, "Avg prompt "), ok, line)
				}
				require.NotContains(t, e.Message, "\x1b[", "colours are gone")
			}
			for _, e := range internal {
				if !external[e.External] && !beam(e.External) {
					t.Errorf("added as %s, which nobody received as %s", e.RequestID, e.External)
				}
			}
			if len(external) > 0 {
				require.NotEmpty(t, internal)
			}
		})
	}
}

// beam reports whether an id is one that beam search makes up for each beam: no request of a client's.
func beam(id string) bool { return strings.Contains(id, "-beam-") }

// recordings gives the log lines of every recorded engine, by the name of the recording.
func recordings(t testing.TB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, pattern := range []string{"*/logs.jsonl", "*/variants/*/logs.jsonl"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "tools", "recordings", pattern))
		require.NoError(t, err)
		for _, file := range files {
			out[filepath.Base(filepath.Dir(file))] = readLines(t, file)
		}
	}
	require.NotEmpty(t, out)
	return out
}

func readLines(t testing.TB, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var lines []string
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<22) // a line holds a whole prompt
	for scanner.Scan() {
		var record struct {
			Line string `json:"line"`
		}
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &record))
		lines = append(lines, record.Line)
	}
	require.NoError(t, scanner.Err())
	return lines
}
