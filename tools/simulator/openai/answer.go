package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/serving"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/telemetry"
	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// answer writes what a visit brings.
type answer struct {
	order
	writer  http.ResponseWriter
	visit   Visit
	created int64

	streaming bool
	told      []int // tokens sent per choice
	closed    []bool
}

// usage counts tokens as vLLM reports them.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	TotalTokens      int `json:"total_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// response is a whole answer, or one chunk of a stream. Its object says which.
type response struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      *speech `json:"message,omitempty"` // chat, whole
	Delta        *speech `json:"delta,omitempty"`   // chat, chunk
	Text         *string `json:"text,omitempty"`    // completions
	Logprobs     *int    `json:"logprobs"`          // always null
	FinishReason *string `json:"finish_reason"`
}

type speech struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content"`
}

func (a *answer) chat() bool { return a.call.Endpoint == traffic.ChatCompletions }

// write answers until the call has ended or the client has gone.
func (a *answer) write(ctx context.Context) {
	for {
		progress, err := a.visit.Next(ctx)
		if err != nil {
			return // nobody listens any more
		}
		// Headers go out with the first token here. vLLM sends them a little
		// earlier; a client cannot tell, since nothing follows them.
		if a.call.Stream && progress.Generated > 0 {
			a.stream(progress)
		}
		if !progress.Ended {
			continue
		}
		switch {
		case a.streaming:
			a.endStream(progress)
		case a.failed(progress):
			refuse(a.writer, refusal{progress.Status, progress.Message})
		default:
			a.whole(progress)
		}
		return
	}
}

// failed says that there is no answer: it was refused, or an engine failed.
func (a *answer) failed(p serving.Progress) bool {
	return p.Status != http.StatusOK || p.Message != ""
}

// whole is the answer in one piece.
func (a *answer) whole(p serving.Progress) {
	r := a.response(p, "")
	for i, c := range p.Choices {
		text, finish := a.text(p, i, 0), c.Finish
		out := choice{Index: i, FinishReason: &finish}
		if a.chat() {
			out.Message = &speech{Role: "assistant", Content: text}
		} else {
			out.Text = &text
		}
		r.Choices = append(r.Choices, out)
	}
	r.Usage = a.counts(p)
	reply(a.writer, http.StatusOK, r)
}

// stream sends what is new, one event per choice, as vLLM does per step.
func (a *answer) stream(p serving.Progress) {
	if !a.streaming {
		a.streaming = true
		a.told, a.closed = make([]int, len(p.Choices)), make([]bool, len(p.Choices))
		a.writer.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		if a.chat() {
			for i := range p.Choices {
				a.chunk(p, choice{Index: i, Delta: &speech{Role: "assistant"}})
			}
		}
	}
	for i, c := range p.Choices {
		if a.closed[i] || (c.Generated == a.told[i] && c.Finish == "") {
			continue
		}
		text := a.text(p, i, a.told[i])
		out := choice{Index: i}
		if a.chat() {
			out.Delta = &speech{Content: text}
		} else {
			out.Text = &text
		}
		if c.Finish != "" && c.Finish != string(engine.Error) {
			finish := c.Finish
			out.FinishReason = &finish
			a.closed[i] = true
		}
		a.told[i] = c.Generated
		a.chunk(p, out)
	}
	a.flush()
}

// endStream closes it: with the usage if asked for, or with the error that
// came after the headers had gone out.
func (a *answer) endStream(p serving.Progress) {
	switch {
	case a.failed(p):
		a.event(failure(http.StatusInternalServerError, p.Message))
	case a.usage:
		r := a.response(p, ".chunk")
		r.Choices, r.Usage = []choice{}, a.counts(p)
		a.event(r)
	}
	_, _ = fmt.Fprint(a.writer, "data: [DONE]\n\n") // a client that leaves is not our trouble
	a.flush()
}

func (a *answer) chunk(p serving.Progress, c choice) {
	r := a.response(p, ".chunk")
	r.Choices = []choice{c}
	a.event(r)
}

func (a *answer) event(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		return // every value here is plain
	}
	_, _ = fmt.Fprintf(a.writer, "data: %s\n\n", text) // a client that leaves is not our trouble
}

func (a *answer) flush() {
	if f, ok := a.writer.(http.Flusher); ok {
		f.Flush()
	}
}

func (a *answer) response(p serving.Progress, part string) response {
	r := response{ID: p.ID, Object: "text_completion", Created: a.created, Model: a.model, Choices: []choice{}}
	if a.chat() {
		r.Object = "chat.completion" + part
	}
	return r
}

// text is a choice's answer from one of its tokens on: the one that its log
// line shows.
func (a *answer) text(p serving.Progress, i, from int) string {
	var b strings.Builder
	for n := from; n < p.Choices[i].Generated; n++ {
		b.WriteString(telemetry.Token(uint64(p.Choices[i].PromptTokens), n)) // #nosec G115 -- counts from zero
	}
	return b.String()
}

func (a *answer) counts(p serving.Progress) *usage {
	u := &usage{CompletionTokens: p.Generated}
	for i, c := range p.Choices {
		if i%a.call.N == 0 { // a prompt counts once, however many sequences it has
			u.PromptTokens += c.PromptTokens
		}
	}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	return u
}
