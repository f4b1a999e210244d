package vllm

import (
	"strings"
)

// inferenceSpanNames are how instrumentations begin the name of a span that calls a model: the semantic conventions say
// "{operation} {model}", the rest are products that came before them.
var inferenceSpanNames = []string{
	"chat ", "text_completion ", "generate_content ", "embeddings ", // semantic conventions
	"chat.completions ", "text_completions ", "text.completions ", "responses ", "completion ", // Semantic Kernel, vLLM to come
	"openai.chat", "openai.completion", "openai.embeddings", "openai.response", // OpenLLMetry
	"litellm_request",             // LiteLLM proxy
	RouterSpanPrefix, GatewaySpan, // vLLM production stack, llm-d
}

// InferenceSpanName reports whether a span of this name calls a model, as far as a name tells.
func InferenceSpanName(name string) bool {
	for _, begin := range inferenceSpanNames {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}

// inferenceNames are whole names of spans that call a model, by instrumentations that do not name the model there.
var inferenceNames = map[string]bool{
	"ChatCompletion": true, "Completion": true, "CreateEmbeddingResponse": true, "Response": true, // OpenInference: the response's class
	"acompletion": true, "completion": true, "aembedding": true, "embedding": true, "aresponses": true, "responses": true, // OpenInference on LiteLLM
	"ChatOpenAI": true, "VLLMOpenAI": true, "OpenAI": true, // LangChain's classes
	"Received Proxy Server Request": true, // LiteLLM proxy
	"raw_gen_ai_request":            true,
}

// PerhapsInference reports whether spans of this name may call a model. It serves to find services that do: a store tells
// the names of spans, not their attributes. What a span is, its attributes say.
func PerhapsInference(name string) bool {
	return InferenceSpanName(name) || inferenceNames[name] || strings.HasPrefix(name, "ai.") && CallTypeOf("ai.operationId", firstWord(name)) == TypeModelCall
}

// SurelyNoInference reports whether the name of a span tells of something else than a call to a model: an HTTP route, a
// database, a tool. Names are all that a store tells in advance; what is left may be anything.
func SurelyNoInference(name string) bool {
	if PerhapsInference(name) {
		return false
	}
	verb := firstWord(name)
	if httpVerbs[verb] || strings.HasPrefix(name, "/") {
		return !InferencePath(strings.TrimSpace(strings.TrimPrefix(name, verb)))
	}
	return otherSystem(name) || otherWork(name) || PhaseOf(name) != NoPhase
}

var httpVerbs = map[string]bool{
	"GET": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "HEAD": true, "OPTIONS": true, "HTTP": true,
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// engineOperations begin the name of an engine's request span where it follows the semantic conventions.
var engineOperations = []string{
	"chat ", "text_completion ", "completion ", "generate_content ", "generate ", "embeddings ", "responses ", "rerank ", "score ",
	"classify ", "pooling ", "transcription ", "translation ",
}

// EngineSpanName reports whether a span of this name may be an engine's request span that goes by "{operation} {model}".
func EngineSpanName(name string) bool {
	for _, begin := range engineOperations {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}
