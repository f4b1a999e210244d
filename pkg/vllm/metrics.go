package vllm

import (
	"slices"
)

// Canonical metric names: the newest exposed name without vLLM's prefix. Everything above this package speaks in these;
// only the builders of a store's queries ask which name the engines at hand really expose.
//
// #nosec G101 -- tokens are what a model reads and writes, here
const (
	NumRequestsRunning         = "num_requests_running"
	NumRequestsWaiting         = "num_requests_waiting"
	NumRequestsWaitingByReason = "num_requests_waiting_by_reason"
	KVCacheUsage               = "kv_cache_usage_perc"
	NumPreemptions             = "num_preemptions_total"
	EngineSleepState           = "engine_sleep_state"
	CacheConfigInfo            = "cache_config_info"

	PrefixCacheQueries = "prefix_cache_queries_total"
	PrefixCacheHits    = "prefix_cache_hits_total"

	PromptTokens            = "prompt_tokens_total"
	PromptTokensBySource    = "prompt_tokens_by_source_total"
	PromptTokensCached      = "prompt_tokens_cached_total"
	GenerationTokens        = "generation_tokens_total"
	RequestSuccess          = "request_success_total"
	AdmissionRejections     = "admission_rejections_total"
	RequestPromptTokens     = "request_prompt_tokens"
	RequestGenerationTokens = "request_generation_tokens"
	IterationTokens         = "iteration_tokens_total"

	TTFT      = "time_to_first_token_seconds"
	TPOT      = "request_time_per_output_token_seconds"
	ITL       = "inter_token_latency_seconds"
	E2E       = "e2e_request_latency_seconds"
	Queue     = "request_queue_time_seconds"
	Prefill   = "request_prefill_time_seconds"
	Decode    = "request_decode_time_seconds"
	Inference = "request_inference_time_seconds"

	SpecDecodeDrafts         = "spec_decode_num_drafts_total"
	SpecDecodeDraftTokens    = "spec_decode_num_draft_tokens_total"
	SpecDecodeAcceptedTokens = "spec_decode_num_accepted_tokens_total"

	HTTPRequests = "http_requests_total"

	GPUUtilization = "gpu_utilization"
	GPUMemoryUsed  = "gpu_memory_used"
	GPUPower       = "gpu_power"
)

// ProcessStartTime is when the API server's process began, in Unix seconds. Prometheus' Python client exposes it, as those of
// most programs do, so it tells of vLLM only beside a metric of vLLM's, and stands in no table. With several API servers
// (data parallelism too) it is not there.
const ProcessStartTime = "process_start_time_seconds"

// SleepStates are the values of LabelSleepState by level: awake, weights moved to the host, weights discarded.
var SleepStates = []string{"awake", "weights_offloaded", "discard_all"}

// DefaultMetricPrefix is vLLM's own. Some collectors cannot carry a colon and rewrite it to "vllm_".
const DefaultMetricPrefix = "vllm:"

// Labels that vLLM and its web server set themselves, beyond the places of LabelNames.
//
// #nosec G101 -- as above
const (
	LabelFinishedReason = "finished_reason"      // on RequestSuccess
	LabelReason         = "reason"               // on NumRequestsWaitingByReason and AdmissionRejections
	LabelSource         = "source"               // on PromptTokensBySource
	LabelSleepState     = "sleep_state"          // on EngineSleepState
	LabelKVCacheTokens  = "kv_cache_size_tokens" // on CacheConfigInfo, newer versions
	LabelGPUBlocks      = "num_gpu_blocks"       // on CacheConfigInfo
	LabelBlockSize      = "block_size"           // on CacheConfigInfo, tokens
	LabelStatus         = "status"               // on HTTPRequests: 2xx, 4xx, 5xx
	LabelHandler        = "handler"              // on HTTPRequests: the route's template
	LabelMethod         = "method"               // on HTTPRequests
)

// FinishReasons are the values of LabelFinishedReason. "error" is counted since 0.13, "repetition" since 0.17. A client's
// disconnect is not among them: those requests finish without being counted (upstream issue 31503).
var FinishReasons = []string{"stop", "length", "abort", "error", "repetition"}

// WaitingReasons are the values of LabelReason: no room in the batch or in the KV cache, or not yet allowed in (LoRA
// slot, remote KV, grammar).
var WaitingReasons = []string{"capacity", "deferred"}

// MetricType says how a metric must be read. It cannot be told from the name: iteration_tokens_total is a histogram.
type MetricType uint8

// The types. Info is a gauge that is always 1 and speaks through its labels.
const (
	Gauge MetricType = iota + 1
	Counter
	Histogram
	Info
)

// Unit is what a canonical value counts.
type Unit string

// The units.
const (
	UnitSeconds  Unit = "s"
	UnitTokens   Unit = "tokens"
	UnitRequests Unit = "requests"
	UnitEvents   Unit = "events"
	UnitRatio    Unit = "ratio" // 0 to 1
	UnitBytes    Unit = "bytes"
	UnitWatts    Unit = "W"
	UnitState    Unit = "state" // 0 or 1
)

// Exporter is the program that exposes a metric.
type Exporter uint8

// The exporters. Only vLLM's names carry the prefix.
const (
	ByVLLM      Exporter = iota // the engine's own registry
	ByWebServer                 // prometheus-fastapi-instrumentator inside the API server: no model_name, no engine
	ByDCGM                      // NVIDIA dcgm-exporter
	ByNvidiaGPU                 // utkuozdemir/nvidia_gpu_exporter
)

// Exposed is one name under which a metric was or is exposed.
type Exposed struct {
	Name string // without the prefix
	By   Exporter
	// Since and Until are the first and last vLLM release with this name; empty = before 0.8, or still there. For a release
	// or two after Until it can be had by --show-hidden-metrics-for-version.
	Since, Until string
	// Scale turns the exposed value into the canonical unit; 0 means 1.
	Scale float64
}

// Factor turns an exposed value into the canonical unit by multiplication.
func (e Exposed) Factor() float64 {
	if e.Scale == 0 {
		return 1
	}
	return e.Scale
}

// Full is the name as a store holds it.
func (e Exposed) Full(prefix string) string {
	if e.By == ByVLLM {
		return prefix + e.Name
	}
	return e.Name
}

// Metric is one row of the table: a canonical name and its history.
type Metric struct {
	Name   string // canonical
	Type   MetricType
	Unit   Unit
	Labels []string // beyond model_name and engine
	// NoEngine is set where the API server counts, for all its engines together.
	NoEngine bool
	Buckets  []float64 // finite upper bounds; nil when they depend on the model
	Names    []Exposed // newest first: where a store has several, the first wins
	Note     string
}

// GPU reports whether the metric describes a device, which no vLLM label names: it joins by pod or host.
func (m Metric) GPU() bool {
	return len(m.Names) > 0 && (m.Names[0].By == ByDCGM || m.Names[0].By == ByNvidiaGPU)
}

// LookupMetric finds a metric by its canonical name.
func LookupMetric(canonical string) (Metric, bool) {
	i := slices.IndexFunc(metrics, func(m Metric) bool { return m.Name == canonical })
	if i < 0 {
		return Metric{}, false
	}
	return metrics[i], true
}

// Metrics lists the whole table, in the order of metrics_table.go.
func Metrics() []Metric { return slices.Clone(metrics) }
