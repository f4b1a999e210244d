package vllm

import (
	"encoding/json"
	"strings"
)

// jsonRecord holds the keys that JSON formatters use: python-json-logger with its default and its usual renamed fields,
// and Docker's json-file driver, whose "log" is a whole line.
type jsonRecord struct {
	Message  string `json:"message"`
	Msg      string `json:"msg"`
	Log      string `json:"log"`
	Level    any    `json:"level"`
	LevelStr any    `json:"levelname"`
	Severity any    `json:"severity"`
	Name     string `json:"name"`
	Logger   string `json:"logger"`
	File     string `json:"filename"`
	Line     int    `json:"lineno"`
	PID      int    `json:"process"`
	Process  string `json:"vllm_process_name"` // since 0.32; Python's own processName is MainProcess there
	ExcInfo  string `json:"exc_info"`
	Asctime  any    `json:"asctime"`
	Time     any    `json:"time"`
	Stamp    any    `json:"timestamp"`
}

// takeJSON takes a line that is a JSON object, or what is one behind vLLM's process prefix. As documented, vLLM's JSON
// logging gives {"message": …} alone, without level or time.
func (e *LogEvent) takeJSON(s string) bool {
	if s == "" || s[0] != '{' {
		return false
	}
	var r jsonRecord
	if err := json.Unmarshal([]byte(s), &r); err != nil {
		return false // cut off, or not JSON at all: the text itself is all there is
	}
	text := firstOf(r.Message, r.Msg, r.Log)
	if text == "" {
		return false
	}
	text = e.takeProcess(stripANSI(strings.TrimRight(text, "\r\n")))
	if !e.takeHead(text) && !e.takeUvicornHead(text) {
		e.Message = text
	}
	for _, level := range [...]any{r.LevelStr, r.Level, r.Severity} {
		if word, ok := level.(string); ok && e.Level == LevelUnknown {
			e.Level = ParseLogLevel(word)
		}
	}
	for _, clock := range [...]any{r.Asctime, r.Stamp, r.Time} {
		if text, ok := clock.(string); ok && e.Clock == "" {
			e.Clock = text
		}
	}
	if e.Logger == "" {
		e.Logger, e.Line = firstOf(r.File, r.Name, r.Logger), r.Line
	}
	if e.Process == "" {
		e.Process, e.PID = r.Process, r.PID
	}
	if r.ExcInfo != "" {
		_, e.Error, _ = cutLast(strings.TrimRight(r.ExcInfo, "\n"), "\n") // the traceback's last line is the exception
	}
	return true
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// cutLast cuts s around the last sep; without sep all of it is after.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
