package join_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// tangle is evidence in which as much as possible is nearly the same: ids that are reused, spelled in several ways, known to
// callers in one and to lines in another, lines of one nanosecond, siblings, broken chains, models of the same name.
func tangle(r *rand.Rand) join.Input {
	var in join.Input
	origins := []*evidence.Origin{podA, podB, nil}
	anyOrigin := func() *evidence.Origin { return origins[r.IntN(len(origins))] }
	tick := func() float64 { return float64(r.IntN(40)) * 0.05 * float64(1+r.IntN(4)) }
	clients := []string{"B", "req-1", "x"}
	external := func() string {
		c := clients[r.IntN(len(clients))]
		return []string{"chatcmpl-" + c, "cmpl-" + c + "-0", "cmpl-" + c + "-1", c}[r.IntN(4)]
	}
	for i := range 4 + r.IntN(8) {
		s := span(external(), tick(), anyOrigin())
		s.TraceID, s.SpanID = fmt.Sprintf("t%d", r.IntN(4)), fmt.Sprintf("s%d", i)
		s.Duration = 0.1 + r.Float64()
		s.E2E = s.Duration
		switch r.IntN(4) {
		case 0:
			s.Caller = &evidence.CallerSpan{TraceID: s.TraceID, SpanID: fmt.Sprintf("p%d", i), Service: "router", Start: s.Start, Duration: s.Duration + 0.1, Inference: true, Model: "alias"}
			s.Root, s.Above = s.Caller, s.Caller
			if r.IntN(2) == 0 {
				s.Caller.ParentSpanID = "lost"
			}
		case 1:
			s.ParentSpanID = "lost"
		}
		in.Spans = append(in.Spans, s)
	}
	for i := range r.IntN(7) {
		id := external()
		if r.IntN(2) == 0 {
			id = clients[r.IntN(len(clients))]
		}
		if r.IntN(5) == 0 {
			id = ""
		}
		in.Callers = append(in.Callers, evidence.CallerSpan{
			TraceID: fmt.Sprintf("t%d", r.IntN(4)), SpanID: fmt.Sprintf("c%d", i), RequestID: id, Start: at(tick()), Duration: r.Float64() * 2, Inference: true,
			Model: []string{"", "llama", "alias", "gpt"}[r.IntN(4)], HTTPStatus: []int{0, 200, 404, 500}[r.IntN(4)], Service: fmt.Sprintf("app%d", r.IntN(2)),
		})
	}
	kinds := []vllm.LogKind{vllm.LogReceived, vllm.LogAdded, vllm.LogGenerated, vllm.LogAborted, vllm.LogFailed}
	for i := range r.IntN(24) {
		kind, id := kinds[r.IntN(len(kinds))], external()
		if kind == vllm.LogAdded {
			id += fmt.Sprintf("-0000000%d", r.IntN(3))
		}
		e := line(kind, id, tick(), anyOrigin())
		if kind == vllm.LogGenerated || kind == vllm.LogFailed {
			e.Detail = &evidence.EventDetail{FinishReason: []string{"stop", "length", ""}[i%3], MaxTokens: evidence.Unknown, Temperature: evidence.NaN, TopP: evidence.NaN}
		}
		in.Events = append(in.Events, e)
	}
	in.Targets = []evidence.Target{{Origin: evidence.Origin{Namespace: "llm", Pod: "llama-0", Model: "llama"}}, {Origin: evidence.Origin{Namespace: "llm", Pod: "llama-1", Model: "llama"}}}
	return in
}

func shuffled[T any](r *rand.Rand, list []T) []T {
	out := slices.Clone(list)
	r.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	return out
}

// cells writes every cell of every row, in an order of their own.
func cells(rows []join.Request) string {
	var lines []string
	for i := range rows {
		var b strings.Builder
		for _, c := range join.Columns {
			fmt.Fprintf(&b, "%s=%v ", c.Name, cell(&c, &rows[i]))
		}
		lines = append(lines, b.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func cell(c *join.Column, r *join.Request) any {
	switch {
	case c.Text != nil:
		if p := join.NullText(c.Text(r)); p != nil {
			return *p
		}
	case c.Number != nil:
		if p := join.NullNumber(c.Number(r)); p != nil {
			return *p
		}
	case c.Integer != nil:
		if p := join.NullInteger(c.Integer(r)); p != nil {
			return *p
		}
	default:
		return r.Time.UnixNano()
	}
	return "null"
}

func TestRowsDoNotDependOnTheOrderOfTheEvidence(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		in := tangle(r)
		want := cells(join.Requests(in).Rows)
		for range 5 {
			mixed := in
			mixed.Spans, mixed.Callers, mixed.Events = shuffled(r, in.Spans), shuffled(r, in.Callers), shuffled(r, in.Events)
			mixed.Targets = shuffled(r, in.Targets)
			require.Equal(t, want, cells(join.Requests(mixed).Rows), "seed %d", seed)
		}
	}
}
