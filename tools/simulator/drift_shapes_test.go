package simulator_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
)

// spanFacts is what a consumer of spans could rely on.
type spanFacts struct {
	name, scope string
	kind        int
	root        bool
	flags       uint32
	attributes  []string // key and OTLP type, in order
	resource    []string // keys
}

// spansOfJSON reads one recorded export; its ids are hex, which the protobuf
// packages' JSON is not.
func spansOfJSON(t *testing.T, line []byte) (all []spanFacts) {
	t.Helper()
	type keyValue struct {
		Key   string
		Value map[string]any
	}
	var export struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []keyValue }
			ScopeSpans []struct {
				Scope struct{ Name string }
				Spans []struct {
					Name, ParentSpanID string
					Kind               int
					Flags              uint32
					Attributes         []keyValue
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(line, &export))
	for _, rs := range export.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				facts := spanFacts{name: s.Name, scope: ss.Scope.Name, kind: s.Kind, root: s.ParentSpanID == "", flags: s.Flags}
				for _, a := range s.Attributes {
					for kind := range a.Value {
						facts.attributes = append(facts.attributes, a.Key+" "+kind)
					}
				}
				for _, a := range rs.Resource.Attributes {
					facts.resource = append(facts.resource, a.Key)
				}
				all = append(all, facts)
			}
		}
	}
	return all
}

// spansOfProto reads what the simulator sends.
func spansOfProto(export *collector.ExportTraceServiceRequest) (all []spanFacts) {
	for _, rs := range export.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				facts := spanFacts{name: s.Name, scope: ss.Scope.Name, kind: int(s.Kind), root: len(s.ParentSpanId) == 0, flags: s.Flags}
				for _, a := range s.Attributes {
					facts.attributes = append(facts.attributes, a.Key+" "+kindOf(a.Value))
				}
				for _, a := range rs.Resource.Attributes {
					facts.resource = append(facts.resource, a.Key)
				}
				all = append(all, facts)
			}
		}
	}
	return all
}

func kindOf(v *common.AnyValue) string {
	switch v.Value.(type) {
	case *common.AnyValue_StringValue:
		return "stringValue"
	case *common.AnyValue_IntValue:
		return "intValue"
	case *common.AnyValue_DoubleValue:
		return "doubleValue"
	}
	return "other"
}

// classes replace what differs from line to line by its class, so that what is
// left are the words that a parser may rely on. Order matters.
var classes = []struct {
	find    *regexp.Regexp
	replace string
}{
	{regexp.MustCompile(`output: .*?(, output_token_ids: .*?)?, finish_reason: \w+`), "output: TEXT$1, finish_reason: REASON"},
	{regexp.MustCompile(`output_token_ids: (None|\[.*\])`), "output_token_ids: IDS"},
	{regexp.MustCompile(`(Received request|Added request|Generated response|Aborted request\(s\)) .*?(: params| \(streaming|: output|\.$)`), "$1 ID$2"},
	{regexp.MustCompile(`Request \S+ (aborted|failed)`), "Request ID $1"},
	{regexp.MustCompile(`pid=\d+`), "pid=N"},
	{regexp.MustCompile(`\d\d-\d\d \d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(`\.py:\d+\]`), ".py:N]"},
	{regexp.MustCompile(`\d+\.\d+\.\d+\.\d+:\d+`), "CLIENT"},
	{regexp.MustCompile(`"POST /v1/\S+ HTTP/1.1" \d+ .*`), "POST STATUS"},
	{regexp.MustCompile(`(ignore_eos)=\w+`), "$1=BOOL"},
	{regexp.MustCompile(`/models/tiny|tiny-llama`), "MODEL"},
	{regexp.MustCompile(`(CPU|GPU) KV cache`), "DEVICE KV cache"},
	{regexp.MustCompile(`non-default args: \{.*\}`), "non-default args: {…}"},
	{regexp.MustCompile(`(with config: ).*`), "$1…"},
	{regexp.MustCompile(`(http://)[\d.]+:\d+`), "${1}HOST"},
	{regexp.MustCompile(`/(venv|usr/local)/lib/.*?(site|dist)-packages/`), "LIB/"},
	{regexp.MustCompile(`line \d+`), "line N"},
	{regexp.MustCompile(`-?\d[\d,]*(\.\d+)?x?`), "N"},
}

// shape is the line with all that differs replaced.
func shape(line string) string {
	for _, c := range classes {
		line = c.find.ReplaceAllString(line, c.replace)
	}
	return strings.ReplaceAll(strings.ReplaceAll(line, "\x1b", "ESC"), "\r", "CR")
}
