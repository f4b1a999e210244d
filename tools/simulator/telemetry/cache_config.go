package telemetry

import (
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

// addCacheConfig adds vllm:cache_config_info: one label per field of vLLM's
// cache config, as Python writes its value, and no model_name.
func (s *ServerMetrics) addCacheConfig(v Version, c engine.Config, engines int) {
	fields := recentCacheConfig
	if !v.since(28, 0) {
		fields = olderCacheConfig
	}
	for i := range engines {
		labels := []Label{{"engine", strconv.Itoa(i)}}
		for _, f := range fields {
			value := f.value
			if f.of != nil {
				value = f.of(c)
			}
			labels = append(labels, Label{f.name, value})
		}
		s.gauge("vllm:cache_config_info", "Information of the LLMEngine CacheConfig", labels, one)
	}
}

// cacheField is a field with a fixed value, or with one that depends on the engine.
type cacheField struct {
	name, value string
	of          func(engine.Config) string
}

func blockSize(c engine.Config) string     { return strconv.Itoa(c.BlockSize) }
func numBlocks(c engine.Config) string     { return strconv.Itoa(c.NumGPUBlocks) }
func prefixCaching(c engine.Config) string { return pythonBool(c.PrefixCaching) }

// cacheTokens counts the null block too.
func cacheTokens(c engine.Config) string { return strconv.Itoa(c.NumGPUBlocks * c.BlockSize) }

func concurrency(c engine.Config) string {
	return pythonFloat(float64(c.NumGPUBlocks*c.BlockSize) / float64(c.MaxModelLen))
}

// recentCacheConfig as recorded from 0.32.
var recentCacheConfig = []cacheField{
	{name: "_block_size_resolved", value: "True"},
	{name: "block_size", of: blockSize},
	{name: "cache_dtype", value: "auto"},
	{name: "cache_hit_alignment_tokens", value: "None"},
	{name: "effective_attention_block_size", of: blockSize},
	{name: "enable_mamba_shared_prefix_checkpoint", value: "False"},
	{name: "enable_prefix_caching", of: prefixCaching},
	{name: "gpu_memory_utilization", value: "0.92"},
	{name: "hash_block_size", value: "None"},
	{name: "is_attention_free", value: "False"},
	{name: "kv_cache_dtype_skip_layers", value: "[]"},
	{name: "kv_cache_layout", value: "None"},
	{name: "kv_cache_max_concurrency", of: concurrency},
	{name: "kv_cache_memory_bytes", value: "None"},
	{name: "kv_cache_size_tokens", of: cacheTokens},
	{name: "kv_offloading_backend", value: "native"},
	{name: "kv_offloading_size", value: "None"},
	{name: "kv_sharing_fast_prefill", value: "False"},
	{name: "mamba_block_size", value: "None"},
	{name: "mamba_cache_dtype", value: "auto"},
	{name: "mamba_cache_mode", value: "none"},
	{name: "mamba_page_size_padded", value: "None"},
	{name: "mamba_ssm_cache_dtype", value: "auto"},
	{name: "num_cpu_blocks", value: "None"},
	{name: "num_gpu_blocks", of: numBlocks},
	{name: "num_gpu_blocks_override", value: "None"},
	{name: "prefix_cache_retention_interval", value: "0"},
	{name: "prefix_caching_hash_algo", value: "sha256"},
	{name: "prefix_match_unit", value: "None"},
	{name: "replayssm_buffer_len", value: "16"},
	{name: "skip_page_size_padded", value: "None"},
	{name: "sliding_window", value: "None"},
	{name: "swa_bounded_replay", value: "True"},
	{name: "use_kda_recoverssm", value: "False"},
	{name: "use_replayssm", value: "False"},
	{name: "user_specified_block_size", value: "False"},
}

// olderCacheConfig as recorded from 0.13.
var olderCacheConfig = []cacheField{
	{name: "block_size", of: blockSize},
	{name: "cache_dtype", value: "auto"},
	{name: "calculate_kv_scales", value: "False"},
	{name: "cpu_kvcache_space_bytes", value: "None"},
	{name: "cpu_offload_gb", value: "0.0"},
	{name: "enable_prefix_caching", of: prefixCaching},
	{name: "gpu_memory_utilization", value: "0.9"},
	{name: "is_attention_free", value: "False"},
	{name: "kv_cache_memory_bytes", value: "None"},
	{name: "kv_offloading_backend", value: "None"},
	{name: "kv_offloading_size", value: "None"},
	{name: "kv_sharing_fast_prefill", value: "False"},
	{name: "mamba_block_size", value: "None"},
	{name: "mamba_cache_dtype", value: "auto"},
	{name: "mamba_page_size_padded", value: "None"},
	{name: "mamba_ssm_cache_dtype", value: "auto"},
	{name: "num_cpu_blocks", value: "None"},
	{name: "num_gpu_blocks", of: numBlocks},
	{name: "num_gpu_blocks_override", value: "None"},
	{name: "prefix_caching_hash_algo", value: "sha256"},
	{name: "sliding_window", value: "None"},
	{name: "swap_space", value: "4.0"},
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
