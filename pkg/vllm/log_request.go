package vllm

import "strings"

// The lines of a request's life. Which of the id's spellings a line carries is fixed by the line (and for "Aborted
// request" by its wording, which changed with the version). The id ends at the first blank, so that nothing a client sent as
// its X-Request-Id adds a word to the line. Only where that gives no line of vLLM's, the id is one with blanks: it begins
// with an endpoint's word and ends where the line goes on as vLLM writes it.

// setID stores an id and its external reading; it reports whether the text is an id at all.
func (e *LogEvent) setID(id string, form IDForm) bool {
	if !ComparableRequestID(id) {
		return false
	}
	e.RequestID, e.IDForm, e.External = id, form, id
	if form == IDInternal {
		e.External, _ = ExternalFromInternal(id)
	}
	return true
}

// blankID reports whether a text is an id with blanks in it.
func blankID(s string) bool {
	return strings.IndexByte(s, ' ') >= 0 && endpointPrefix(trimChildPrefix(s)) != ""
}

// cutBlankID cuts an id with blanks off a line, where the first of these texts begins. ok is false when the line has none of
// them, and for ids without blanks, which end at the first one.
func cutBlankID(s string, texts ...string) (id, rest string, ok bool) {
	within, end := s[:min(len(s), MaxComparableIDLength+64)], -1 // outputs may be long
	for _, text := range texts {
		if i := strings.Index(within, text); i >= 0 {
			within, end = within[:i], i
		}
	}
	if end < 0 || !blankID(within) {
		return "", s, false
	}
	return within, s[end:], true
}

// takeSentence takes "<id>." to the end of the message. What ends otherwise is not whole, or not vLLM's: an id never takes the rest
// of what a shipper put around a line.
func (e *LogEvent) takeSentence(kind LogKind, form IDForm, rest string) {
	if id, more, _ := strings.Cut(rest, " "); strings.HasPrefix(more, "[repeated ") && strings.HasSuffix(id, ".") { // Ray's own remark
		rest = id
	}
	id, ok := strings.CutSuffix(rest, ".")
	if !ok || e.Cut || strings.IndexByte(id, ' ') >= 0 && (!blankID(id) || endsRequest(rest)) { // another sentence
		return
	}
	e.Kind = kind
	e.setID(id, form)
}

// takeAborted takes "<id>[,<id>…]."; the list has several entries when a caller aborts a batch. A reason may follow.
func (e *LogEvent) takeAborted(rest string) {
	ids, reason, timedOut := strings.Cut(rest, " due to ")
	if !timedOut {
		var ok bool
		if ids, ok = strings.CutSuffix(rest, "."); !ok {
			return
		}
	}
	if e.Cut || endsRequest(rest) {
		return
	}
	e.Kind, e.Error = LogAborted, strings.TrimSuffix(reason, ".")
	for _, id := range cutIDs(ids) {
		e.addID(id, IDInternal)
	}
}

// cutIDs cuts a list of the engine's ids at those commas behind which one begins: a client's own id may have commas too. One
// begins with an endpoint's word, and what stands before has the random suffix if any has.
func cutIDs(list string) []string {
	parts := strings.Split(list, ",")
	if len(parts) == 1 {
		return parts
	}
	_, suffixed := ExternalFromInternal(parts[len(parts)-1])
	complete := func(id string) bool {
		_, ok := ExternalFromInternal(id)
		return ok || !suffixed
	}
	worded := endpointPrefix(trimChildPrefix(parts[0])) != ""
	out := parts[:1]
	for _, part := range parts[1:] {
		last := &out[len(out)-1]
		if complete(*last) && (!worded || endpointPrefix(trimChildPrefix(part)) != "") {
			out = append(out, part)
		} else {
			*last += "," + part
		}
	}
	return out
}

// takeAbortedOne takes the wording before 0.10.2, "<id>.", and "<id> due to <reason>." of a watchdog.
func (e *LogEvent) takeAbortedOne(rest string) {
	id, reason, timedOut := strings.Cut(rest, " due to ")
	if !timedOut {
		e.takeSentence(LogAborted, IDExternal, rest)
		return
	}
	if !e.Cut && strings.IndexByte(id, ' ') < 0 && !endsRequest(reason) {
		e.Kind, e.Error = LogAborted, strings.TrimSuffix(reason, ".")
		e.setID(id, IDExternal)
	}
}

// addID takes the first id as the line's own and the rest as MoreIDs.
func (e *LogEvent) addID(id string, form IDForm) {
	switch {
	case e.RequestID == "":
		e.setID(id, form)
	case ComparableRequestID(id):
		e.MoreIDs = append(e.MoreIDs, id)
	}
}

// takeReceived takes "<id>: params: P(…), lora_request: L." and the form before 0.11.1, which has the prompt between id
// and parameters.
func (e *LogEvent) takeReceived(rest string) {
	id, after, ok := strings.Cut(rest, ": ")
	if strings.IndexByte(id, ' ') >= 0 || !strings.HasPrefix(after, "params: ") && !strings.HasPrefix(after, "prompt: ") {
		id, after, ok = cutBlankID(rest, ": params: ", ": prompt: ")
		after = strings.TrimPrefix(after, ": ")
	}
	if !ok {
		return
	}
	rest = after
	if prompt, found := strings.CutPrefix(rest, "prompt: "); found {
		if rest = skipLiteral(prompt); strings.HasPrefix(prompt, `\`) || rest != "" && !strings.HasPrefix(rest, ", ") || rest == "" && endsRequest(prompt) {
			return // no line of vLLM's, but the middle of one
		}
		rest = strings.TrimPrefix(rest, ", ")
	}
	params, found := strings.CutPrefix(rest, "params: ")
	if rest != "" && !found && !strings.HasPrefix("params: ", rest) && !strings.HasPrefix(rest, "prompt_token_ids: ") && !strings.HasPrefix(rest, "prefix_pos: ") &&
		!strings.HasPrefix(rest, "sampling_params: ") || found && !endsParams(params) {
		return
	}
	e.Kind = LogReceived
	e.setID(id, IDExternal)
	if !found {
		return
	}
	open := strings.IndexByte(params, '(') // of SamplingParams(, PoolingParams(, BeamSearchParams(
	if open < 0 {
		return
	}
	e.Beams = params[:open] == "BeamSearchParams"
	e.takeParams(params[open+1:])
}

// endsParams reports whether what follows "params: " is one object and the fields behind it. In a line that was cut within a
// client's text, a second object follows, of the line that the client's text is in.
func endsParams(params string) bool {
	if strings.HasSuffix(params, "prompt_embeds shape: None.") || !strings.HasSuffix(params, ".") && endsRequest(params) {
		return false
	}
	open := strings.IndexByte(params, '(')
	if open < 0 || strings.IndexByte(params[open+1:], '(') < 0 || !strings.Contains(params, "params: ") {
		return true // the usual case: one bracket, so one object
	}
	return !strings.Contains(skipLiteral(params), "params: ")
}

// takeParams reads a parameter object's fields and the LoRA request behind it.
func (e *LogEvent) takeParams(fields string) {
	// The usual ending tells at once that there is no adapter, so that the scan can end at the last field of interest.
	noLoRA := strings.HasSuffix(fields, "lora_request: None.") || strings.HasSuffix(fields, "prompt_adapter_request: None.") &&
		strings.HasSuffix(strings.TrimSuffix(fields, ", prompt_adapter_request: None."), "lora_request: None")
	rest := scanFields(fields, func(key, value string) bool {
		switch key {
		case "n":
			e.Sequences = parseCount(value)
		case "temperature":
			e.Temperature = parseFloat(value)
		case "top_p":
			e.TopP = parseFloat(value)
		case "max_tokens":
			e.MaxTokens = parseCount(value)
			return !noLoRA
		}
		return true
	})
	if noLoRA {
		return
	}
	if _, lora, found := strings.Cut(rest, "lora_request: LoRARequest("); found {
		scanFields(lora, func(key, value string) bool {
			if key == "lora_name" {
				e.LoRA = unquote(value)
			}
			return e.LoRA == ""
		})
	}
}

// takeRequest takes what follows "Request ": "<id> aborted.", "<id> failed…", "<id> details: …".
func (e *LogEvent) takeRequest(rest string) {
	id, verb, _ := strings.Cut(rest, " ")
	if blank, after, ok := cutBlankID(rest, " failed (", " failed due to ", " failed with an internal error", " details: "); ok {
		id, verb = blank, after[1:]
	} else if blank, ok := strings.CutSuffix(rest, " aborted."); ok && blankID(blank) {
		id, verb = blank, "aborted."
	}
	if e.Cut || endsRequest(verb) { // but the details, whose end is such
		if verb, ok := strings.CutPrefix(verb, "details: "); ok {
			e.takeDetails(id, verb)
		}
		return
	}
	switch {
	case verb == "aborted.":
		e.Kind = LogAborted
		e.setID(id, IDExternal)
	case strings.HasPrefix(verb, "aborted due to "):
		e.Kind, e.Error = LogAborted, strings.TrimSuffix(strings.TrimPrefix(verb, "aborted due to "), ".")
		e.setID(id, IDExternal)
	case strings.HasPrefix(verb, "details: "):
		e.takeDetails(id, strings.TrimPrefix(verb, "details: "))
	case strings.HasPrefix(verb, "failed with an internal error"):
		e.Kind = LogInternalError
		e.setID(id, IDResponse)
		e.Error = "internal error during generation"
	case verb == "failed." || strings.HasPrefix(verb, "failed (") || strings.HasPrefix(verb, "failed due to "):
		e.Kind = LogFailed
		e.setID(id, IDExternal)
		e.Error = failure(verb)
	}
}

// takeDetails takes "prompt: '…', prompt_token_ids: …" of a line at DEBUG; the prompt is one literal.
func (e *LogEvent) takeDetails(id, rest string) {
	if prompt, ok := strings.CutPrefix(rest, "prompt: "); ok {
		if rest = skipLiteral(prompt); strings.HasPrefix(prompt, `\`) || rest != "" && !strings.HasPrefix(rest, ", prompt_") || rest == "" && endsRequest(prompt) {
			return
		}
	}
	e.Kind = LogDetails
	e.setID(id, IDExternal)
}

// badRequest begins the error of what vLLM refuses: a request that it cannot serve, or any at all when its queue is full.
const badRequest = "bad request"

// IsRefusal reports whether the error of a LogFailed line says that the request was refused, which is no failure of vLLM's.
func IsRefusal(err string) bool { return err == badRequest || strings.HasPrefix(err, badRequest+": ") }

// failure turns "failed (bad request): text." into "bad request: text" and "failed due to Class: text." into
// "Class: text". Up to 0.14 there is no text.
func failure(verb string) string {
	text := strings.TrimSuffix(strings.TrimPrefix(verb, "failed"), ".")
	if reason, ok := strings.CutPrefix(text, " due to "); ok {
		return reason
	}
	if inner, ok := strings.CutPrefix(text, " ("); ok {
		reason, message, _ := strings.Cut(inner, ")")
		if message == "" {
			return reason
		}
		return reason + message
	}
	return "failed"
}

// takeException takes the line of --log-error-stack. The id is the response's, or None where there was no request yet.
func (e *LogEvent) takeException(rest string) {
	if e.Cut || endsRequest(rest) {
		return
	}
	e.Kind = LogException
	if id, _, _ := strings.Cut(rest, " "); id != "None" {
		e.setID(strings.TrimSuffix(id, "."), IDResponse)
	}
	e.Error = "exception"
}
