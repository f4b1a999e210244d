package join_test

import (
	"fmt"
	"math/rand"
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
