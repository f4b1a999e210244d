package vllm

import "strings"

// takeGenerated takes "<id>[ (streaming …)]: output: '…', …, finish_reason: R". The id is the response's, without a prompt's
// number. The reason stands at the end, where no output reaches.
func (e *LogEvent) takeGenerated(rest string) {
	id, after, _ := strings.Cut(rest, " ")
	if strings.HasSuffix(id, ":") && strings.HasPrefix(after, "output: ") { // nearly always
		e.takeOutput(LogGenerated, id[:len(id)-1], after[len("output: "):])
		return
	}
	if blank, more, ok := cutBlankID(rest, " (streaming ", " details: ", ": output: "); ok {
		id, after = blank, strings.TrimPrefix(more, " ")
		if output, ok := strings.CutPrefix(after, ": "); ok {
			id, after = id+":", output
		}
	}
	kind := LogGenerated
	switch {
	case strings.HasPrefix(after, "(streaming delta): "):
		kind = LogDelta
	case strings.HasPrefix(after, "details: "), strings.HasPrefix(after, "(streaming delta) details: "): // DEBUG: token ids
		e.Kind = LogDetails
		e.setID(id, IDExternal)
		return
	case strings.HasPrefix(after, "(streaming complete): "):
		kind = LogGenerated
	case strings.HasSuffix(id, ":") && strings.HasPrefix(after, "output: "):
		id = id[:len(id)-1]
	default:
		return
	}
	if _, output, ok := strings.Cut(after, "output: "); ok {
		e.takeOutput(kind, id, output)
	}
}

// takeOutput takes "'…', finish_reason: R", of which the output is one literal.
func (e *LogEvent) takeOutput(kind LogKind, id, output string) {
	reason, whole, ok := outputEnd(output)
	if !ok || whole && e.Cut {
		return // no line of vLLM's, but the middle of one
	}
	e.Kind = kind
	e.setID(id, IDExternal)
	switch {
	case !whole: // cut off by the shipper
	case reason == "None", reason == "streaming_complete": // the real reason stands in the last delta
	case finishReason(reason):
		e.FinishReason = reason
	}
}

// outputEnd steps over the output of a model, one literal of Python's, and gives the reason behind it. whole is false where the
// literal is cut off; ok is false where something else follows: then the text is part of another line's literal, whose quotes do
// not match those that the model wrote.
func outputEnd(s string) (reason string, whole, ok bool) {
	switch {
	case s == "":
		return "", false, true
	case s[0] == '\'' || s[0] == '"':
		end := stringEnd(s, 0)
		if end >= len(s)-1 { // cut off, unless it ends as such a line does: then its quote is not the one that ends it
			return "", false, end == len(s)-1 || !endsRequest(s)
		}
		s = s[end+1:]
	default:
		end := strings.IndexByte(s, ',')
		if end < 0 || s[:end] != "None" {
			return "", false, false
		}
		s = s[end:]
	}
	if tokens, found := strings.CutPrefix(s, ", output_token_ids: "); found {
		end := len(tokens) - len(strings.TrimLeft(tokens, "0123456789, []None"))
		i := strings.LastIndex(tokens[:min(len(tokens), end+1)], ", f")
		if i < 0 {
			return "", false, end == len(tokens)
		}
		s = tokens[i:]
	}
	reason, found := strings.CutPrefix(s, ", finish_reason: ")
	if !found {
		return "", false, strings.HasPrefix(", finish_reason: ", s) || strings.HasPrefix(", output_token_ids: ", s)
	}
	return reason, true, finishReason(reason) || reason == "None"
}

// finishReason reports whether s has the shape of one (stop, length, abort, tool_calls …): a cut-off line ends in output.
func finishReason(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
