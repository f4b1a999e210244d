package vllm_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

func TestParseEngineStats(t *testing.T) {
	unknown := func(change func(*vllm.EngineStats)) vllm.EngineStats {
		nan := math.NaN()
		s := vllm.EngineStats{
			PromptThroughput: nan, GenerationThroughput: nan, Running: -1, Waiting: -1, Deferred: -1, Swapped: -1, Preemptions: -1,
			KVCacheUsage: nan, PrefixCacheHitRate: nan, ExternalPrefixCacheHitRate: nan, MMCacheHitRate: nan,
		}
		change(&s)
		return s
	}
	for _, test := range []struct {
		name, message string
		want          vllm.EngineStats
	}{
		{
			"V1 with deferred requests",
			"Engine 001: Avg prompt throughput: 51.2 tokens/s, Avg generation throughput: 12.8 tokens/s, Running: 1 reqs, Waiting: 3 reqs, Deferred: 2 reqs, GPU KV cache usage: 50.0%, Prefix cache hit rate: 25.0%",
			unknown(func(s *vllm.EngineStats) {
				s.Engine, s.PromptThroughput, s.GenerationThroughput, s.Running, s.Waiting, s.Deferred = "1", 51.2, 12.8, 1, 3, 2
				s.KVCacheUsage, s.PrefixCacheHitRate = 0.5, 0.25
			}),
		},
		{
			"V1 with other caches",
			"Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput: 0.0 tokens/s, Running: 0 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 0.0%, External prefix cache hit rate: 50.0%, MM cache hit rate: 75.0%",
			unknown(func(s *vllm.EngineStats) {
				s.Engine, s.PromptThroughput, s.GenerationThroughput, s.Running, s.Waiting = "0", 0, 0, 0, 0
				s.KVCacheUsage, s.PrefixCacheHitRate, s.ExternalPrefixCacheHitRate, s.MMCacheHitRate = 0, 0, 0.5, 0.75
			}),
		},
		{
			"on another device",
			"Engine 000: Avg prompt throughput: 3.5 tokens/s, Avg generation throughput: 78.2 tokens/s, Running: 0 reqs, Waiting: 0 reqs, CPU KV cache usage: 50.0%",
			unknown(func(s *vllm.EngineStats) {
				s.Engine, s.PromptThroughput, s.GenerationThroughput, s.Running, s.Waiting, s.KVCacheUsage = "0", 3.5, 78.2, 0, 0, 0.5
			}),
		},
		{
			"V0, where the GPU's cache is the one that counts",
			"Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 2.0 tokens/s, Running: 4 reqs, Swapped: 5 reqs, Pending: 6 reqs, GPU KV cache usage: 50.0%, CPU KV cache usage: 25.0%.",
			unknown(func(s *vllm.EngineStats) {
				s.PromptThroughput, s.GenerationThroughput, s.Running, s.Swapped, s.Waiting, s.KVCacheUsage = 1, 2, 4, 5, 6, 0.5
			}),
		},
		{
			"the Rust front end, whose preemptions are true",
			"Avg prompt tput: 51.2 toks/s, Avg generation tput: 12.8 toks/s, Reqs Running: 1, Waiting: 3, Deferred: 1 reqs, Preemptions: 2, GPU KV cache used: 50.0%, Prefix cache hit rate: 25.0%",
			unknown(func(s *vllm.EngineStats) {
				s.PromptThroughput, s.GenerationThroughput, s.Running, s.Waiting, s.Deferred, s.Preemptions = 51.2, 12.8, 1, 3, 1, 2
				s.KVCacheUsage, s.PrefixCacheHitRate = 0.5, 0.25
			}),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := vllm.ParseEngineStats(test.message)
			require.True(t, ok)
			require.InDeltaMapValues(t, numbers(test.want), numbers(got), 1e-9)
			require.Equal(t, test.want.Engine, got.Engine)
		})
	}
	for name, message := range map[string]string{
		"speculation": "SpecDecoding metrics: Mean acceptance length: 2.50", "utilisation": "Engine 000: MFU: 123.4 TF/s/GPU", "nothing": "",
	} {
		_, ok := vllm.ParseEngineStats(message)
		require.False(t, ok, name)
	}
}

// numbers gives the figures by name, -2 for NaN, which equals nothing.
func numbers(s vllm.EngineStats) map[string]float64 {
	out := map[string]float64{
		"prompt": s.PromptThroughput, "generation": s.GenerationThroughput, "kv": s.KVCacheUsage, "prefix": s.PrefixCacheHitRate,
		"external": s.ExternalPrefixCacheHitRate, "mm": s.MMCacheHitRate, "running": float64(s.Running), "waiting": float64(s.Waiting),
		"deferred": float64(s.Deferred), "swapped": float64(s.Swapped), "preemptions": float64(s.Preemptions),
	}
	for name, v := range out {
		if math.IsNaN(v) {
			out[name] = -2
		}
	}
	return out
}
