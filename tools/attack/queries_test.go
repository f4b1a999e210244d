//go:build unix

package attack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/tools/pluginhost"
	"github.com/llmserving/grafana-vllm-datasource/tools/repo"
)

func TestAttackQueries(t *testing.T) {
	try(t, "store queries",
		attack{
			name:  "hostile texts in every field of every query kind",
			tried: "each text field of each kind, the scope and every parameter of the lists holds texts that break out of quotes, regexes, comments and URLs",
			holds: "outside quotes and in paths the stores see only what harmless texts give, too",
			run:   hostileFields,
		},
		attack{
			name:  "hostile texts in what stores answer",
			tried: "models, pods, services, request ids and lines that a store has are such texts, and every kind is asked",
			holds: "outside quotes and in paths the other stores see only what harmless answers give, too",
			run:   hostileAnswers,
		},
	)
}

// hostile texts, each for a language or a way through one.
var hostile = []string{
	`"`, `'`, "`", `\`, `\"`, `"} or vector(1) #`, `"}) or up{a="`, "`} | json | line_format `{{.}}", `{job=~".+"}`, `a"} |= "b`,
	`a|b) or (c`, `(?i)a`, `[a-`, `a{2`, `$__interval`, `${__data}`, `{{ .Values }}`, `../../admin?x=1#y`, `%22%7D`, "a\u2028b", "é\u202e\"x", "x=~`.*`",
	`", other="1`, `<b onmouseover=alert(1)>`, "日本語\"`'\\",
}

// harmless texts, for what they make of a query: a word, several, a number, conditions, an expression that takes all.
var harmless = []string{"llama", "two words", "7", "a.b=b", "a=b", "a!=b", "x=~b", "a!~b", ".*", ""}

// examples has a query of each kind with every field of text set.
func examples() []map[string]any {
	text := "llama"
	conditions := func(key string) []any {
		var all []any
		for _, op := range []string{"=", "!=", "=~", "!~"} {
			all = append(all, map[string]any{"key": key, "op": op, "values": []any{text}})
		}
		return all
	}
	scope := map[string]any{
		"models": []any{text}, "environments": []any{text}, "clusters": []any{text}, "namespaces": []any{text}, "pods": []any{text},
		"instances": []any{text}, "engines": []any{"0"}, "services": []any{text}, "where": conditions("model"),
	}
	var filters []any
	for i, c := range join.Columns {
		op := []string{"=", "!=", "=~", "!~"}[i%4]
		switch {
		case c.Text != nil:
			filters = append(filters, map[string]any{"column": c.Name, "op": op, "value": text})
		case c.Number != nil || c.Integer != nil:
			filters = append(filters, map[string]any{"column": c.Name, "op": ">", "value": "1"})
		}
	}
	filters = append(filters, map[string]any{"column": "model", "op": "=", "values": []any{text, "b"}})
	kinds := []map[string]any{
		{"queryType": "requests", "requests": map[string]any{"filters": []any{}, "sort": map[string]any{"column": "e2e", "desc": true}, "limit": 5, "live": false}},
		{"queryType": "requests", "requests": map[string]any{"form": "numeric", "metric": "passed", "groupBy": []any{"model"}, "filters": []any{map[string]any{"column": "e2e", "op": ">", "value": "1s"}}}},
		{"queryType": "request", "request": map[string]any{"id": "chatcmpl-order0", "show": []any{"summary", "phases", "trace", "logs", "engine", "neighbours"}}},
		{"queryType": "models", "models": map[string]any{"metrics": []any{"running", "ttft"}, "groupBy": []any{"model"}, "quantiles": []any{0.95}, "form": "timeseries"}},
		{"queryType": "slo", "slo": map[string]any{"metrics": []any{"attainment", "ttft_attainment"}, "groupBy": []any{"model"}, "target": 0.99, "form": "table"}},
		{"queryType": "logs", "logs": map[string]any{"levels": []any{"error"}, "process": "APIServer", "logger": "async_llm.py", "requestId": "chatcmpl-order0",
			"contains": text, "regex": text, "limit": 10, "oldest": true, "volume": false, "live": false, "where": conditions("pod"), "stream": map[string]any{"pod": text},
			"around": fmt.Sprint(at(0).UnixNano())}},
		{"queryType": "logs", "logs": map[string]any{"contains": text, "volume": true}},
		{"queryType": "trace", "trace": map[string]any{"traceId": traceID(0)}},
		{"queryType": "annotations", "annotations": map[string]any{"events": []any{"restart"}, "limit": 5}},
		{"queryType": "coverage", "coverage": map[string]any{"form": "table", "metric": "explained_ratio"}},
		{"queryType": "promql", "promql": map[string]any{"expr": "up", "instant": false, "legend": text, "minStep": "15s", "format": "table"}},
	}
	var all []map[string]any
	for i, kind := range kinds {
		kind["version"], kind["scope"] = 1, map[string]any{"models": []any{text}, "where": []any{map[string]any{"key": "pod", "op": "=~", "values": []any{text}}}}
		if i < 6 { // once for each way in which a scope reaches a store
			kind["scope"] = scope
		}
		all = append(all, kind)
	}
	for some := range slices.Chunk(filters, 10) {
		all = append(all, map[string]any{"queryType": "requests", "version": 1, "requests": map[string]any{"filters": some}})
	}
	return all
}

// lists are the paths and parameters of what editors and variables offer.
func lists(text string) []string {
	var all []string
	in := url.QueryEscape(text)
	where, _ := json.Marshal(map[string]any{"key": "model", "op": "=", "values": []string{text}}) // of strings
	for _, path := range []string{"models", "pods", "services", "engines", "metrics", "labels", "labels/pod/values", "columns/model/values", "log-writers", "recent-requests"} {
		for _, name := range []string{"model", "environment", "cluster", "namespace", "pod", "instance", "engine", "service", "metric", "match"} {
			all = append(all, path+"?"+name+"="+in)
		}
		all = append(all, path+"?where="+url.QueryEscape(string(where)), path+"?from="+in+"&to=1", path+"?"+in+"=1")
	}
	return append(all, "labels/"+url.PathEscape(text)+"/values", "columns/"+url.PathEscape(text)+"/values", url.PathEscape(text))
}

// with gives copies of a JSON value, in each of which one text is another. Fields that are PromQL themselves stay: whoever may ask
// may ask Prometheus anything.
func with(value any, text string, name string) (copies []any) {
	switch v := value.(type) {
	case string:
		if name != "queryType" && name != "expr" {
			return []any{text}
		}
	case []any:
		for i, inner := range v {
			for _, replaced := range with(inner, text, name) {
				changed := slices.Clone(v)
				changed[i] = replaced
				copies = append(copies, changed)
			}
		}
	case map[string]any:
		for key, inner := range v {
			for _, replaced := range with(inner, text, key) {
				changed := map[string]any{}
				for k, other := range v {
					changed[k] = other
				}
				changed[key] = replaced
				copies = append(copies, changed)
			}
		}
		if name == "stream" {
			copies = append(copies, map[string]any{text: "llama"})
		}
	}
	return copies
}

// askEverywhere puts a text into every field and parameter, one at a time.
func askEverywhere(t *testing.T, host *pluginhost.Host, text string) {
	t.Helper()
	var queries []backend.DataQuery
	for _, example := range examples() {
		for _, model := range with(example, text, "") {
			queries = append(queries, asked(t, fmt.Sprint("q", len(queries)), model))
		}
	}
	for some := range slices.Chunk(queries, 25) {
		answer, err := host.QueryData(t.Context(), some...)
		require.NoError(t, err)
		require.Len(t, answer.Responses, len(some))
	}
	for _, path := range lists(text) {
		_, _, _ = host.CallResource(t.Context(), path) // an error is an answer, too; that the plugin lives is seen at its end
	}
}

// reading are the paths of Prometheus and Loki that change nothing.
var reading = regexp.MustCompile(`^/(loki/)?api/v1/(query|query_range|labels|label/[A-Za-z0-9_]+/values|series|metadata|status/buildinfo|index/stats|detected_labels)$`)

func hostileFields(t *testing.T) {
	if testing.Short() {
		t.Skip("it asks some thousand queries")
	}
	requireEveryField(t)
	stores := newStores(t)
	host := start(t, stores.settings())
	for _, example := range examples() {
		require.NoError(t, ask(t, host, example).Error, "an example that is refused as it is attacks nothing: %v", example)
	}
	for _, text := range harmless {
		askEverywhere(t, host, text)
	}
	allowed := shapes(t, stores.texts())
	stores.prometheus.forget()
	stores.loki.forget()
	for _, text := range hostile {
		askEverywhere(t, host, text)
	}
	seen := stores.texts()
	requireOnly(t, allowed, seen)
	for _, text := range seen {
		if _, path, ok := strings.Cut(text, " /"); ok && !strings.Contains(text, " query ") && !strings.Contains(text, " match[] ") {
			require.Regexp(t, reading, "/"+path, "not a path that only reads")
		}
	}
	require.Greater(t, len(seen), 1000, "the texts have hardly reached a store")
	figure(t, "%d distinct queries of %d shapes", len(seen), len(allowed))
}

func hostileAnswers(t *testing.T) {
	stores := newStores(t)
	host := start(t, stores.settings())
	askAll := func(told telemetry) {
		stores.told = told
		require.NoError(t, host.Configure(stores.settings())) // a new instance: what the one before has learnt is not asked again
		var queries []backend.DataQuery
		for _, kind := range examples() {
			delete(kind, "scope")
			queries = append(queries, asked(t, fmt.Sprint("q", len(queries)), kind))
		}
		for _, kind := range []string{"requests", "models", "slo", "logs", "annotations", "coverage"} {
			queries = append(queries, asked(t, fmt.Sprint("q", len(queries)), map[string]any{"queryType": kind}))
		}
		_, err := host.QueryData(t.Context(), queries...)
		require.NoError(t, err)
		for _, path := range []string{"models", "pods", "services", "metrics", "labels", "labels/pod/values", "log-writers", "recent-requests"} {
			_, _, err := host.CallResource(t.Context(), path)
			require.NoError(t, err)
		}
	}
	said := func(text string) telemetry {
		return telemetry{model: text, pod: text, service: text, request: text, caller: text + "-shop", said: text}
	}
	askAll(plain)
	for _, text := range harmless {
		askAll(said(text))
	}
	allowed := shapes(t, stores.texts())
	stores.prometheus.forget()
	stores.loki.forget()
	for _, text := range hostile {
		askAll(said(text))
	}
	seen := stores.texts()
	requireOnly(t, allowed, seen)
	figure(t, "%d distinct queries of %d shapes", len(seen), len(allowed))
}

// requireEveryField holds the examples against the query model, so that a new field is attacked from its first day.
func requireEveryField(t *testing.T) {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, "src", "query.generated.json"))
	require.NoError(t, err)
	var schema struct {
		Kinds []struct {
			Name   string
			Fields []string
		}
		Scope []string
	}
	require.NoError(t, json.Unmarshal(text, &schema))
	fields := map[string]map[string]any{}
	for _, example := range examples() {
		kind := example["queryType"].(string)
		if fields[kind] == nil {
			fields[kind] = map[string]any{}
		}
		if spec, ok := example[kind].(map[string]any); ok {
			for name, value := range spec {
				fields[kind][name] = value
			}
		}
	}
	for _, name := range schema.Scope {
		require.Contains(t, examples()[0]["scope"], name, "a place that no example has")
	}
	for _, kind := range schema.Kinds {
		for _, name := range kind.Fields {
			require.Contains(t, fields[kind.Name], name, "a field of kind %s that no example has", kind.Name)
		}
	}
}

// quoted is a text in PromQL or LogQL. number is one outside of quotes, with its unit.
var (
	quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")
	number = regexp.MustCompile(`\b[0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w|y)?([0-9]+(ms|s|m|h))*\b`)
	label  = regexp.MustCompile(`/label/[A-Za-z0-9_]+/values$`) // any name, in the characters that need no escape
	many   = regexp.MustCompile(`(…)(, ?…)+`)
)

// shape is a query without what stands in quotes and without numbers. What matches one value and what matches several differ only
// in the operator; both are the builder's.
func shape(text string) string {
	text = label.ReplaceAllString(text, "/label/…/values")
	return many.ReplaceAllString(number.ReplaceAllString(quoted.ReplaceAllString(text, "…"), "0"), "$1")
}

func shapes(t *testing.T, texts []string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, text := range texts {
		all[shape(text)] = true
	}
	require.NotEmpty(t, all)
	return all
}

func requireOnly(t *testing.T, allowed map[string]bool, seen []string) {
	t.Helper()
	strange := map[string]string{}
	for _, text := range seen {
		if !allowed[shape(text)] {
			strange[shape(text)] = text
		}
	}
	require.Empty(t, strange, "no harmless text gives these shapes")
}
