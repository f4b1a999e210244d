package query

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// LogsSpec asks for vLLM log lines, newest first unless Oldest.
type LogsSpec struct {
	Levels    []string `json:"levels,omitempty"`
	Process   string   `json:"process,omitempty"`
	Logger    string   `json:"logger,omitempty"`
	RequestID string   `json:"requestId,omitempty"`
	Contains  string   `json:"contains,omitempty"`
	Regex     string   `json:"regex,omitempty"`
	Limit     int      `json:"limit,omitempty"`
	Oldest    bool     `json:"oldest,omitempty"`
	Volume    bool     `json:"volume,omitempty"` // counts by level over time instead of lines
	Live      bool     `json:"live,omitempty"`   // the answer goes on as a stream
	// Where compares the process, the logger and Loki's labels, those of streams and those of single lines.
	Where []vllm.Condition `json:"where,omitempty"`
	// Stream keeps to the streams that have all of these labels.
	Stream map[string]string `json:"stream,omitempty"`
	// Around is the time of a line, in nanoseconds since the epoch: the lines next to it are wanted, before it or, with
	// Oldest, after it, itself included, whatever the range of the query is.
	Around string `json:"around,omitempty"`
}

// logWord is what process, logger and level names are made of.
var logWord = regexp.MustCompile(`^[A-Za-z0-9_.:/-]{0,128}$`)

// LogWord reports whether a logs query takes a text as the name of a process or a logger.
func LogWord(text string) bool { return logWord.MatchString(text) }

func (s *LogsSpec) check() error {
	if s.Limit < 0 {
		return wrong("logs.limit", "%d is negative", s.Limit)
	}
	if s.Limit == 0 {
		s.Limit = DefaultLines
	}
	if s.RequestID != "" && !vllm.ComparableRequestID(s.RequestID) {
		return wrong("logs.requestId", "%q is not a request id", clip(s.RequestID))
	}
	if !logWord.MatchString(s.Process) {
		return wrong("logs.process", "%q is not a process name such as EngineCore_DP0", clip(s.Process))
	}
	if !logWord.MatchString(s.Logger) {
		return wrong("logs.logger", "%q is not a file name such as async_llm.py", clip(s.Logger))
	}
	for _, level := range s.Levels {
		switch vllm.LogLevel(level) {
		case vllm.LevelDebug, vllm.LevelInfo, vllm.LevelWarning, vllm.LevelError, vllm.LevelCritical, vllm.LevelUnknown:
		default:
			return wrong("logs.levels", "%q is none of debug, info, warning, error, critical, unknown", clip(level))
		}
	}
	if err := checkText(s.Contains); err != nil {
		return &FieldError{"logs.contains", err}
	}
	if err := checkText(s.Regex); err != nil {
		return &FieldError{"logs.regex", err}
	}
	if _, err := regexp.Compile(s.Regex); err != nil {
		return &FieldError{"logs.regex", err}
	}
	return s.checkPlace()
}

// lokiLabel is what Loki takes for the name of a label.
var lokiLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,127}$`)

// checkPlace checks which streams and lines are asked for by label, and around which time.
func (s *LogsSpec) checkPlace() error {
	if err := checkConditions("logs.where", s.Where, func(c vllm.Condition) error {
		if !lokiLabel.MatchString(c.Key) {
			return fmt.Errorf("%q is no label", clip(c.Key))
		}
		if whole := c.Op == vllm.Is || c.Op == vllm.IsNot; !whole && (c.Key == "process" || c.Key == "logger") {
			return fmt.Errorf("op %q does not apply to %s (use =, !=; or an expression over the whole line)", c.Op, c.Key)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(s.Stream) > MaxFilters {
		return wrong("logs.stream", "%d labels are more than %d", len(s.Stream), MaxFilters)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Stream)) { // the same mistake is named each time
		value := s.Stream[name]
		if !lokiLabel.MatchString(name) {
			return wrong("logs.stream", "%q is no label", clip(name))
		}
		if err := checkText(value); err != nil {
			return &FieldError{"logs.stream", err}
		}
	}
	if _, err := strconv.ParseUint(s.Around, 10, 62); s.Around != "" && (err != nil || s.AroundWindow().Askable() != nil) {
		return wrong("logs.around", "%q is no time in nanoseconds since the epoch", clip(s.Around))
	}
	return nil
}

// AroundWindow is where the lines next to the one at Around are looked for, its own nanosecond included.
func (s *LogsSpec) AroundWindow() evidence.Window {
	nanoseconds, _ := strconv.ParseInt(s.Around, 10, 64) // checked
	at := time.Unix(0, nanoseconds).UTC()
	if s.Oldest {
		return evidence.Window{From: at, To: at.Add(AroundReach)}
	}
	return evidence.Window{From: at.Add(-AroundReach), To: at.Add(1)}
}
