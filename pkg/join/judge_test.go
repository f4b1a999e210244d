package join_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/slo"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// The span of these tests takes 0.2 s to its first token, 0.1 s a token, 1.6 s in all.
func TestARowSaysWhetherItKeptTheLimitsOfItsModel(t *testing.T) {
	of := func(model string, ttft, tpot, e2e time.Duration) slo.Objective {
		return slo.Objective{Model: model, TTFT: ttft, TPOT: tpot, E2E: e2e}
	}
	const met, missed, null = "true", "false", ""
	for name, c := range map[string]struct {
		limits slo.Objectives
		change func(*evidence.RequestSpan)
		want   string
	}{
		"all kept":                      {limits: slo.Objectives{of("llama", time.Second, time.Second, 2*time.Second)}, want: met},
		"one exceeded":                  {limits: slo.Objectives{of("llama", time.Second, 50*time.Millisecond, 2*time.Second)}, want: missed},
		"no limits at all":              {want: null},
		"limits of another model":       {limits: slo.Objectives{of("qwen", time.Second, 0, 0)}, want: null},
		"the first entry that fits":     {limits: slo.Objectives{of("qwen", 1, 0, 0), of("lla*", time.Second, 0, 0), of("*", 1, 0, 0)}, want: met},
		"a first token that is unknown": {limits: slo.Objectives{of("llama", time.Second, 0, 0)}, change: func(s *evidence.RequestSpan) { s.TTFT = evidence.NaN }, want: null},
		"a first token that is unknown, and an end too late": {
			limits: slo.Objectives{of("llama", time.Second, 0, time.Second)}, change: func(s *evidence.RequestSpan) { s.TTFT = evidence.NaN }, want: missed,
		},
		"one token, whose pace cannot be too slow": {
			limits: slo.Objectives{of("llama", 0, time.Millisecond, 0)}, change: func(s *evidence.RequestSpan) { s.CompletionTokens = 1 }, want: met,
		},
		"an unknown number of tokens": {
			limits: slo.Objectives{of("llama", 0, time.Millisecond, 0)}, change: func(s *evidence.RequestSpan) { s.CompletionTokens = evidence.Unknown }, want: null,
		},
		"a failure, however fast": {
			limits: slo.Objectives{of("llama", time.Hour, 0, 0)}, change: func(s *evidence.RequestSpan) { s.Error = "out of memory" }, want: missed,
		},
		"a request that the engine gave up": {
			limits: slo.Objectives{of("llama", time.Hour, 0, 0)}, change: func(s *evidence.RequestSpan) { s.CompletionTokens = 0 }, want: missed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := span("chatcmpl-a", 0, &evidence.Origin{Pod: "llama-0", Model: "llama"})
			if c.change != nil {
				c.change(&s)
			}
			rows := join.Requests(join.Input{Spans: []evidence.RequestSpan{s}, SLO: c.limits}).Rows
			require.Equal(t, c.want, sloMet(t, &rows[0]))
		})
	}
}

func TestARowWithoutSpanKeepsNoLimits(t *testing.T) {
	everything := slo.Objectives{{Model: "*", TTFT: time.Hour}}
	for name, c := range map[string]struct {
		kinds  []vllm.LogKind
		limits slo.Objectives
		want   string
	}{
		"aborted by its client":                  {[]vllm.LogKind{vllm.LogReceived, vllm.LogAborted}, everything, "false"},
		"received and never heard of again":      {[]vllm.LogKind{vllm.LogReceived}, everything, ""},
		"answered, and nobody measured it":       {[]vllm.LogKind{vllm.LogReceived, vllm.LogGenerated}, everything, ""},
		"aborted, of a model that nobody names":  {[]vllm.LogKind{vllm.LogReceived, vllm.LogAborted}, slo.Objectives{{Model: "llama", TTFT: 1}, everything[0]}, ""},
		"aborted, of a model that has no limits": {[]vllm.LogKind{vllm.LogReceived, vllm.LogAborted}, slo.Objectives{{Model: "llama", TTFT: 1}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var events []evidence.RequestEvent
			for i, kind := range c.kinds {
				events = append(events, line(kind, "chatcmpl-a", float64(i), podA))
			}
			rows := join.Requests(join.Input{Events: events, SLO: c.limits}).Rows
			require.Equal(t, c.want, sloMet(t, &rows[0]))
		})
	}
}

// sloMet reads the column, "" for null.
func sloMet(t *testing.T, r *join.Request) string {
	t.Helper()
	column, ok := join.ColumnNamed("slo_met")
	require.True(t, ok)
	if text := join.NullText(column.Text(r)); text != nil {
		return *text
	}
	return ""
}
