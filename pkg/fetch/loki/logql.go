package loki

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// query is a LogQL log query: streams, then filters over their lines, in the order in which Loki applies them, then
// conditions on labels, which here may also be a line's own (structured metadata).
type query struct {
	selector selector
	filters  []lineFilter
	labels   selector
}

// lineFilter keeps or drops lines; op is one of |= != |~ !~.
type lineFilter struct{ op, text string }

func (q query) String() string {
	var b strings.Builder
	b.WriteString(q.selector.String())
	for _, f := range q.filters {
		b.WriteString(" " + f.op + " " + quote(f.text))
	}
	for _, m := range q.labels {
		b.WriteString(" | " + m.label + m.op + quote(m.value))
	}
	return b.String()
}

func (q *query) contain(text string) { q.filters = append(q.filters, lineFilter{"|=", text}) }

// oneOf keeps lines that contain one of some texts.
func (q *query) oneOf(texts []string) {
	if len(texts) == 1 {
		q.contain(texts[0])
		return
	}
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = regexp.QuoteMeta(text)
	}
	q.match(strings.Join(quoted, "|"))
}

func (q *query) match(expression string) { q.filters = append(q.filters, lineFilter{"|~", expression}) }

func (q *query) drop(expression string) { q.filters = append(q.filters, lineFilter{"!~", expression}) }

// requestLines is what every line about a request has one of, also one that a record wraps: none of these texts has a letter
// that JSON escapes. The last two end lines that hold a client's text: where one that
// was cut ends must be seen. All alternatives are plain text, also where Go's parser puts
// common beginnings together: Loki runs such an expression as a search for substrings, without its regular-expression
// engine. Measured on a real Loki: one character class among them makes the whole query several times slower.
const requestLines = `Received request |Added request |Generated response |Aborted request|Finished request ` +
	`|cmpl-|embd-|resp_| aborted\.| aborted due to | failed|Request id: |request_id=|Reqid: |Preempted request |Resumed request ` +
	`|, finish_reason: |lora_request: `

// tokenLines are the lines that vLLM writes for each streamed token (--enable-log-outputs). They tell nothing but the text,
// except for the last one, which has the finish reason.
//
// The expression begins with plain text, for which Loki's engine looks first: measured, 0.2 µs for a line of 600 bytes
// without it. Held to the line's beginning as well it would take 12 µs. So a client whose output imitates a whole token
// line hides one line of its own request, and no other's.
const tokenLines = `Generated response [^ ]+ \(streaming delta\)(?: details: |: .*finish_reason: None(?:["\\]|\s*$))`

// requestQuery finds the lines about requests, or those of them that have one of stems in them.
func requestQuery(s selector, stems []string) query {
	q := query{selector: s}
	if len(stems) > 0 {
		q.oneOf(stems)
	}
	q.match(requestLines) // also behind a search for ids: a request has the same lines however it was asked for
	q.drop(tokenLines)
	return q
}

// lineQuery finds what a LineFilter asks for, as far as LogQL can tell; LineFilter.keeps settles the rest.
func lineQuery(s selector, f LineFilter) query {
	q := query{selector: s}
	if f.RequestID != "" {
		if texts, ok := vllm.NewRequestIDSet(f.RequestID).Texts(); ok {
			q.oneOf(texts)
		}
	}
	if f.Contains != "" {
		q.contain(f.Contains)
	}
	if f.Process != "" {
		q.match(processPattern(f.Process))
	}
	if f.Logger != "" {
		q.match(loggerPattern(f.Logger))
	}
	if f.Engine != "" {
		q.match(enginePattern(f.Engine))
	}
	for _, c := range f.Where {
		if pattern, ok := linePatterns[c.Key]; ok {
			q.either(c, pattern)
		} else {
			q.labels = q.labels.and(c.Key, c)
		}
	}
	if pattern, ok := levelPattern(f.Levels); ok {
		q.match(pattern)
	}
	if f.Regex != "" {
		q.match(f.Regex)
	}
	return q
}

// linePatterns find what a line itself says, by the key of a condition. Every other key is a label of Loki's.
var linePatterns = map[string]func(value string) string{
	KeyProcess: processPattern, KeyLogger: loggerPattern, string(vllm.Engine): enginePattern,
}

// either keeps the lines that have one of a condition's values, or drops them. Only whole values are known to lines.
func (q *query) either(c vllm.Condition, pattern func(string) string) {
	patterns := make([]string, len(c.Values))
	for i, value := range c.Values {
		patterns[i] = pattern(value)
	}
	if expression := strings.Join(patterns, "|"); c.Op.Negative() {
		q.drop(expression)
	} else {
		q.match(expression)
	}
}

// processPattern finds a process: "(APIServer pid=1) ", "(VllmWorker rank=0 pid=1) ", "vllm_process_name": "APIServer", also in a
// record within a record.
func processPattern(name string) string {
	p := regexp.QuoteMeta(name)
	return `\(` + p + `[ )]|"` + p + `\\*"`
}

// loggerPattern finds the place of a log call: "[async_llm.py:439]", "[v1/engine/async_llm.py:439]", V0's
// " async_llm_engine.py:208]", the logger's name in a record, and a name or a place in other heads.
func loggerPattern(name string) string {
	if name == "uvicorn.access" { // uvicorn's lines do not name their logger
		return `- \\*"[A-Z]+ [^ ]+ HTTP/`
	}
	l := regexp.QuoteMeta(name)
	return `[\[ /"=|(:]` + l + `(?::[0-9]+|:[\w<>]+:[0-9]+)[\]: )|,-]|[\[ "=|:(/]` + l + `(?:[\]:|)]|\\*"| - | \| | \w)`
}

// enginePattern finds a data-parallel rank in its places: the stats line, and the names of engine and worker processes.
func enginePattern(rank string) string {
	r := regexp.QuoteMeta(rank)
	pattern := `(?:^|[ "])Engine 0*` + r + `:|[("]EngineCore_(?:DP)?` + r + `(?:[ )]|\\*")|_DP` + r + `(?:[_ )]|\\*")`
	if rank == "0" {
		pattern += `|[("]EngineCore(?:[ )]|\\*")` // without data parallelism
	}
	return pattern
}

// levelWords are the spellings of each level, in any case.
var levelWords = map[vllm.LogLevel]string{
	vllm.LevelDebug:    "DEBUG|TRACE",
	vllm.LevelInfo:     "INFO|INFORMATION|NOTICE",
	vllm.LevelWarning:  "WARNING|WARN",
	vllm.LevelError:    "ERROR|ERR|EROR",
	vllm.LevelCritical: "CRITICAL|FATAL|CRIT|EMERG|ALERT",
}

// levelLetters are the letters of glog's heads.
var levelLetters = map[vllm.LogLevel]string{
	vllm.LevelDebug: "D", vllm.LevelInfo: "I", vllm.LevelWarning: "W", vllm.LevelError: "E", vllm.LevelCritical: "[FC]",
}

// levelPattern finds lines that may have one of these levels: the words in capitals, behind the name of a level's field, in
// brackets or before a colon, glog's letters, and levels that are numbers. What else it finds, LineFilter.keeps sorts out. ok is
// false when no such pattern exists: for all levels, and for lines without one.
func levelPattern(levels []vllm.LogLevel) (pattern string, ok bool) {
	words, letters := make([]string, 0, len(levels)), make([]string, 0, len(levels))
	for _, level := range levels {
		word, known := levelWords[level]
		if !known {
			return "", false
		}
		words, letters = append(words, word), append(letters, levelLetters[level])
	}
	if len(words) == 0 {
		return "", false
	}
	oneOf := strings.Join(words, "|")
	return `\b(?:` + oneOf + `)\b|(?i:(?:level|severity|lvl|l|name)[a-z_]*\\*"? ?[:=] ?\\*"?(?:` + oneOf + `)\b|\[(?:` + oneOf + `) *\]|\b(?:` + oneOf + `) ?[:|])` +
		`|(?:^|[^\w])(?:` + strings.Join(letters, "|") + `)(?:\d{4}|\d{8}|) \d|m(?:` + oneOf + `)\b|(?i:levelno|severity_?number)\\*" ?: ?\d`, true
}

// levelLabels are the labels that volumeQuery takes out of the lines, the most trusted first: the level of a line's own head, in
// vLLM's form or behind the words of others, in brackets, as glog's letter; then that of a record around it. Loki's own
// detected_level guesses from words anywhere in the line, so that a prompt about errors counts as one.
var levelLabels = []string{"vllm_level", "vllm_word", "vllm_bracket", "vllm_letter", "vllm_record_level"}

const (
	levelCapture = `(?:^|[ "\[|(>m])(?P<vllm_level>DEBUG|TRACE|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)(?:\x1b?\[[\d;]*m)?(?: +(?:\x1b\[[\d;]*m)?\[?\d{2,4}[-/]\d\d[-/ ]|: |:[\w.]+:| *\]|/\w+\]| +[|>-] )` +
		`|^(?:\S*[\d._]\S* +|\[[^\]"]*\]:? +|(?:MainThread|MainProcess|NCCL) +){1,8}(?P<vllm_word>DEBUG|TRACE|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL) ` +
		`|(?:[ |]\[|^)(?P<vllm_bracket>debug|info|warning|error|critical)(?: *\]|: )` +
		`|(?:^|[ \["])(?P<vllm_letter>[DIWEF])(?:(?:\d{4}|\d{8}) \d\d:\d\d:| \d+ \d+\] )`
	recordLevelCapture = `(?i:"(?:levelname|level|log\.level|loglevel|log_level|lvl|severity|severitytext|severity_text|@l)\\*" ?: ?\\*"|(?:^| )(?:level|lvl|severity)="?)(?P<vllm_record_level>(?i:debug|trace|info|notice|warn|warning|err|error|critical|fatal))(?:\\*"| |$)`
)

// levelOf reads the level from what those labels say.
func levelOf(labels map[string]string) vllm.LogLevel {
	for _, label := range levelLabels {
		if text := labels[label]; text != "" {
			return vllm.ParseLogLevel(cmp.Or(letterLevels[text], text))
		}
	}
	return vllm.LevelUnknown
}

// letterLevels are the levels of glog's letters.
var letterLevels = map[string]string{"D": "DEBUG", "I": "INFO", "W": "WARNING", "E": "ERROR", "F": "FATAL"}

// volumeQuery counts lines by level in steps.
func volumeQuery(q query, step time.Duration) string {
	return "sum by (" + strings.Join(levelLabels, ", ") + ") (count_over_time(" + q.String() + " | regexp " + quote(levelCapture) +
		" | regexp " + quote(recordLevelCapture) + " [" + step.String() + "]))"
}
