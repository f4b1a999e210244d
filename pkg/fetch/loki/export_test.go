package loki

import "github.com/llmserving/grafana-vllm-datasource/pkg/vllm"

// What tests outside of the package compare queries with.
const (
	LevelCapture       = levelCapture
	RecordLevelCapture = recordLevelCapture
)

// LinePatterns are the expressions of one line's own words.
var LinePatterns = map[string]func(string) string{"process": processPattern, "logger": loggerPattern, "engine": enginePattern}

// LevelPattern is the expression that finds lines of these levels.
func LevelPattern(levels ...vllm.LogLevel) string {
	pattern, _ := levelPattern(levels)
	return pattern
}
