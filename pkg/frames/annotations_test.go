package frames_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/events"
	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
	"github.com/llmserving/grafana-vllm-datasource/pkg/frames"
)

var happened = []events.Event{
	{
		Type: events.EngineDeath, Also: []events.Type{events.OutOfMemory}, Time: noon, Title: "Engine died: out of memory",
		Text:   `torch.OutOfMemoryError: <a href="https://evil.example">CUDA</a> out of memory.`,
		Origin: evidence.Origin{Model: "llama,8b", Environment: "prod", Namespace: "llm", Pod: "llama-0", Instance: "10.0.0.1:8000"},
	},
	{
		Type: events.PreemptionStorm, Time: noon.Add(time.Minute), End: noon.Add(3 * time.Minute), Title: "Preemption storm", Text: "Up to 45 preemptions a minute.",
		Origin: evidence.Origin{Model: "qwen", Pod: "qwen-0", Engine: "1"},
	},
}

func TestAnnotations(t *testing.T) {
	golden(t, "annotations", frames.Annotations(happened, []evidence.StoreReport{
		{Store: evidence.Prometheus, Configured: true, Err: errors.New("Prometheus did not answer within 30s.")},
		{Store: evidence.Loki},
	}))
	golden(t, "annotations_empty", frames.Annotations(nil, nil))
}

func TestEveryAnnotationHasAnEnd(t *testing.T) {
	end, _ := frames.Annotations(happened, nil).FieldByName("timeEnd")
	require.Equal(t, noon, end.At(0), "a moment ends when it begins, or else Grafana 12.3 cannot draw the region after it")
	require.Equal(t, noon.Add(3*time.Minute), end.At(1))
}

func TestAnAnnotationHoldsNoMarkup(t *testing.T) {
	for _, text := range texts(frames.Annotations(happened, nil), "text") {
		require.NotContains(t, text, "<", "Grafana shows it as HTML")
	}
}
