package events

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestALineThatWasShippedTwiceIsOneEvent(t *testing.T) {
	noon := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	pod, other := &evidence.Origin{Pod: "llama-0"}, &evidence.Origin{Pod: "llama-1"}
	written := func(text string, seconds float64, origin *evidence.Origin) evidence.EngineLine {
		at := noon.Add(time.Duration(seconds * float64(time.Second)))
		parsed := vllm.ParseLogLine(text)
		lines := evidence.NewEngineLines(at, origin, &parsed)
		require.Len(t, lines, 1, text)
		return lines[0]
	}
	const (
		asleep = "(EngineCore pid=120) INFO 08-20 12:00:00 [abstract.py:312] It took 0.03 seconds to fall asleep."
		again  = "(EngineCore pid=120) INFO 08-20 12:04:00 [abstract.py:312] It took 0.03 seconds to fall asleep."
		rank1  = "(EngineCore_DP1 pid=121) INFO 08-20 12:00:00 [abstract.py:312] It took 0.03 seconds to fall asleep."
		memory = "RuntimeError: HIP error: out of memory"
	)
	for name, c := range map[string]struct {
		lines []evidence.EngineLine
		left  int
	}{
		"at the same nanosecond in two streams":            {[]evidence.EngineLine{written(asleep, 0, pod), written(asleep, 0, pod)}, 1},
		"by an agent that read the file again":             {[]evidence.EngineLine{written(asleep, 0, pod), written(asleep, 300, pod)}, 1},
		"the same words four minutes later are another":    {[]evidence.EngineLine{written(asleep, 0, pod), written(again, 240, pod)}, 2},
		"two processes write the same":                     {[]evidence.EngineLine{written(asleep, 0, pod), written(rank1, 0, pod)}, 2},
		"two pods do":                                      {[]evidence.EngineLine{written(asleep, 0, pod), written(asleep, 0, other)}, 2},
		"a line without a clock, soon":                     {[]evidence.EngineLine{written(memory, 0, pod), written(memory, 0.04, pod)}, 1},
		"a line without a clock, late, is not known to be": {[]evidence.EngineLine{written(memory, 0, pod), written(memory, 300, pod)}, 2},
		"unless its neighbours came again as late": {[]evidence.EngineLine{
			written(asleep, 0, pod), written(memory, 1, pod), written(asleep, 300, pod), written(memory, 301, pod),
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, once(c.lines), c.left)
		})
	}
}
