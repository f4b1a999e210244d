package vllm

// Bucket sets: finite upper bounds, in seconds. The lowest bound is the resolution floor: what happens below it cannot be
// told from these histograms, and B_LAT begins at 0.3 s.
var (
	bucketsTTFT = []float64{
		0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
	}
	bucketsITL = []float64{
		0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
	}
	bucketsLatency = []float64{
		0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
	}
	bucketsIteration = []float64{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
)

// Scales of NVIDIA's dcgm-exporter.
const (
	percent  = 0.01
	mebibyte = 1 << 20
)

// metrics is the one table of every metric that this data source uses. A vLLM rename is a new Exposed in front of a row,
// and nothing else. Names and tags were read from vLLM's source, 0.8 to 0.24 and main of August 2026; vLLM's policy is:
// deprecated in X.Y, hidden in X.Y+1, removed in X.Y+2.
var metrics = []Metric{
	{
		Name: NumRequestsRunning, Type: Gauge, Unit: UnitRequests,
		Names: []Exposed{{Name: "num_requests_running"}},
		Note:  "requests in the batch of the last step; the production-stack router exposes the same name without model_name",
	},
	{
		Name: NumRequestsWaiting, Type: Gauge, Unit: UnitRequests,
		Names: []Exposed{{Name: "num_requests_waiting"}},
		Note:  "capacity and deferred together",
	},
	{
		Name: NumRequestsWaitingByReason, Type: Gauge, Unit: UnitRequests, Labels: []string{LabelReason},
		Names: []Exposed{{Name: "num_requests_waiting_by_reason", Since: "0.20"}},
	},
	{
		Name: KVCacheUsage, Type: Gauge, Unit: UnitRatio,
		Names: []Exposed{
			{Name: "kv_cache_usage_perc", Since: "0.9.2"},
			{Name: "gpu_cache_usage_perc", Until: "0.10.2"}, // both from 0.9.2 on
		},
		Note: "0 to 1 despite its name; cached but free prefix blocks count as free",
	},
	{
		Name: NumPreemptions, Type: Counter, Unit: UnitEvents,
		Names: []Exposed{{Name: "num_preemptions_total"}},
		Note:  "one request can count several times",
	},
	{
		Name: EngineSleepState, Type: Gauge, Unit: UnitState, Labels: []string{LabelSleepState},
		Names: []Exposed{{Name: "engine_sleep_state", Since: "0.11.1"}},
	},
	{
		Name: CacheConfigInfo, Type: Info, Unit: UnitState,
		Names: []Exposed{{Name: "cache_config_info"}},
		Note:  "no model_name; one label per field of the cache's configuration, a different set with every release",
	},
	{
		Name: PrefixCacheQueries, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{
			{Name: "prefix_cache_queries_total", Since: "0.9.2"},
			{Name: "gpu_prefix_cache_queries_total", Since: "0.7.3", Until: "0.10.2"},
		},
		Note: "the old name counted blocks until 0.8.x: a ratio with hits is right in every version, a rate is not",
	},
	{
		Name: PrefixCacheHits, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{
			{Name: "prefix_cache_hits_total", Since: "0.9.2"},
			{Name: "gpu_prefix_cache_hits_total", Since: "0.7.3", Until: "0.10.2"},
		},
		Note: "of the queries, those found in the local prefix cache",
	},
	{
		Name: PromptTokens, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{{Name: "prompt_tokens_total"}},
		Note:  "of requests whose prefill finished, cached ones included",
	},
	{
		Name: PromptTokensBySource, Type: Counter, Unit: UnitTokens, Labels: []string{LabelSource},
		Names: []Exposed{{Name: "prompt_tokens_by_source_total", Since: "0.16"}},
	},
	{
		Name: PromptTokensCached, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{{Name: "prompt_tokens_cached_total", Since: "0.16"}},
	},
	{
		Name: GenerationTokens, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{{Name: "generation_tokens_total"}},
	},
	{
		Name: RequestSuccess, Type: Counter, Unit: UnitRequests, Labels: []string{LabelFinishedReason},
		Names: []Exposed{{Name: "request_success_total"}},
		Note:  "all finished sequences, despite its name: error (since 0.13) and the engine's own aborts are in it",
	},
	{
		Name: AdmissionRejections, Type: Counter, Unit: UnitRequests, Labels: []string{LabelReason}, NoEngine: true,
		Names: []Exposed{{Name: "admission_rejections_total", Since: "0.32"}},
		Note:  "a full queue (max_num_queued_reqs, max_num_queued_tokens); a refused stream counts as HTTP 2xx",
	},
	{
		Name: RequestPromptTokens, Type: Histogram, Unit: UnitTokens,
		Names: []Exposed{{Name: "request_prompt_tokens"}},
		Note:  "buckets depend on max_model_len: never add them up over models",
	},
	{
		Name: RequestGenerationTokens, Type: Histogram, Unit: UnitTokens,
		Names: []Exposed{{Name: "request_generation_tokens"}},
		Note:  "buckets depend on max_model_len: never add them up over models",
	},
	{
		Name: IterationTokens, Type: Histogram, Unit: UnitTokens, Buckets: bucketsIteration,
		Names: []Exposed{{Name: "iteration_tokens_total"}},
		Note:  "a histogram despite its name",
	},
	{
		Name: TTFT, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsTTFT,
		Names: []Exposed{{Name: "time_to_first_token_seconds"}},
		Note:  "time to first token: arrival at the API server to the first token processed there",
	},
	{
		Name: TPOT, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsITL,
		Names: []Exposed{{Name: "request_time_per_output_token_seconds", Since: "0.11.0"}},
		Note:  "time per output token, one value per request: decode/(tokens − 1), 0 with a single token",
	},
	{
		Name: ITL, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsITL,
		Names: []Exposed{
			{Name: "inter_token_latency_seconds", Since: "0.10.2"},
			{Name: "time_per_output_token_seconds", Until: "0.11.2"}, // the same observations under a misleading name
		},
		Note: "inter-token latency, one value per engine step after the first token",
	},
	{
		Name: E2E, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsLatency,
		Names: []Exposed{{Name: "e2e_request_latency_seconds"}},
	},
	{
		Name: Queue, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsLatency,
		Names: []Exposed{
			{Name: "request_queue_time_seconds"},
			{Name: "time_in_queue_requests", Until: "0.9.0"},
		},
	},
	{
		Name: Prefill, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsLatency,
		Names: []Exposed{{Name: "request_prefill_time_seconds"}},
		Note:  "a request that the engine aborts before its first token adds the host's uptime to _sum",
	},
	{
		Name: Decode, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsLatency,
		Names: []Exposed{{Name: "request_decode_time_seconds"}},
	},
	{
		Name: Inference, Type: Histogram, Unit: UnitSeconds, Buckets: bucketsLatency,
		Names: []Exposed{{Name: "request_inference_time_seconds"}},
		Note:  "prefill + decode; a request that the engine aborts before its first token adds the host's uptime to _sum",
	},
	{
		Name: SpecDecodeDrafts, Type: Counter, Unit: UnitEvents,
		Names: []Exposed{{Name: "spec_decode_num_drafts_total", Since: "0.8.5"}},
		Note:  "only with speculative decoding",
	},
	{
		Name: SpecDecodeDraftTokens, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{{Name: "spec_decode_num_draft_tokens_total"}},
		Note:  "only with speculative decoding",
	},
	{
		Name: SpecDecodeAcceptedTokens, Type: Counter, Unit: UnitTokens,
		Names: []Exposed{{Name: "spec_decode_num_accepted_tokens_total"}},
		Note:  "only with speculative decoding; the bonus token is not among them",
	},
	{
		Name: HTTPRequests, Type: Counter, Unit: UnitRequests, Labels: []string{LabelHandler, LabelMethod, LabelStatus}, NoEngine: true,
		Names: []Exposed{{Name: "http_requests_total", By: ByWebServer}},
		Note:  "no model_name: joins on the scrape target; a series begins with its first request",
	},
	{
		Name: GPUUtilization, Type: Gauge, Unit: UnitRatio,
		Names: []Exposed{
			{Name: "DCGM_FI_DEV_GPU_UTIL", By: ByDCGM, Scale: percent},
			{Name: "nvidia_smi_utilization_gpu_ratio", By: ByNvidiaGPU},
		},
		Note: "near 1 for any busy decode",
	},
	{
		Name: GPUMemoryUsed, Type: Gauge, Unit: UnitBytes,
		Names: []Exposed{
			{Name: "DCGM_FI_DEV_FB_USED", By: ByDCGM, Scale: mebibyte},
			{Name: "nvidia_smi_memory_used_bytes", By: ByNvidiaGPU},
		},
		Note: "flat under vLLM, which takes gpu_memory_utilization of the device at start",
	},
	{
		Name: GPUPower, Type: Gauge, Unit: UnitWatts,
		Names: []Exposed{
			{Name: "DCGM_FI_DEV_POWER_USAGE", By: ByDCGM},
			{Name: "nvidia_smi_power_draw_watts", By: ByNvidiaGPU},
		},
	},
}
