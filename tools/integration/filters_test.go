//go:build integration && unix

package integration_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/tools/grade"
)

// TestFiltersGiveTheRowsThatPassThem asks for all rows of some minutes once, and then with filters, scopes and limits. Some of
// these let the plugin ask the stores for less; whichever way it takes, the answer is the rows of the whole answer that pass.
func TestFiltersGiveTheRowsThatPassThem(t *testing.T) {
	f := theFleet(t)
	window := backend.TimeRange{From: f.window.From.Add(10 * time.Minute), To: f.window.From.Add(16 * time.Minute)}
	all := grade.Rows(f.ask(t, window, requestsQuery(100_000))[0])
	require.Greater(t, len(all), 500)

	type filter = map[string]any
	above := func(column string, least float64) func(grade.Row) bool {
		return func(r grade.Row) bool { v, ok := r.Number(column); return ok && v > least }
	}
	matches := func(column, pattern string) func(grade.Row) bool {
		re := regexp.MustCompile("^(?:" + pattern + ")$")
		return func(r grade.Row) bool { return r.Text(column) != "" && re.MatchString(r.Text(column)) }
	}
	both := func(a, b func(grade.Row) bool) func(grade.Row) bool {
		return func(r grade.Row) bool { return a(r) && b(r) }
	}
	for name, c := range map[string]struct {
		filters []filter
		scope   map[string]any
		passes  func(grade.Row) bool
		limit   int
		sort    string // with a limit: a column, "-" in front when it descends; the slowest without
	}{
		// Spans decide: logs and metrics are asked for what stays.
		"slow ones": {filters: []filter{{"column": "e2e", "op": ">", "value": "5s"}}, passes: above("e2e", 5)},
		"the slowest with long prompts": {
			filters: []filter{{"column": "prompt_tokens", "op": ">", "value": "1000"}}, passes: above("prompt_tokens", 1000), limit: 20,
		},
		"one caller's with a slow first token": {
			filters: []filter{{"column": "caller_service", "op": "=", "value": "rag-app"}, {"column": "ttft", "op": ">", "value": "100ms"}},
			passes:  both(matches("caller_service", "rag-app"), above("ttft", 0.1)),
		},
		"the newest of some tokens": {
			filters: []filter{{"column": "completion_tokens", "op": ">", "value": "100"}}, passes: above("completion_tokens", 100), limit: 50, sort: "-time",
		},
		"the first ones": {passes: func(grade.Row) bool { return true }, limit: 50, sort: "time"},
		"ids by pattern": {filters: []filter{{"column": "client_request_id", "op": "=~", "value": "req-.*7"}}, passes: matches("client_request_id", "req-.*7")},
		// Lines, callers and metrics decide.
		"without an engine span": {filters: []filter{{"column": "e2e", "op": "null"}}, passes: func(r grade.Row) bool { _, ok := r.Number("e2e"); return !ok }},
		"what failed": {
			filters: []filter{{"column": "status", "op": "=", "values": []string{"aborted", "rejected", "error"}}}, passes: matches("status", "aborted|rejected|error"),
		},
		"on a busy engine":                  {filters: []filter{{"column": "running", "op": ">", "value": "3"}}, passes: above("running", 3)},
		"seen in all stores":                {filters: []filter{{"column": "signals", "op": "=", "value": "trace+logs+metrics"}}, passes: matches("signals", `trace\+logs\+metrics`), limit: 100},
		"the longest outside of the engine": {passes: func(grade.Row) bool { return true }, limit: 10, sort: "-outside_engine"},
		"of several lines":                  {filters: []filter{{"column": "log_lines", "op": ">", "value": "2"}}, passes: above("log_lines", 2)},
		"a model, by its filter":            {filters: []filter{{"column": "model", "op": "!=", "value": "Qwen/Qwen3-32B"}}, passes: matches("model", "meta-llama/.*|mistralai/.*")},
		// Places: stores are asked with their labels.
		"a model":                  {scope: map[string]any{"models": []string{"Qwen/Qwen3-32B"}}, passes: matches("model", "Qwen/Qwen3-32B")},
		"an environment, slow":     {scope: map[string]any{"environments": []string{"staging"}}, filters: []filter{{"column": "e2e", "op": ">", "value": "1s"}}, passes: both(matches("environment", "staging"), above("e2e", 1))},
		"pods by pattern":          {scope: map[string]any{"where": []filter{{"key": "pod", "op": "=~", "values": []string{".*-0"}}}}, passes: matches("pod", ".*-0")},
		"the slowest of a model":   {scope: map[string]any{"models": []string{"Qwen/Qwen3-32B"}}, passes: matches("model", "Qwen/Qwen3-32B"), limit: 10},
		"nothing that there is":    {filters: []filter{{"column": "e2e", "op": ">", "value": "1h"}}, passes: func(grade.Row) bool { return false }},
		"everything that there is": {filters: []filter{{"column": "time", "op": "not null"}}, passes: func(grade.Row) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(all), func(r grade.Row) bool { return !c.passes(r) })
			require.Equal(t, name == "nothing that there is", len(want) == 0)
			column, desc := strings.CutPrefix(cmp.Or(c.sort, "-e2e"), "-")
			if c.limit > 0 {
				slices.SortStableFunc(want, func(a, b grade.Row) int { return byColumn(a, b, column, desc) })
				want = want[:min(c.limit, len(want))]
			}
			spec := map[string]any{
				"limit": cmp.Or(c.limit, 100_000), "sort": map[string]any{"column": column, "desc": desc}, "filters": c.filters,
			}
			got := grade.Rows(f.ask(t, window, map[string]any{"queryType": "requests", "requests": spec, "scope": c.scope})[0])
			t.Logf("%d of %d rows", len(got), len(all))
			require.Equal(t, spanSet(want), spanSet(got))
			told, expected := cellsOf(got), cellsOf(want)
			if c.scope == nil && c.limit == 0 {
				require.Equal(t, expected, told, "the stores said the same")
				return
			}
			// They were asked for less: of a request that was tried twice only one go may be in the answer, whose evidence then
			// says less, or is less ambiguous.
			others := slices.DeleteFunc(told, func(cells string) bool { return slices.Contains(expected, cells) })
			require.LessOrEqual(t, len(others), 1+len(expected)/100, strings.Join(others, "\n"))
		})
	}
}

// byColumn orders rows by a time or a number; those without the number come last, and equals as the plugin promises: the
// newer first, then by id, and sequences of one request by their spans.
func byColumn(a, b grade.Row, column string, desc bool) int {
	return cmp.Or(byValue(a, b, column, desc), b.Time().Compare(a.Time()), strings.Compare(a.Text("request_id"), b.Text("request_id")),
		strings.Compare(a.Text("trace_id"), b.Text("trace_id")), strings.Compare(a.Text("span_id"), b.Text("span_id")))
}

func byValue(a, b grade.Row, column string, desc bool) int {
	x, known := a.Number(column)
	y, other := b.Number(column)
	if column == "time" {
		x, y, known, other = float64(a.Time().UnixNano()), float64(b.Time().UnixNano()), true, true
	}
	switch {
	case !known || !other:
		return cmp.Compare(fmt.Sprint(other), fmt.Sprint(known))
	case desc:
		return cmp.Compare(y, x)
	default:
		return cmp.Compare(x, y)
	}
}

// cellsOf is every row as text, in an order that does not depend on the answer's.
func cellsOf(rows []grade.Row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		var b strings.Builder
		r.Each(func(column string, value any) {
			if column != "preemptions" { // near the range's end: a limited answer may have read a scrape more
				fmt.Fprintf(&b, "%s=%v ", column, value)
			}
		})
		out[i] = b.String()
	}
	slices.Sort(out)
	return out
}
