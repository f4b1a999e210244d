package vllm

import (
	"iter"
	"strings"
)

// CallEvidence says how sure it is that a span is a call to a model.
type CallEvidence uint8

const (
	// NoCall is a span of something else, or one that says nothing.
	NoCall CallEvidence = iota
	// WeakCall is a span that names a model and goes somewhere, and says no more: proxies copy a request's model to all spans
	// that they make for it. Beside a span of the same service that says what it is, this one is a part of that call.
	WeakCall
	// SureCall is a span that says by itself that it calls a model.
	SureCall
)

// CallSigns is what a span above the engines tells about itself, so far as it bears on whether it is a call to a model.
type CallSigns struct {
	Name      string   // of the span
	Type      CallType // what the instrumentation declares it to be
	Operation string   // gen_ai.operation.name
	Path      string   // URL or path of an HTTP span
	HTTP      bool
	Foreign   bool // carries attributes of another kind of system
	Router    bool // carries attributes of the production stack's router
	Model     bool // names a model
	ID        bool // carries the id of a request or a response
	Asked     bool // carries a question: messages or sampling parameters
	Crosses   bool // kind CLIENT or SERVER: one end of a call between processes
}

// callRules decide in this order; the first that has an opinion is right. They ask what a span says of itself rather than
// whether its operation is on a list: lists of names are never complete, and proxies put the model on spans of their
// databases, caches and logins.
var callRules = []struct {
	why    string
	decide func(*CallSigns) (evidence CallEvidence, decided bool)
}{
	{"attributes of a database, a queue, a tool, a guardrail", func(s *CallSigns) (CallEvidence, bool) { return NoCall, s.Foreign }},
	{"the instrumentation says what the span is", func(s *CallSigns) (CallEvidence, bool) {
		return sure(s.Type == TypeModelCall), s.Type != TypeUnknown
	}},
	{"the name of another system", func(s *CallSigns) (CallEvidence, bool) { return NoCall, otherSystem(s.Name) }},
	{"the operation is known", func(s *CallSigns) (CallEvidence, bool) {
		is, known := operation(s.Operation)
		return sure(is), known
	}},
	{"a router of the production stack", func(s *CallSigns) (CallEvidence, bool) { return SureCall, s.Router }},
	{"names neither a model nor a request", func(s *CallSigns) (CallEvidence, bool) { return NoCall, !s.Model && !s.ID }},
	{"HTTP to a path that asks a model, or to another", func(s *CallSigns) (CallEvidence, bool) {
		if !s.HTTP || s.Path == "" {
			return NoCall, false
		}
		if InferencePath(s.Path) && s.Crosses {
			return WeakCall, true
		}
		return NoCall, true
	}},
	{"the name of a product's call", func(s *CallSigns) (CallEvidence, bool) { return SureCall, InferenceSpanName(s.Name) }},
	{"the name of other work", func(s *CallSigns) (CallEvidence, bool) { return NoCall, otherWork(s.Name) }},
	{"an operation that nobody has heard of, with a model", func(s *CallSigns) (CallEvidence, bool) {
		return SureCall, s.Operation != "" && s.Model && (s.Crosses || s.Asked)
	}},
	{"asks a model something", func(s *CallSigns) (CallEvidence, bool) { return SureCall, s.Model && s.Asked }},
	{"goes to another process and names a model or a request", func(s *CallSigns) (CallEvidence, bool) { return WeakCall, s.Crosses }},
}

func sure(yes bool) CallEvidence {
	if yes {
		return SureCall
	}
	return NoCall
}

// ModelCall decides whether a span is a call to a model.
func ModelCall(s *CallSigns) CallEvidence {
	for i := range callRules {
		if e, decided := callRules[i].decide(s); decided {
			return e
		}
	}
	return NoCall
}

// CallType is what an instrumentation declares a span to be.
type CallType uint8

// The types.
const (
	TypeUnknown CallType = iota
	TypeModelCall
	TypeOther // an agent, a chain, a tool, a retrieval: work around calls
)

// callTypes are the attributes by which instrumentations say what a span is, and the values of a model call. Values that are
// not listed are other work, unless the attribute has values that tell nothing.
var callTypes = map[string]struct{ calls, nothing []string }{
	"openinference.span.kind":   {calls: []string{"llm", "embedding", "reranker"}, nothing: []string{"unknown", ""}},
	"gen_ai.span.kind":          {calls: []string{"llm", "embedding", "reranker"}, nothing: []string{"unknown", ""}},
	"langfuse.observation.type": {calls: []string{"generation", "embedding"}, nothing: []string{""}},
	"langsmith.span.kind":       {calls: []string{"llm", "embedding"}, nothing: []string{""}},
	"mlflow.spantype":           {calls: []string{"chat_model", "llm", "embedding"}, nothing: []string{"unknown", ""}},
	"mlflow.spanType":           {calls: []string{"chat_model", "llm", "embedding"}, nothing: []string{"unknown", ""}},
	"llm.request.type":          {calls: []string{"chat", "completion", "embedding", "rerank"}, nothing: []string{"unknown", ""}},
	"traceloop.span.kind":       {nothing: []string{"", "unknown"}},
	"ai.operationId":            {calls: []string{"ai.generatetext.dogenerate", "ai.streamtext.dostream", "ai.generateobject.dogenerate", "ai.streamobject.dostream", "ai.embed.doembed", "ai.embedmany.doembed", "ai.rerank.dorerank"}, nothing: []string{""}},
}

// CallTypeOf reads such an attribute.
func CallTypeOf(key, value string) CallType {
	rule := callTypes[key]
	value = strings.ToLower(strings.Trim(value, `" `)) // MLflow writes JSON
	for _, known := range rule.calls {
		if value == known {
			return TypeModelCall
		}
	}
	for _, known := range rule.nothing {
		if value == known {
			return TypeUnknown
		}
	}
	return TypeOther
}

// foreignPrefixes begin the attributes of systems that are no engines. What a proxy or an SDK declares about the tools of a
// chat (gen_ai.tool.definitions, gen_ai.tool.0.name) is none of them.
var foreignPrefixes = []string{
	"db.", "messaging.", "litellm.service.", "litellm.guardrail.", "mcp.", "gen_ai.tool.call.", "faas.", "graphql.",
	"retrieval.documents", "gen_ai.retrieval.", "tool_call.", "gen_ai.evaluation.", "gen_ai.memory.",
}

func foreign(key string) bool {
	switch key {
	case "gen_ai.tool.name", "tool.name", "gen_ai.tool.type", "gen_ai.workflow.name":
		return true
	}
	for _, prefix := range foreignPrefixes {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// operation says whether the name of an operation is that of a call to a model. known is false for names that hold none of
// the words below.
func operation(name string) (is, known bool) {
	for w := range wordsOf(name) {
		if otherWords.begin(w) {
			return false, true
		}
		is = is || callWords.begin(w)
	}
	return is, is
}

// otherWork reports whether the name of a span tells of something else than a model.
func otherWork(name string) bool {
	looked := 0
	for w := range wordsOf(name) {
		if otherWords.begin(w) || systemWords.begin(w) {
			return true
		}
		if looked++; looked == 3 { // what stands behind is the model's name, or a table's
			break
		}
	}
	return false
}

// otherSystem reports whether the name of a span begins with a kind of system that is no engine.
func otherSystem(name string) bool {
	for w := range wordsOf(name) {
		return systemWords.begin(w) || loginWords.begin(w)
	}
	return false
}

// stems are beginnings of words.
type stems []string

func (s stems) begin(word string) bool {
	for _, stem := range s {
		// LiteLLM's asynchronous calls have an "a" in front.
		if strings.HasPrefix(word, stem) || len(word) > 4 && word[0] == 'a' && strings.HasPrefix(word[1:], stem) {
			return true
		}
	}
	return false
}

var (
	otherWords = stems{
		"agent", "tool", "workflow", "retriev", "search", "guardrail", "memory", "evaluat", "manage", "moderat", "handoff",
		"fetch", "upload", "file", "batch", "list", "delete", "count", "tokeniz", "tokenis", "detokeniz", "vector", "mcp", "plan", "task", "cache",
		"auth", "login", "queue", "publish", "database", "fine", "send",
	}
	callWords = stems{
		"chat", "complet", "generat", "embed", "response", "message", "rerank", "score", "scoring", "classif", "pooling", "transcri", "translat",
		"speech", "infer", "predict", "llm",
	}
	loginWords  = stems{"auth", "login", "cache", "queue", "database"}
	systemWords = stems{
		"redis", "postgres", "mysql", "sqlite", "mongo", "kafka", "rabbit", "sql", "select", "insert", "update", "dynamo", "s3", "memcache",
		"valkey", "budget", "spend", "health", "metrics", "webhook", "db", "lock", "token",
	}
)

// wordsOf cuts a name into lower-case words, also where a capital letter begins one.
func wordsOf(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		begin := 0
		for i := 0; i <= len(name); i++ {
			next := i + 1
			if i < len(name) {
				switch c := name[i]; {
				case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
					continue
				case c >= 'A' && c <= 'Z':
					if i == 0 || name[i-1] < 'a' || name[i-1] > 'z' {
						continue
					}
					next = i
				}
			}
			if i > begin && !yield(strings.ToLower(name[begin:i])) {
				return
			}
			begin = next
		}
	}
}

// inferencePaths end the paths at which vLLM's API server takes questions.
var inferencePaths = []string{
	"/completions", "/responses", "/messages", "/embeddings", "/rerank", "/score", "/classify", "/pooling", "/transcriptions",
	"/translations", "/generate", "/invocations", "/embed", "/generate_stream",
}

// InferencePath reports whether a URL or path is one at which a model is asked.
func InferencePath(url string) bool {
	path, _, _ := strings.Cut(url, "?")
	path = strings.TrimRight(path, "/")
	for _, end := range inferencePaths {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}

// FinishReason reads a finish reason, or the one that several answers share: a plain word, a list as JSON or as Python prints one,
// words with commas between them, or the name of an enumeration's member. Of answers that ended for different reasons it gives
// SeveralReasons: the list does not tell which sequence of the engine is which.
func FinishReason(text string) string {
	text = strings.Trim(strings.TrimSpace(text), "[]() ")
	shared := ""
	for i, word := range strings.Split(text, ",") {
		reason := oneFinishReason(word)
		if i > 0 && strings.TrimSpace(word) == "" { // a comma behind the last one, as in a Python tuple
			continue
		}
		if i > 0 && reason != shared {
			return SeveralReasons
		}
		shared = reason
	}
	return shared
}

// SeveralReasons stands for answers that ended for different reasons. vLLM has no such reason.
const SeveralReasons = "several"

func oneFinishReason(text string) string {
	text = strings.Trim(text, `"' `)
	if i := strings.LastIndexByte(text, '.'); i >= 0 { // FinishReason.STOP
		text = text[i+1:]
	}
	if text == "null" || text == "None" || text == "none" {
		return ""
	}
	return strings.ToLower(text)
}
