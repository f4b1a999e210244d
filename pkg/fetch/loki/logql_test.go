package loki

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// TestRequestQueryFindsWhatTheParserReads runs the two filters over what real engines wrote: Loki may find too much, which
// the parser drops, but never too little.
func TestRequestQueryFindsWhatTheParserReads(t *testing.T) {
	requests, tokens := regexp.MustCompile(requestLines), regexp.MustCompile(tokenLines)
	counted := map[string]int{}
	for _, line := range append(recordedLines(t), otherLines(t)...) {
		e := vllm.ParseLogLine(line)
		named := e.External != "" && e.Kind.NamesRequest()
		perToken := e.Kind == vllm.LogDelta && e.FinishReason == "" || e.Kind == vllm.LogDetails && strings.Contains(line, "(streaming delta)")
		found, dropped := requests.MatchString(line), tokens.MatchString(line)
		switch {
		case named && !found:
			t.Errorf("not found: %s", line)
		case named && !perToken && dropped:
			t.Errorf("dropped: %s", line)
		case perToken && !dropped:
			t.Errorf("a line of a single token is read: %s", line)
		case named && !perToken:
			counted["read"]++
		case perToken:
			counted["dropped"]++
		case found:
			counted["read in vain"]++
		default:
			counted["left"]++
		}
	}
	t.Log(counted)
	require.NotZero(t, counted["read"])
	require.NotZero(t, counted["dropped"])
	require.Less(t, counted["read in vain"], counted["read"]/5, "the filter is worth its cost")
}

// TestVolumeCountsTheParsersLevels holds the expression that Loki takes levels by against the parser.
func TestVolumeCountsTheParsersLevels(t *testing.T) {
	capture := regexp.MustCompile(levelCapture)
	record := regexp.MustCompile(recordLevelCapture)
	var wrong []string
	lines := append(recordedLines(t), otherLines(t)...)
	for _, line := range lines {
		labels := map[string]string{}
		for _, re := range []*regexp.Regexp{capture, record} {
			if m := re.FindStringSubmatch(line); m != nil {
				for i, name := range re.SubexpNames() {
					labels[name] = m[i]
				}
			}
		}
		level := levelOf(labels)
		if parsed := vllm.ParseLogLine(line).Level; parsed != level {
			wrong = append(wrong, string(parsed)+" is counted as "+string(level)+": "+line)
		}
	}
	// Coloured lines (only on a terminal) have codes between level and date, which Loki would have to take out.
	wrong = removeColoured(wrong)
	require.Empty(t, wrong)
}

// TestLineQueryFindsByTheParsersWords holds the filters of one line's place against the parser.
func TestLineQueryFindsByTheParsersWords(t *testing.T) {
	found, compiled := map[string]int{}, map[string]*regexp.Regexp{}
	for _, line := range append(recordedLines(t), otherLines(t)...) {
		e := vllm.ParseLogLine(line)
		check := func(word, pattern string) {
			if word == "" || strings.HasPrefix(word, "uvicorn.") || strings.Contains(line, "\x1b[") {
				return
			}
			if compiled[pattern] == nil {
				compiled[pattern] = regexp.MustCompile(pattern)
			}
			if !compiled[pattern].MatchString(line) {
				t.Errorf("%s does not find %q in: %s", pattern, word, line)
			}
			found[word]++
		}
		check(e.Process, processPattern(e.Process))
		check(e.Engine, enginePattern(e.Engine))
		if i := strings.LastIndexByte(e.Logger, '/'); i < 0 {
			check(e.Logger, loggerPattern(e.Logger))
		}
	}
	require.Greater(t, len(found), 20)
}

// otherLines are those that pkg/vllm holds of other people's loggers and shippers.
func otherLines(t *testing.T) (lines []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "vllm", "testdata", "lines.txt"))
	require.NoError(t, err)
	for block := range strings.SplitSeq(string(content), "\n\n") {
		line, read, _ := strings.Cut(block, "\n")
		if strings.HasPrefix(read, "= ") && !strings.Contains(line, `"MESSAGE":[`) { // numbers: no text finds it
			lines = append(lines, line)
		}
	}
	require.Greater(t, len(lines), 100)
	return lines
}

// TestTheLevelQueryLosesNoLine holds the filter of a level, which may find too much, against the parser.
func TestTheLevelQueryLosesNoLine(t *testing.T) {
	for level := range levelWords {
		pattern, ok := levelPattern([]vllm.LogLevel{level})
		require.True(t, ok)
		found := regexp.MustCompile(pattern)
		n := 0
		for _, line := range append(recordedLines(t), otherLines(t)...) {
			if vllm.ParseLogLine(line).Level == level && !strings.Contains(line, "\x1b[") {
				require.True(t, found.MatchString(line), "%s does not find %s", pattern, line)
				n++
			}
		}
		t.Log(level, n)
	}
}

func removeColoured(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !strings.Contains(l, "\x1b[") {
			out = append(out, l)
		}
	}
	return out
}

func recordedLines(t *testing.T) (lines []string) {
	t.Helper()
	tokens := 0
	for _, pattern := range []string{"*/logs.jsonl", "*/variants/*/logs.jsonl"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", "tools", "recordings", pattern))
		require.NoError(t, err)
		for _, file := range files {
			f, err := os.Open(file)
			require.NoError(t, err)
			scanner := bufio.NewScanner(f)
			scanner.Buffer(nil, 1<<22) // a line holds a whole prompt
			for scanner.Scan() {
				var record struct {
					Line string `json:"line"`
				}
				require.NoError(t, json.Unmarshal(scanner.Bytes(), &record))
				if strings.Contains(record.Line, "(streaming delta)") {
					if tokens++; tokens%20 != 0 { // thousands of them are all alike
						continue
					}
				}
				lines = append(lines, record.Line)
			}
			require.NoError(t, scanner.Err())
			require.NoError(t, f.Close())
		}
	}
	require.NotEmpty(t, lines)
	return lines
}
