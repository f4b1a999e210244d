package vllm

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// LineStage is one step of a filter over lines, as LogQL has it. Exactly one of its parts is set.
type LineStage struct {
	Match, Drop string // expressions of RE2: keep the lines that match, or those that do not
	Decolorize  bool
	// Whole drops the lines whose length in bytes matches CutLengths: a runtime cut them, and what they begin with may be a client's text.
	Whole   bool
	Capture string // an expression whose named groups become labels
	// Level keeps the lines whose level is an alarm's: LevelOwn tells it or, where the text has none, not LevelRecord.
	Level bool
}

// The labels that a capture makes of a line's level: in the text's own head, and as the field of a record around it.
const (
	LevelOwn    = "own_level"
	LevelRecord = "record_level"
	// LoudLevels and QuietLevels match them.
	LoudLevels  = `(?i)(?:warn|err|crit|fatal|emerg|alert|[wef]\d).*`
	QuietLevels = `(?i)(?:info|debug|trace|notice).*`
	// LineBytes is the label that a line's length becomes. CutLengths matches the lengths of lines that were cut, as cutSize knows them.
	LineBytes  = "line_bytes"
	CutLengths = `819[2-8]|1638[4-9]|16390|3276[89]|3277[0-4]|4915[2-8]`
)

// EngineEventFilter is a filter over lines that keeps those that tell of any of these events, as EngineEventsOf reads them. It
// is for stores that evaluate alerts: the words first, which is cheap, then where they stand. A client puts its words into lines
// too, as a request's id, a path, a model's name: these never stand at the beginning of what an engine says of its end, so what
// may stand before it is of few kinds, and none of them is a word of a sentence.
func EngineEventFilter(events ...EngineEvent) []LineStage {
	words := EngineEventTexts(events...)
	for i, word := range words {
		words[i] = regexp.QuoteMeta(word)
	}
	said := "(?:" + saidOf(events...) + ")"
	return []LineStage{
		{Match: strings.Join(words, "|")},
		{Whole: true},
		{Drop: quotingLoggers + "|" + requestLineTails + "|" + requestLineWords},
		{Decolorize: true},
		{Match: `(?:^ ?|\n[ \t][^\n]*\n)(?:` + headWords + `)*(?:` + recordLead + `|` + prefixedHead + `)?(?:` + headWords + `)*` + said},
		{Drop: `^ ?(?:` + headWords + `)*` + said + `.*"\}\s*$`}, // the rest of a record that was cut
		{Capture: `(?i:\b(?P<` + LevelOwn + `>debug|trace|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|[iwefd]\d{4,8}))\b[\]:|/, ]*(?:` + headWords + `)*` + said},
		{Capture: `"(?i:levelname|level|log\.level|loglevel|log_level|lvl|@l|level_name)\\*" ?: ?\\*"(?P<` + LevelRecord + `>\w+)`}, // a logger's, not a shipper's
		{Level: true},
	}
}

// saidOf joins the patterns of the sentences that tell of these events, each with what may follow.
func saidOf(events ...EngineEvent) string {
	var all []string
	for i := range sentences {
		s := &sentences[i]
		if !s.tellsOf(events...) {
			continue
		}
		if s.whole {
			all = append(all, s.pattern+sentenceEnd)
		} else {
			all = append(all, s.pattern)
		}
	}
	return strings.Join(all, "|")
}

// fieldNames joins the names of a record's fields.
func fieldNames(ranks map[string]int) string {
	names := slices.Sorted(maps.Keys(ranks))
	for i, name := range names {
		names[i] = regexp.QuoteMeta(name)
	}
	return `(?i:` + strings.Join(names, "|") + `)`
}

const (
	// quotingLoggers write what clients send and models answer (quotesClients, echoesClients).
	quotingLoggers = `request_logger|\blogger\.py\b|vllm\.entrypoints\.logger|\[(?:[\w./]*/)?serving\w*\.py:\d|"(?:[\w./]*/)?serving\w*\.py"|vllm\.entrypoints\.[\w.]*serving`
	// requestLineTails are how lines end that hold a client's text (requestTails).
	requestLineTails = `(?:, finish_reason: [a-z_]+|lora_request: None\.|prompt_adapter_request: None\.|prompt_embeds shape: None\.)["}\s]*$`
	// requestLineWords are what lines about requests begin with: such a line is never about an engine.
	requestLineWords = `(?:Added|Received|Finished|Preempted|Resumed) request |Aborted request|Generated response |Request [^ ]+ (?:failed|aborted)`

	// sentenceEnd is the end of a message: the line's, its string's in a record, or what rich and structlog put behind it.
	sentenceEnd = `(?:\s| {2,}[\w./]+:\d+| \[[\w.]+\].*|\\+[rn])*(?:$|\n|\\*"|\\+n)`

	// headWords is one word of a head, or of what launchers, runtimes and shippers put before it, as headReader takes them.
	headWords = `(?:` +
		`\([\w.:-]+(?: rank=\d+)?(?:[ =]p?i?d?=?\d*)?(?:, ip=[^)]*)?\)` + // processes
		`|\[[\w .:/,+=@#()<>-]*\]:?|<[\w:]+>:?` + // brackets
		`|\[[\w@.-]+(?: [\w@.-]+="(?:[^"\\]|\\.)*")+\]` + // the data of RFC 5424
		`|@?\d[\w:.,/+-]*|[\w./@:<>()-]*[\d_./@:-][\w./@:<>()-]*[:,]?` + // times, numbers; hosts, files, loggers, functions
		`|(?i:debug|trace|info|warn(?:ing)?|error|critical|fatal)\b[:|,]?` +
		`|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|UTC|GMT|[A-Z][a-z]+[A-Z]\w*|root|vllm|uvicorn|stdout|stderr|engine|[FPIWE]` +
		`|[-|>–—:\]]+` +
		`)[ \t]*`

	// prefixedHead is vLLM's own head behind any text of the operator's (VLLM_LOGGING_PREFIX).
	prefixedHead = "[^\\]\"'`{]{0,96}" + `\b(?:WARNING|ERROR|CRITICAL) [\d-]{5} [\d:]{8} \[?[^\] ]+:\d+\] `
)

// recordLead is a record up to where its message begins: JSON, logfmt, or JSON within either. Strings are stepped over as wholes, so
// that a client's quotes do not look like a field.
var recordLead = func() string {
	text := fieldNames(textRanks)
	const exceptions = `(?:exc_info|exc_text|exception|stack_trace|traceback|error\.stack_trace)`
	object := `\{(?:[^"]|"(?:[^"\\]|\\.)*")*`
	traceback := `(?:(?:[^"\\]|\\.)*\\n +(?:[^"\\]|\\[^n])*\\n)?` // up to the exception, which follows indented lines
	lines := `(?:"` + traceback + `|\[(?:"(?:[^"\\]|\\.)*", ?)*")`
	inner := `\{(?:[^"\\]|\\[^"\\]|\\"(?:[^"\\]|\\[^"\\]|\\\\(?:\\["\\]|[^\\"]))*\\")*\\"` + text + `\\" ?: ?\\"`
	logfmt := `(?:[\w./@-]+=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)[ ,]+)*` + text + `="`
	return `(?:` + object + `"` + text + `" ?: ?"` + traceback + `|` + logfmt + `)(?:(?:` + headWords + `)*` + inner + `)?` +
		`|` + object + `"` + exceptions + `" ?: ?` + lines
}()
