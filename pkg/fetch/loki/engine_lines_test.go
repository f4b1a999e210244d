package loki_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/settings"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestEngineLinesAsksForTheWordsAndReadsWhatTheyMean(t *testing.T) {
	said := func(offset time.Duration, text string) fakeLine {
		return fakeLine{at: at(offset), stream: vllmStream, line: text}
	}
	store := newFakeLoki(t,
		said(time.Second, "(APIServer pid=1) INFO 08-20 12:00:00 [serving_models.py:1] Loaded new LoRA adapter: name 'sql', path '/a'"),
		said(2*time.Second, "(APIServer pid=1) INFO 08-20 12:00:00 [request_logger.py:108] Removed LoRA adapter: name 'sql'"),
		said(3*time.Second, "(EngineCore_DP1 pid=2) INFO 08-20 12:00:00 [abstract.py:1] It took 1.0 seconds to fall asleep."),
	)
	loki := client(t, store.URL, nil, `{container="vllm"}`)
	lines, report := loki.EngineLines(t.Context(), window(0, time.Minute), vllm.Scope{Pods: []string{`x"} |= "`}},
		[]vllm.EngineEvent{vllm.LoRALoaded, vllm.LoRARemoved})
	require.NoError(t, report.Err)
	require.Equal(t, []string{`{container="vllm", pod="x\"} |= \""} |~ "Loaded LoRA adapter|Loaded new LoRA adapter|Removed LoRA adapter" !~ "Received request |Generated response "`},
		store.queries())
	require.Len(t, lines, 1, "not what a model said, nor what was not asked for")
	require.Equal(t, evidence.EngineLine{
		Time: noon.Add(time.Second), Origin: lines[0].Origin, Event: vllm.LoRALoaded, Own: true, LoRA: "sql",
		Text: "Loaded new LoRA adapter: name 'sql', path '/a'", LineIdentity: lines[0].LineIdentity,
	}, lines[0])
	require.EqualValues(t, 1, lines[0].PID)
	require.EqualValues(t, noon.Unix(), lines[0].Clock)
	require.Equal(t, "tiny-0", lines[0].Origin.Pod)
}

func TestEngineLinesAsksNothingForNoEvents(t *testing.T) {
	store := newFakeLoki(t)
	lines, report := client(t, store.URL, nil, "").EngineLines(t.Context(), window(0, time.Minute), vllm.Scope{}, nil)
	require.NoError(t, report.Err)
	require.Empty(t, lines)
	require.Empty(t, store.queries())
}

func TestEngineLinesSaysWhatItDidNotRead(t *testing.T) {
	store := newFakeLoki(t)
	for i := range 50 {
		store.lines = append(store.lines, fakeLine{at: at(time.Duration(i) * time.Second), stream: vllmStream, line: "INFO 08-20 12:00:00 [entry.py:1] Starting vLLM server on http://x"})
	}
	loki := client(t, store.URL, func(_ *settings.Store, l *settings.Limits) { l.LogLines, l.LinesPerCall, l.ConcurrentCall = 20, 10, 1 }, "")
	lines, report := loki.EngineLines(t.Context(), window(0, time.Minute), vllm.Scope{}, []vllm.EngineEvent{vllm.ServerReady})
	require.True(t, report.Truncated)
	require.Contains(t, report.Reason, "more log lines than the 20")
	require.NotEmpty(t, lines, "what was read is kept")
	require.Less(t, len(lines), 50)
}
