package vllm_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// FuzzParseLogLine checks what must hold for any line whatever: it is read without a panic, ids are ids, and everything
// that is told stands in the line (a line without JSON, whose escapes change the text).
func FuzzParseLogLine(f *testing.F) {
	for _, lines := range recordings(f) {
		seen := map[string]bool{}
		for _, line := range lines { // one seed for each kind and logger is enough
			e := vllm.ParseLogLine(line)
			if key := kinds[e.Kind] + e.Logger; !seen[key] {
				seen[key] = true
				f.Add(line)
			}
		}
	}
	for _, line := range []string{
		received, receivedWithPrompt, head, "", "\r", "\x1b[", "(APIServer pid=", "{", `{"message":1}`, "(x pid=1) {}",
		`Received request a: prompt: '\'`, `Received request a: params: SamplingParams(stop=['`, "Engine 000: Avg prompt ",
		"Aborted request(s) ,,,.", ", num_scheduled_tokens={", "Generated response : output: ", "vllm-1 | ",
		`[x.rs:1] completion finished request_id="`,
	} {
		f.Add(line)
		f.Add(head + line)
	}
	for _, s := range samples(f) {
		f.Add(s.line)
	}
	for _, line := range forged {
		for _, wrap := range wrappers {
			f.Add(wrap(line))
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		e := vllm.ParseLogLine(line)
		_, _, _ = vllm.EngineEventsOf(&e), e.Reading(), e.BrokenRequest()
		if example := vllm.Example(line); !utf8.ValidString(example) || strings.ContainsAny(example, "\x1b\n\r") || utf8.RuneCountInString(example) > 121 {
			t.Errorf("%q is no example to show", example)
		}
		for _, id := range append([]string{e.RequestID}, e.MoreIDs...) {
			if id != "" && !vllm.ComparableRequestID(id) {
				t.Errorf("%q is no id", id)
			}
		}
		if (e.RequestID == "") != (e.External == "") {
			t.Errorf("id %q without external id, or the other way round: %q", e.RequestID, e.External)
		}
		if e.RequestID != "" && !e.Kind.NamesRequest() {
			t.Errorf("kind %s does not name requests, yet there is %q", kinds[e.Kind], e.RequestID)
		}
		if strings.ContainsAny(line, "{\x1b\"\\\n") || spelledColour.MatchString(line) || !utf8.ValidString(line) {
			return // escapes and colours change the text
		}
		for _, part := range []string{e.RequestID, e.External, e.Message, e.Logger, e.Process, e.FinishReason, e.LoRA} {
			if !strings.Contains(line, part) && !strings.HasPrefix(part, "uvicorn.") {
				t.Errorf("%q does not stand in the line", part)
			}
		}
		_, _ = vllm.ParseEngineStats(e.Message)
	})
}

// spelledColour is a colour whose ESC is spelled otherwise, or lost.
var spelledColour = regexp.MustCompile(`\[[\d;]*m`)

func FuzzRequestIDSet(f *testing.F) {
	f.Add("cmpl-B-1", "Added request cmpl-B-1-9f3c1a7e.")
	f.Add("0_", "_0_0_")
	f.Add("chatcmpl-", "chatcmpl-chatcmpl-")
	f.Fuzz(func(t *testing.T, id, line string) {
		set := vllm.NewRequestIDSet(id)
		if vllm.ComparableRequestID(id) && !set.Has(id, vllm.IDUnknown) {
			t.Errorf("%q is not in the set of itself", id)
		}
		_ = set.In(line)
	})
}
