package openai

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/traffic"
)

// body is what we read of a request; what else vLLM knows is accepted and left aside.
type body struct {
	Model               string          `json:"model"`
	Messages            []message       `json:"messages"`
	Prompt              json.RawMessage `json:"prompt"` // one text, or several
	Stream              bool            `json:"stream"`
	StreamOptions       *streamOptions  `json:"stream_options"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"` // its newer name
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	N                   *int            `json:"n"`
	IgnoreEOS           bool            `json:"ignore_eos"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a text, or parts of which the texts count.
type content string

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(text []byte) error {
	var whole *string
	if json.Unmarshal(text, &whole) == nil {
		if whole != nil {
			*c = content(*whole)
		}
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

// order is a request understood.
type order struct {
	call  traffic.Call
	model string // as it was asked for
	usage bool   // a stream ends with the usage
}

// refusal is an answer without asking an engine.
type refusal struct {
	status  int
	message string
}

const maxChoices = 16 // prompts times n; enough for any test, and no way to flood the fleet

// read understands a request to an endpoint. A refusal still has a call, by
// which the fleet books it.
func read(endpoint string, text []byte, served []Served) (order, *refusal) {
	o := order{call: traffic.Call{Endpoint: endpoint, N: 1, TopP: 1, Temperature: 1}}
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return o, &refusal{http.StatusBadRequest, "the body is not JSON of the expected shape: " + err.Error()}
	}
	o.model, o.call.Stream = b.Model, b.Stream
	o.usage = b.StreamOptions != nil && b.StreamOptions.IncludeUsage
	limit := 0
	if limit = o.choose(served); limit == 0 {
		return o, &refusal{http.StatusNotFound, fmt.Sprintf("The model `%s` does not exist.", b.Model)}
	}
	if b.Temperature != nil {
		o.call.Temperature = *b.Temperature
	}
	if b.TopP != nil {
		o.call.TopP = *b.TopP
	}
	if b.N != nil {
		o.call.N = *b.N
	}
	texts, err := b.texts(endpoint)
	if err != nil {
		return o, &refusal{http.StatusBadRequest, err.Error()}
	}
	if o.call.N < 1 || len(texts)*o.call.N > maxChoices {
		return o, &refusal{http.StatusBadRequest, fmt.Sprintf("between 1 and %d choices can be asked for", maxChoices)}
	}
	longest := 0
	for _, t := range texts {
		p := b.prompt(t)
		longest = max(longest, p.Tokens)
		o.call.Prompts = append(o.call.Prompts, p)
	}
	o.call.MaxTokens = limit - longest
	for _, asked := range []*int{b.MaxTokens, b.MaxCompletionTokens} {
		if asked != nil {
			o.call.MaxTokens = *asked
		}
	}
	if o.call.MaxTokens < 1 || longest+o.call.MaxTokens > limit {
		return o, &refusal{http.StatusBadRequest, fmt.Sprintf(
			"This model's maximum context length is %d tokens. However, you requested %d output tokens and your prompt contains %d input tokens.",
			limit, max(o.call.MaxTokens, 1), longest)}
	}
	o.lengths(b.IgnoreEOS)
	return o, nil
}

// choose finds the model or the adapter of that name and gives its context
// length; 0 when nobody serves it. No name means the first model.
func (o *order) choose(served []Served) int {
	for i, s := range served {
		switch {
		case o.model == "":
			o.model = s.Name
		case slices.Contains(s.LoRAs, o.model):
			o.call.LoRA = o.model
		case s.Name != o.model:
			continue
		}
		o.call.Model = i
		return s.MaxModelLen
	}
	return 0
}

// texts are the prompts.
func (b *body) texts(endpoint string) ([]string, error) {
	if endpoint == traffic.ChatCompletions {
		if len(b.Messages) == 0 {
			return nil, fmt.Errorf("messages is empty")
		}
		var t strings.Builder
		for _, m := range b.Messages {
			t.WriteString(m.Role + "\n" + string(m.Content) + "\n") // as a template would
		}
		return []string{t.String()}, nil
	}
	var one string
	if json.Unmarshal(b.Prompt, &one) == nil {
		return []string{one}, nil
	}
	var several []string
	if err := json.Unmarshal(b.Prompt, &several); err != nil || len(several) == 0 {
		return nil, fmt.Errorf("prompt must be a text or a list of texts")
	}
	return several, nil
}

// bytesPerToken is what English makes with the usual vocabularies.
const bytesPerToken = 4

func tokens(text string) int { return 1 + len(text)/bytesPerToken }

// prompt counts. Calls with the same system message share its blocks.
func (b *body) prompt(text string) traffic.Prompt {
	p := traffic.Prompt{Tokens: tokens(text)}
	if len(b.Messages) > 1 && b.Messages[0].Role == "system" {
		system := string(b.Messages[0].Content)
		p.PrefixID, p.PrefixTokens = hash(system), min(tokens(system), p.Tokens-1)
	}
	return p
}

// lengths draws how long the answers would be, by the prompt: the same
// question gets the same answer.
func (o *order) lengths(untilTheLimit bool) {
	for i := range o.call.Prompts {
		p := &o.call.Prompts[i]
		random := rand.New(rand.NewPCG(uint64(p.Tokens), p.PrefixID)) // #nosec G404 G115 -- must be repeatable; counts from zero
		for range o.call.N {
			length := 1 + int(150*math.Exp(0.5*random.NormFloat64()))
			if untilTheLimit {
				length = o.call.MaxTokens + 1
			}
			p.Outputs = append(p.Outputs, length)
		}
	}
}

func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64() | 1         // 0 is none
}
