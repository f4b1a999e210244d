package join_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
)

func TestRowsComeInTheOrderAskedFor(t *testing.T) {
	var spans []evidence.RequestSpan
	for _, i := range rand.New(rand.NewSource(1)).Perm(500) {
		s := span(fmt.Sprintf("chatcmpl-%03d", i), float64(i), podA)
		s.TTFT = float64(i % 7)
		spans = append(spans, s)
	}
	for _, test := range []struct {
		order join.Order
		limit int
		want  func(a, b *join.Request) bool // a may stand before b
	}{
		{join.Order{Column: "time"}, 0, func(a, b *join.Request) bool { return a.Time.Before(b.Time) }},
		{join.Order{Column: "time", Desc: true}, 0, func(a, b *join.Request) bool { return b.Time.Before(a.Time) }},
		{join.Order{Column: "request_id"}, 20, func(a, b *join.Request) bool { return a.RequestID < b.RequestID }},
		{join.Order{Column: "ttft", Desc: true}, 0, func(a, b *join.Request) bool {
			return a.Span.TTFT > b.Span.TTFT || a.Span.TTFT == b.Span.TTFT && b.Time.Before(a.Time) // ties: the newer first
		}},
	} {
		t.Run(fmt.Sprint(test.order, test.limit), func(t *testing.T) {
			rows, total := join.Choose(join.Requests(join.Input{Spans: spans}).Rows, join.Predicate{}, test.order, test.limit)
			require.Equal(t, 500, total)
			seen := map[string]bool{}
			for i := range rows {
				seen[rows[i].RequestID] = true
				require.True(t, i == 0 || test.want(&rows[i-1], &rows[i]), "row %d", i)
			}
			if test.limit == 0 {
				test.limit = total
			}
			require.Len(t, seen, test.limit, "each row once")
		})
	}
}

func TestTheSameLimitGivesTheSameRows(t *testing.T) {
	want := []string{"cmpl-0", "cmpl-1", "cmpl-2"}
	for _, order := range []join.Order{{}, {Column: "time"}, {Column: "time", Desc: true}, {Column: "model"}, {Column: "ttft"}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			for seed := range int64(20) {
				var spans []evidence.RequestSpan
				for _, i := range rand.New(rand.NewSource(seed)).Perm(5) { // the order in which a store answers
					spans = append(spans, span(fmt.Sprintf("cmpl-%d", i), 0, podA)) // sequences of one request begin together
				}
				rows, _ := join.Choose(join.Requests(join.Input{Spans: spans}).Rows, join.Predicate{}, order, len(want))
				var ids []string
				for i := range rows {
					ids = append(ids, rows[i].RequestID)
				}
				require.Equal(t, want, ids)
			}
		})
	}
}

func TestAPatternMatchesWholeTextsOnly(t *testing.T) {
	spans := []evidence.RequestSpan{span("chatcmpl-a", 0, podA), span("cmpl-b", 1, podA)}
	for pattern, want := range map[string]int{"cmpl-b": 1, "cmpl-.*": 1, ".*cmpl-.*": 2, "a|b": 0, "(?i)CMPL-B": 1} {
		p, err := join.CompileFilters([]join.Filter{{Column: "request_id", Op: join.Match, Value: pattern}})
		require.NoError(t, err, pattern)
		_, total := join.Choose(join.Requests(join.Input{Spans: spans}).Rows, p, join.Order{}, 0)
		require.Equal(t, want, total, pattern)
	}
}

func TestAPatternStaysWithinItsBounds(t *testing.T) {
	for name, pattern := range map[string]string{
		"one that would leave the anchors":     "chatcmpl-a)|(?:b",
		"one that is small and compiles large": strings.Repeat(".{1000}", 100),
		"one that is no expression":            "(",
	} {
		_, err := join.CompileFilters([]join.Filter{{Column: "request_id", Op: join.Match, Value: pattern}})
		require.ErrorContains(t, err, "request_id", name)
	}
}

func TestATextWithLineFeedsMatches(t *testing.T) {
	s := span("chatcmpl-a", 0, podA)
	s.Error = "Traceback\nValueError: out of memory"
	p, err := join.CompileFilters([]join.Filter{{Column: "error", Op: join.Match, Value: ".*out of memory"}})
	require.NoError(t, err)
	_, total := join.Choose(join.Requests(join.Input{Spans: []evidence.RequestSpan{s}}).Rows, p, join.Order{}, 0)
	require.Equal(t, 1, total)
}

func TestATimeIsAsFineAsItsSource(t *testing.T) {
	s := span("chatcmpl-a", 0.000123, podA)
	p, err := join.CompileFilters([]join.Filter{{Column: "time", Op: join.Equal, Value: s.Start.Format("2006-01-02T15:04:05.000000Z07:00")}})
	require.NoError(t, err)
	_, total := join.Choose(join.Requests(join.Input{Spans: []evidence.RequestSpan{s}}).Rows, p, join.Order{}, 0)
	require.Equal(t, 1, total)
}

func TestAValueIsReadAsPeopleWriteIt(t *testing.T) {
	s := span("chatcmpl-a", 0, podA)
	s.E2E = 90
	rows := join.Requests(join.Input{Spans: []evidence.RequestSpan{s}}).Rows
	rows[0].KVCacheUsage = 0.9
	for _, f := range []join.Filter{
		{Column: "e2e", Op: join.Equal, Value: "90"}, {Column: "e2e", Op: join.Equal, Value: "1m30s"},
		{Column: "e2e", Op: join.Equal, Value: "90000 ms"}, {Column: "kv_cache_usage", Op: join.Equal, Value: "0.9"},
		{Column: "kv_cache_usage", Op: join.Equal, Value: "90%"}, {Column: "kv_cache_usage", Op: join.Equal, Value: " 90 %"},
	} {
		p, err := join.CompileFilters([]join.Filter{f})
		require.NoError(t, err, f.Value)
		require.True(t, p.Holds(&rows[0]), f.Value)
	}
	for column, value := range map[string]string{"e2e": "90%", "kv_cache_usage": "NaN%", "running": "5%", "ttft": "soon"} {
		_, err := join.CompileFilters([]join.Filter{{Column: column, Op: join.Equal, Value: value}})
		require.ErrorContains(t, err, column)
	}
}
