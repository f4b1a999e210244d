package vllm_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

var update = flag.Bool("update", false, "rewrite what is read of the lines in testdata/lines.txt")

const samplesFile = "testdata/lines.txt"

// sample is one line of testdata/lines.txt and what the file says is read of it.
type sample struct{ line, want string }

func samples(t testing.TB) (all []sample) {
	t.Helper()
	content, err := os.ReadFile(samplesFile)
	require.NoError(t, err)
	for block := range strings.SplitSeq(strings.TrimSpace(string(content)), "\n\n") {
		line, want, _ := strings.Cut(block, "\n")
		if !strings.HasPrefix(line, "#") || strings.HasPrefix(line, "#033") {
			all = append(all, sample{line, want})
		}
	}
	require.NotEmpty(t, all)
	return all
}

// reading is what is read of a line, as the file has it.
func reading(line string) string {
	e := vllm.ParseLogLine(line)
	out := "= " + describe(e) + "\n> " + e.Message
	if names := told(line); len(names) > 0 {
		out += "\n! " + strings.Join(names, ", ")
	}
	return out
}

func TestLinesOfOtherPeoplesProgramsAreRead(t *testing.T) {
	if *update {
		content, err := os.ReadFile(samplesFile)
		require.NoError(t, err)
		blocks := strings.Split(strings.TrimSpace(string(content)), "\n\n")
		for i, block := range blocks {
			if line, _, _ := strings.Cut(block, "\n"); !strings.HasPrefix(line, "#") || strings.HasPrefix(line, "#033") {
				blocks[i] = line + "\n" + reading(line)
			}
		}
		require.NoError(t, os.WriteFile(samplesFile, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o600))
	}
	for _, s := range samples(t) {
		require.Equal(t, s.want, reading(s.line), s.line)
	}
}

// TestAStoreSoundsTheAlarmsThatTheParserReads holds the filters, which stores run as alerts, to the parser: over all samples, and
// over what real engines wrote.
func TestAStoreSoundsTheAlarmsThatTheParserReads(t *testing.T) {
	var lines []string
	for _, s := range samples(t) {
		lines = append(lines, s.line)
	}
	for _, recorded := range recordings(t) {
		lines = append(lines, recorded...)
	}
	sounded := map[string]int{}
	for _, line := range lines {
		require.Equal(t, told(line), filtered(line), line)
		for _, name := range told(line) {
			sounded[name]++
		}
	}
	require.Len(t, sounded, len(alarms), "each has a line: %v", sounded)
}
