package loki

import (
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

// requestLines is what every line about a request has one of. All alternatives are plain text, also where Go's parser puts
// common beginnings together: Loki runs such an expression as a search for substrings, without its regular-expression
// engine. Measured on a real Loki: one character class among them makes the whole query several times slower.
const requestLines = `Received request |Added request |Generated response |Aborted request|Finished request ` +
	`|cmpl-|embd-|resp_| aborted\.| failed|Request id: |request_id=`

// tokenLines are the lines that vLLM writes for each streamed token (--enable-log-outputs). They tell nothing but the text,
// except for the last one, which has the finish reason.
//
// The expression begins with plain text, for which Loki's engine looks first: measured, 0.2 µs for a line of 600 bytes
// without it. Held to the line's beginning as well it would take 12 µs. So a client whose output imitates a whole token
// line hides one line of its own request, and no other's.
const tokenLines = `Generated response [^ ]+ \(streaming delta\)(?: details: |: .*finish_reason: None(?:"|\s*$))`

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

// processPattern finds a process: "(APIServer pid=1) ", "(VllmWorker rank=0 pid=1) ", "vllm_process_name": "APIServer".
func processPattern(name string) string {
	p := regexp.QuoteMeta(name)
	return `\(` + p + ` |"` + p + `"`
}

// loggerPattern finds the place of a log call: "[async_llm.py:439]", "[v1/engine/async_llm.py:439]", V0's
// " async_llm_engine.py:208]", and the logger's name in JSON.
func loggerPattern(name string) string {
	if name == "uvicorn.access" { // uvicorn's lines do not name their logger
		return `- "[A-Z]+ [^ ]+ HTTP/`
	}
	l := regexp.QuoteMeta(name)
	return `[\[ /]` + l + `:[0-9]+\]|"` + l + `"`
}

// enginePattern finds a data-parallel rank in its places: the stats line, and the names of engine and worker processes.
func enginePattern(rank string) string {
	r := regexp.QuoteMeta(rank)
	pattern := `(?:^|[ "])Engine 0*` + r + `:|[("]EngineCore_(?:DP)?` + r + `[ "]|_DP` + r + `[_ "]`
	if rank == "0" {
		pattern += `|[("]EngineCore[ "]` // without data parallelism
	}
	return pattern
}

// levelWords are the spellings of each level in text lines; JSON lines have the same words in any case.
var levelWords = map[vllm.LogLevel]string{
	vllm.LevelDebug:    "DEBUG|TRACE",
	vllm.LevelInfo:     "INFO",
	vllm.LevelWarning:  "WARNING|WARN",
	vllm.LevelError:    "ERROR",
	vllm.LevelCritical: "CRITICAL|FATAL",
}

// levelPattern finds the heads of lines with one of these levels. ok is false when no such pattern exists: for all levels,
// and for lines without one.
func levelPattern(levels []vllm.LogLevel) (pattern string, ok bool) {
	words := make([]string, 0, len(levels))
	for _, level := range levels {
		word, known := levelWords[level]
		if !known {
			return "", false
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "", false
	}
	oneOf := strings.Join(words, "|")
	return `(?:` + oneOf + `)(?: \d\d-\d\d |: )|"(?i:` + oneOf + `)"`, true
}

// levelLabel is the label that volumeQuery takes out of the lines. Loki's own detected_level guesses from words anywhere
// in the line, so that a prompt about errors counts as one.
const levelLabel = "vllm_level"

// levelCapture takes the level from a line's head: before a date (vLLM), a colon and blanks (uvicorn), or as a JSON value.
const levelCapture = `(?:^|[ "])(?P<` + levelLabel + `>DEBUG|TRACE|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL)(?: \d\d-\d\d |: |")`

// volumeQuery counts lines by level in steps.
func volumeQuery(q query, step time.Duration) string {
	return "sum by (" + levelLabel + ") (count_over_time(" + q.String() + " | regexp " + quote(levelCapture) +
		" [" + step.String() + "]))"
}
