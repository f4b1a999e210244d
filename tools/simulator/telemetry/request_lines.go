package telemetry

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The lines that carry a request's id.

// Sampling are the parameters that the Received line and the span show.
type Sampling struct {
	N           int
	Temperature float64
	TopP        float64
	MaxTokens   int
	LoRA        string
	LoRAID      int
}

// Received is written once per prompt, with the external id.
func (l *Log) Received(t time.Time, p Process, externalID string, s Sampling) {
	prompt, tail := "", ""
	if !l.Version.since(11, 1) {
		prompt = "prompt: None, "
		tail = "prompt_token_ids: None, prompt_embeds shape: None, "
	}
	l.Write(t, p, "INFO", l.Version.origins().received,
		"Received request "+externalID+": "+prompt+"params: "+s.python(l.Version)+", "+tail+"lora_request: "+s.lora()+".")
}

// python is repr(SamplingParams).
func (s Sampling) python(v Version) string {
	watermarking, thinking, truncate := "", "", "truncate_prompt_tokens=None, "
	if v.since(28, 0) {
		watermarking, thinking, truncate = "watermarking=None, ", "thinking_token_budget=None, ", ""
	}
	return "SamplingParams(n=" + strconv.Itoa(s.N) +
		", presence_penalty=0.0, frequency_penalty=0.0, repetition_penalty=1.0, temperature=" + pythonFloat(s.Temperature) +
		", " + watermarking + "top_p=" + pythonFloat(s.TopP) +
		", top_k=0, min_p=0.0, seed=None, stop=[], stop_token_ids=[], bad_words=[], " + thinking +
		"include_stop_str_in_output=False, ignore_eos=False, max_tokens=" + strconv.Itoa(s.MaxTokens) +
		", min_tokens=0, logprobs=None, prompt_logprobs=None, skip_special_tokens=True, " +
		"spaces_between_special_tokens=True, " + truncate + "structured_outputs=None, extra_args=None)"
}

func (s Sampling) lora() string {
	if s.LoRA == "" {
		return "None"
	}
	return fmt.Sprintf("LoRARequest(lora_name='%s', lora_int_id=%d, lora_path='/adapters/%s', base_model_name=None, tensorizer_config_dict=None)",
		s.LoRA, s.LoRAID, s.LoRA)
}

// Added is written once per sequence, with the internal id.
func (l *Log) Added(t time.Time, p Process, internalID string, child bool) {
	origin := l.Version.origins().added
	if child {
		origin = l.Version.origins().addedChild
	}
	l.Write(t, p, "INFO", origin, "Added request "+internalID+".")
}

// Generated is written per choice of a chat answer; a stream has one line at
// its end, without its true finish reason (--no-enable-log-deltas).
func (l *Log) Generated(t time.Time, p Process, externalID, output, finishReason string, stream bool) {
	kind := ""
	if stream {
		kind, finishReason = " (streaming complete)", "streaming_complete"
	}
	ids := ""
	if !l.Version.since(28, 0) {
		ids = "output_token_ids: None, " // those of a non-stream answer are left out here: they are long
	}
	l.Write(t, p, "INFO", l.Version.origins().generated,
		"Generated response "+externalID+kind+": output: '"+output+"', "+ids+"finish_reason: "+finishReason)
}

// Aborted is written when the client has gone: the internal id, in the
// parent's form for n > 1.
func (l *Log) Aborted(t time.Time, p Process, internalID string) {
	word := "Aborted request(s) "
	if !l.Version.since(10, 2) {
		word = "Aborted request "
	}
	l.Write(t, p, "INFO", l.Version.origins().aborted, word+internalID+".")
}

// RequestAborted follows Aborted, with the external id.
func (l *Log) RequestAborted(t time.Time, p Process, externalID string) {
	l.Write(t, p, "INFO", l.Version.origins().requestAborted, "Request "+externalID+" aborted.")
}

// FailedEngineDead is written for each prompt in flight when the engine dies.
func (l *Log) FailedEngineDead(t time.Time, p Process, externalID string) {
	l.Write(t, p, "INFO", l.Version.origins().failed, "Request "+externalID+" failed (engine dead).")
}

// InternalError is written whatever the logging flags, with the response's id.
func (l *Log) InternalError(t time.Time, p Process, responseID string) {
	l.Write(t, p, "ERROR", "serving.py:412", "Request "+responseID+" failed with an internal error during generation")
}

// Output invents an answer of about that many tokens, cut as --max-log-len does.
func Output(tokens int, seed uint64) string {
	n := min(tokens, 12)
	var b strings.Builder
	for i := range n {
		b.WriteString(Token(seed, i))
	}
	return b.String()
}

var answerWords = strings.Fields("the answer depends on how many blocks are free when a prompt arrives and ")

// Token is the i-th token of the answer of that seed: a word with a blank before it.
func Token(seed uint64, i int) string {
	return " " + answerWords[(seed+uint64(i)*5)%uint64(len(answerWords))] // #nosec G115 -- counts from zero
}
