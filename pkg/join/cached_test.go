package join_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/join"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestLMCacheTellsTheCachedTokensThatASpanDoesNot(t *testing.T) {
	noon := time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC)
	origin := &evidence.Origin{Pod: "llm-0"}
	lines := func(t *testing.T) (events []evidence.RequestEvent) {
		t.Helper()
		for i, text := range []string{
			"(APIServer pid=1) INFO 12-24 12:00:00 [async_llm.py:439] Added request chatcmpl-a-4be0c1d2.",
			"(EngineCore_0 pid=2) [2026-12-24 12:00:00,753] LMCache INFO: Reqid: chatcmpl-a-4be0c1d2, Total tokens 6200, LMCache hit tokens: 6144, need to load: 6144 (vllm_v1_adapter.py:1050:lmcache.integration.vllm.vllm_v1_adapter)",
			"(EngineCore_0 pid=2) [2026-12-24 12:00:01,753] LMCache INFO: Reqid: chatcmpl-a-4be0c1d2, Total tokens 6300, LMCache hit tokens: 6272, need to load: 6272 (vllm_v1_adapter.py:1050:lmcache.integration.vllm.vllm_v1_adapter)",
		} {
			parsed := vllm.ParseLogLine(text)
			event, ok := evidence.NewRequestEvent(noon.Add(time.Duration(i)*time.Second), origin, &parsed)
			require.True(t, ok, text)
			events = append(events, event)
		}
		return events
	}
	window := evidence.Window{From: noon.Add(-time.Minute), To: noon.Add(time.Minute)}
	for name, test := range map[string]struct {
		spans []evidence.RequestSpan
		want  int64
	}{
		"without a span":            {nil, 6144},
		"a span that does not tell": {[]evidence.RequestSpan{cachedSpan(noon, origin, evidence.Unknown)}, 6144},
		"a span that tells":         {[]evidence.RequestSpan{cachedSpan(noon, origin, 5000)}, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			joined := join.Requests(join.Input{Window: window, Spans: test.spans, Events: lines(t)})
			require.Len(t, joined.Rows, 1)
			require.Equal(t, test.want, joined.Rows[0].CachedTokens, "the first line counts: later ones are about what was preempted")
			require.EqualValues(t, 3, joined.Rows[0].LogLines)
		})
	}
}

func cachedSpan(at time.Time, origin *evidence.Origin, cached int64) evidence.RequestSpan {
	return evidence.RequestSpan{
		TraceID: "00000000000000000000000000000001", SpanID: "0000000000000001", RequestID: "chatcmpl-a", Start: at, Duration: 3, Origin: origin,
		PromptTokens: 6200, CompletionTokens: 15, CachedTokens: cached, MaxTokens: 64, Temperature: 1, TopP: 1,
		TTFT: 1, E2E: 3, Queue: 0.1, Prefill: 0.8, Decode: 2,
	}
}
