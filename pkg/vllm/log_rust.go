package vllm

import "strings"

// takeRust takes the Rust front end's lines: the scope's fields, then the message, then key=value fields. Strings are in
// double quotes with backslashes where the value is printed for debugging, bare where it is printed for display.
func (e *LogEvent) takeRust(m string) bool {
	finished := strings.Index(m, "completion finished")
	form := IDExternal // the HTTP layer's; the engine client below it knows only internal ids
	switch {
	case finished >= 0:
		e.Kind = LogFinished
		fields := m[finished:]
		e.Model = rustField(fields, "model")
		e.PromptTokens = parseCount(rustField(fields, "prompt_tokens"))
		e.OutputTokens = parseCount(rustField(fields, "output_tokens"))
		if reason := rustField(fields, "finish_reason"); finishReason(reason) && reason != "unknown" {
			e.FinishReason = reason
		}
	case strings.Contains(m, "auto-aborting request"):
		e.Kind, form = LogAborted, IDInternal
	case strings.Contains(m, "Avg prompt tput: "):
		e.Kind = LogStats
		return true
	default:
		return false
	}
	e.setID(rustField(m, "request_id"), form)
	return true
}

// rustField gives the value of the first " key=" in m (or at its beginning, or behind a scope's brace or comma).
func rustField(m, key string) string {
	for at := 0; ; {
		i := strings.Index(m[at:], key+"=")
		if i < 0 {
			return ""
		}
		i += at
		at = i + len(key) + 1
		if i > 0 && m[i-1] != ' ' && m[i-1] != '{' && m[i-1] != ',' {
			continue
		}
		value := m[at:]
		if strings.HasPrefix(value, `"`) {
			return unquote(value[:min(stringEnd(value, 0)+1, len(value))])
		}
		if end := strings.IndexAny(value, " ,}"); end >= 0 {
			value = value[:end]
		}
		return value
	}
}
