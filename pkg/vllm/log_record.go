package vllm

import (
	"path"
	"strconv"
	"strings"
)

// record is what a structured line tells: a JSON object or logfmt, written by a Python logger or by a shipper. The names of the
// fields are those of many programs. A field of another type than expected tells nothing, and never costs the line.
type record struct {
	text     string // the message, or the whole line that a shipper wrapped
	textRank int    // which field it is from; 0 = none, the lower the better

	level             LogLevel
	levelRank         int
	file, name        string // of the log call, of the logger
	process, exc      string
	clock             string
	clockRank         int
	errType, errText  string
	line, pid         int
	cut, continuation bool
	logfmt            bool
}

// textRanks are the fields that hold a message, the most trusted first. Those of a logger come before those of a shipper: where
// both are there, the shipper has read the logger's record itself.
var textRanks = rankOf(
	"message", "msg", "short_message", "@m", "renderedmessage", "log", "event", "body", "text", "textpayload", "@message",
	"_entry", "logmessage", "logentry", "line", "log.original", "event.original", "full_message", "content", "_raw", "raw",
)

// levelRanks are the fields with a level: from severity on they are a shipper's, who often knows no better than the stream.
var levelRanks = rankOf("levelname", "level", "log.level", "loglevel", "log_level", "lvl", "@l", "level_name", "severity", "severitytext", "severity_text")

// clockRanks are the fields with a time that is written as text, the logger's before a shipper's.
var clockRanks = rankOf("asctime", "timestamp", "@timestamp", "time", "ts", "record.time.repr")

func rankOf(names ...string) map[string]int {
	ranks := make(map[string]int, len(names))
	for i, name := range names {
		ranks[name] = i + 1
	}
	return ranks
}

// transparent are the fields whose objects are records themselves: what stands in them counts as if it stood beside.
var transparent = map[string]bool{
	"record": true, "fields": true, "jsonpayload": true, "body": true, "event": true, "message": true, "msg": true, "data": true,
	"payload": true, "logmessage": true, "log": true, "log_processed": true, "attributes": true,
}

// ofLog are the parts of ECS' own object log; in other records, log is the logger's own record.
var ofLog = map[string]bool{"level": true, "logger": true, "origin": true, "original": true, "file": true, "logtag": true}

// inObject is the name of a field that stands in the object of another.
func inObject(object, field string) string {
	switch {
	case field == "stringvalue" || field == "string_value": // OpenTelemetry's any-value
		return object
	case transparent[object] && !(object == "log" && ofLog[field]) && !(object == "event" && field == "original"):
		return field
	}
	return object + "." + field
}

// maxNesting bounds how deep objects are looked into.
const maxNesting = 4

// take takes one field, whose name is in lower case.
func (r *record) take(name string, v value, depth int) {
	switch {
	case v.kind != 'o' && v.kind != 'a':
		r.takeScalar(name, v)
	case name == "exc_info" || name == "exception" || name == "traceback" || name == "stack_trace":
		r.takeTraceback(v)
	case v.kind == 'a':
		if name == "message" { // journald writes text that is not printable as numbers
			r.takeText(name, bytesOf(v))
		}
	case depth < maxNesting:
		members(v.raw, func(field string, inner value) { r.take(inObject(name, field), inner, depth+1) })
	}
}

func (r *record) takeText(name, text string) {
	rank, ok := textRanks[name]
	if !ok || text == "" || r.textRank != 0 && rank >= r.textRank {
		return
	}
	r.text, r.textRank = text, rank
}

func (r *record) takeLevel(name string, level LogLevel) {
	rank, ok := levelRanks[name]
	if !ok || level == LevelUnknown || r.levelRank != 0 && rank >= r.levelRank {
		return
	}
	r.level, r.levelRank = level, rank
}

func (r *record) takeScalar(name string, v value) {
	if v.kind == 's' {
		if _, ok := textRanks[name]; ok {
			r.takeText(name, v.text())
			r.cut = r.cut || v.cut
			return
		}
		if _, ok := levelRanks[name]; ok {
			r.takeLevel(name, ParseLogLevel(strings.TrimSpace(v.text())))
			return
		}
	}
	if rank, ok := clockRanks[name]; ok && v.kind == 's' && (r.clockRank == 0 || rank < r.clockRank) {
		r.clock, r.clockRank = v.text(), rank
		return
	}
	switch name {
	case "level.name":
		r.takeLevel("level", ParseLogLevel(v.text()))
	case "levelno": // Python's
		r.takeLevel("level", numberedLevel(v.number(), 20, 30, 40, 50))
	case "severitynumber", "severity_number": // OpenTelemetry's
		r.takeLevel("severitytext", numberedLevel(v.number(), 9, 13, 17, 21))
	case "filename", "file", "file.name", "pathname", "code.filepath", "code.file.path", "log.origin.file.name", "sourcelocation.file",
		"logging.googleapis.com/sourcelocation.file":
		if v.kind == 's' && r.file == "" {
			r.file = fileName(v.text())
		}
	case "caller":
		if file, line, ok := cutPlace(v.text()); ok && r.file == "" {
			r.file, r.line = fileName(file), line
		}
	case "lineno", "line", "line_number", "code.lineno", "code.line.number", "log.origin.file.line", "sourcelocation.line",
		"logging.googleapis.com/sourcelocation.line":
		if n := v.number(); n > 0 {
			r.line = n
		}
	case "name", "logger", "logger.name", "log.logger", "logger_name", "loggername", "target", "otel.scope.name":
		if v.kind == 's' && r.name == "" {
			r.name = v.text()
		}
	case "vllm_process_name":
		if v.kind == 's' {
			r.process = v.text()
		}
	case "process", "process.pid", "process.id", "pid", "process_id", "processid", "_pid":
		if n := v.number(); n > 0 {
			r.pid = n
		} else if text := v.text(); name == "process" && v.kind == 's' && ownProcess(text) {
			r.process = text
		}
	case "processname", "process_name", "process.name":
		if text := v.text(); v.kind == 's' && r.process == "" && ownProcess(text) {
			r.process = text
		}
	case "exc_info", "exc_text", "exception", "stack_trace", "stacktrace", "traceback", "error.stack_trace":
		if v.kind == 's' {
			r.exc = lastLine(v.text())
		}
	case "error.type":
		r.errType = v.text()
	case "error.message":
		r.errText = v.text()
	case "logtag", "log.logtag", "_p": // of the container runtime: P begins or goes on with a line, F ends it
		r.cut = r.cut || v.text() == "P"
	case "_partial", "partial_message", "container_partial_message":
		r.cut = r.cut || v.text() == "true"
	case "partial_last", "container_partial_last":
		r.cut = r.cut || v.text() == "false"
	case "partial_ordinal", "container_partial_ordinal":
		r.continuation = r.continuation || v.number() > 1
	case "_line_break":
		r.cut = r.cut || v.text() == "line-max"
	}
}

// takeTraceback takes the last line of a traceback that is an array of lines, or of exceptions as structlog writes them.
func (r *record) takeTraceback(v value) {
	if v.kind == 'o' { // loguru
		v = value{kind: 'a', raw: "[" + v.raw + "]"}
	}
	elements(v.raw, func(element value) {
		switch element.kind {
		case 's':
			if line := lastLine(element.text()); line != "" {
				r.exc = line
			}
		case 'o':
			var class, text string
			members(element.raw, func(key string, inner value) {
				switch key {
				case "exc_type", "type":
					class = inner.text()
				case "exc_value", "value":
					text = inner.text()
				}
			})
			if class != "" {
				r.exc = class + ": " + text
			}
		}
	})
}

// giveTo hands what the record tells to the event, where it tells; what stands within the text is taken later and counts more.
func (r *record) giveTo(e *LogEvent) {
	if r.level != LevelUnknown && r.level != "" {
		e.Level, e.hearsay = r.level, r.logfmt || r.levelRank >= levelRanks["severity"]
	}
	if logger := firstOf(r.file, r.name); logger != "" {
		e.Logger, e.Line = logger, r.line
	}
	if r.clock != "" {
		e.Clock = r.clock
	}
	if r.process != "" {
		e.Process = r.process
	}
	if r.pid != 0 {
		e.PID = r.pid
	}
	if r.exc == "" && r.errType != "" {
		r.exc = r.errType + ": " + r.errText
	}
	if r.exc != "" {
		e.Exception = r.exc
	}
	e.Cut = e.Cut || r.cut || r.continuation
}

// ownProcess reports whether a process has a name of vLLM's. Python's and a shipper's own names for it tell nothing.
func ownProcess(name string) bool {
	for _, prefix := range [...]string{"APIServer", "ApiServer", "EngineCore", "DPEngineCore", "Worker", "VllmWorker", "RayWorker", "DPCoordinator", "DPSupervisor"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// numberedLevel reads a level that is a number, by the least number of each level from information on.
func numberedLevel(n, info, warning, err, critical int) LogLevel {
	switch {
	case n <= 0:
		return LevelUnknown
	case n < info:
		return LevelDebug
	case n < warning:
		return LevelInfo
	case n < err:
		return LevelWarning
	case n < critical:
		return LevelError
	}
	return LevelCritical
}

// fileName is a file as vLLM's own lines name it: without the folders of an absolute path.
func fileName(file string) string {
	if strings.HasPrefix(file, "/") {
		return path.Base(file)
	}
	return file
}

// cutPlace cuts "file:line".
func cutPlace(place string) (file string, line int, ok bool) {
	colon := strings.LastIndexByte(place, ':')
	if colon <= 0 {
		return "", 0, false
	}
	line, err := strconv.Atoi(place[colon+1:])
	return place[:colon], line, err == nil && line >= 0
}

// lastLine is the last line of a text that is not blank: of a traceback the exception.
func lastLine(text string) string {
	text = strings.TrimRight(text, "\r\n \t")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
