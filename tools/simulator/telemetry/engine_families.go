package telemetry

import (
	"slices"
	"strconv"

	"github.com/llmserving/grafana-vllm-datasource/tools/simulator/engine"
)

// engineFamily is one row of the table of vllm:* families: since is the first
// version that has the name, until the first that has not. Version 28 stands
// for "after 0.27, seen in 0.32": the recordings leave it open.
type engineFamily struct {
	name         string
	help         string
	since, until Version
	only         func(engine.Config) bool // nil: always present
	gauge        func(*EngineMetrics) float64
	counter      func(*EngineMetrics) float64
	histogram    func(*EngineMetrics) *Histogram
	children     func(*EngineMetrics) []child // instead of gauge or counter
	kind         string                       // of the children
	perServer    bool                         // without the engine label, once
}

// child is one value of an extra label.
type child struct {
	label Label
	read  func() float64
	since Version
}

// engineFamilies in the order of vLLM's registration.
var engineFamilies = []engineFamily{
	{name: "vllm:estimated_flops_per_gpu_total", since: Version{17, 0}, counter: never,
		help: "Estimated number of floating point operations per GPU (for Model Flops Utilization calculations)."},
	{name: "vllm:estimated_read_bytes_per_gpu_total", since: Version{17, 0}, counter: never,
		help: "Estimated number of bytes read from memory per GPU (for Model Flops Utilization calculations)."},
	{name: "vllm:estimated_write_bytes_per_gpu_total", since: Version{17, 0}, counter: never,
		help: "Estimated number of bytes written to memory per GPU (for Model Flops Utilization calculations)."},
	{name: "vllm:num_requests_running", help: "Number of requests in model execution batches.",
		gauge: func(m *EngineMetrics) float64 { return m.running }},
	{name: "vllm:num_requests_waiting", help: "Number of requests waiting to be processed.",
		gauge: func(m *EngineMetrics) float64 { return m.waiting }},
	{name: "vllm:num_requests_waiting_by_reason", since: Version{20, 0}, kind: "gauge",
		help: "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
		children: func(m *EngineMetrics) []child {
			return []child{
				{label: Label{"reason", "capacity"}, read: func() float64 { return m.waiting }},
				{label: Label{"reason", "deferred"}, read: zero},
			}
		}},
	{name: "vllm:engine_sleep_state", since: Version{11, 1}, kind: "gauge",
		help: "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.",
		children: func(*EngineMetrics) []child {
			return []child{
				{label: Label{"sleep_state", "awake"}, read: one},
				{label: Label{"sleep_state", "weights_offloaded"}, read: zero},
				{label: Label{"sleep_state", "discard_all"}, read: zero},
			}
		}},
	{name: "vllm:gpu_cache_usage_perc", until: Version{11, 0}, help: "GPU KV-cache usage. 1 means 100 percent usage.",
		gauge: func(m *EngineMetrics) float64 { return m.kvUsage }},
	{name: "vllm:gpu_prefix_cache_queries_total", until: Version{11, 0}, help: "GPU prefix cache queries, in terms of number of queried tokens.",
		counter: func(m *EngineMetrics) float64 { return m.cacheQueries }},
	{name: "vllm:gpu_prefix_cache_hits_total", until: Version{11, 0}, help: "GPU prefix cache hits, in terms of number of cached tokens.",
		counter: func(m *EngineMetrics) float64 { return m.cacheHits }},
	{name: "vllm:kv_cache_usage_perc", since: Version{9, 2}, help: "KV-cache usage. 1 means 100 percent usage.",
		gauge: func(m *EngineMetrics) float64 { return m.kvUsage }},
	{name: "vllm:prefix_cache_queries_total", since: Version{9, 2}, help: "Prefix cache queries, in terms of number of queried tokens.",
		counter: func(m *EngineMetrics) float64 { return m.cacheQueries }},
	{name: "vllm:prefix_cache_hits_total", since: Version{9, 2}, help: "Prefix cache hits, in terms of number of cached tokens.",
		counter: func(m *EngineMetrics) float64 { return m.cacheHits }},
	{name: "vllm:external_prefix_cache_queries_total", since: Version{11, 1}, counter: never,
		help: "External prefix cache queries from KV connector cross-instance cache sharing, in terms of number of queried tokens."},
	{name: "vllm:external_prefix_cache_hits_total", since: Version{11, 1}, counter: never,
		help: "External prefix cache hits from KV connector cross-instance cache sharing, in terms of number of cached tokens."},
	{name: "vllm:mm_cache_queries_total", since: Version{11, 1}, counter: never,
		help: "Multi-modal cache queries, in terms of number of queried items."},
	{name: "vllm:mm_cache_hits_total", since: Version{11, 1}, counter: never,
		help: "Multi-modal cache hits, in terms of number of cached items."},
	{name: "vllm:num_preemptions_total", help: "Cumulative number of preemption from the engine.",
		counter: func(m *EngineMetrics) float64 { return m.preemptions }},
	{name: "vllm:prompt_tokens_total", help: "Number of prefill tokens processed.",
		counter: func(m *EngineMetrics) float64 { return m.promptTokens }},
	{name: "vllm:prompt_tokens_by_source_total", since: Version{16, 0}, kind: "counter",
		help: "Number of prompt tokens by source.",
		children: func(m *EngineMetrics) []child {
			return []child{
				{label: Label{"source", "local_compute"}, read: func() float64 { return m.promptTokens - m.promptTokensCached }},
				{label: Label{"source", "local_cache_hit"}, read: func() float64 { return m.promptTokensCached }},
				{label: Label{"source", "external_kv_transfer"}, read: zero},
			}
		}},
	{name: "vllm:prompt_tokens_cached_total", since: Version{16, 0}, help: "Number of cached prompt tokens (local + external).",
		counter: func(m *EngineMetrics) float64 { return m.promptTokensCached }},
	{name: "vllm:prompt_tokens_cached_by_source_total", since: Version{28, 0}, kind: "counter",
		help: "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.",
		children: func(m *EngineMetrics) []child {
			return []child{
				{label: Label{"source", "device"}, read: func() float64 { return m.cacheHits }},
				{label: Label{"source", "host"}, read: zero},
				{label: Label{"source", "p2p"}, read: zero},
				{label: Label{"source", "disk"}, read: zero},
				{label: Label{"source", "external_unspecified"}, read: zero},
			}
		}},
	{name: "vllm:generation_tokens_total", help: "Number of generation tokens processed.",
		counter: func(m *EngineMetrics) float64 { return m.generationTokens }},
	{name: "vllm:request_success_total", help: "Count of successfully processed requests.", kind: "counter",
		children: func(m *EngineMetrics) []child {
			var all []child
			for _, r := range finishReasons {
				all = append(all, child{
					label: Label{"finished_reason", string(r)},
					read:  func() float64 { return *m.success[r] },
					since: reasonSince[r],
				})
			}
			return all
		}},
	{name: "vllm:admission_rejections_total", since: Version{28, 0}, kind: "counter", perServer: true,
		help: "Number of admission attempts rejected by a queue limit, by reason.",
		children: func(*EngineMetrics) []child {
			return []child{
				{label: Label{"reason", "max_num_queued_reqs"}, read: zero},
				{label: Label{"reason", "max_num_queued_tokens"}, read: zero},
			}
		}},
	{name: "vllm:request_prompt_tokens", help: "Number of prefill tokens processed.",
		histogram: func(m *EngineMetrics) *Histogram { return m.promptLength }},
	{name: "vllm:request_generation_tokens", help: "Number of generation tokens processed.",
		histogram: func(m *EngineMetrics) *Histogram { return m.generationLength }},
	{name: "vllm:iteration_tokens_total", help: "Histogram of number of tokens per engine_step.",
		histogram: func(m *EngineMetrics) *Histogram { return m.iterationTokens }},
	{name: "vllm:request_max_num_generation_tokens", help: "Histogram of maximum number of requested generation tokens.",
		histogram: func(m *EngineMetrics) *Histogram { return m.maxGenerationLength }},
	{name: "vllm:request_params_n", help: "Histogram of the n request parameter.",
		histogram: func(m *EngineMetrics) *Histogram { return m.n }},
	{name: "vllm:request_params_max_tokens", help: "Histogram of the max_tokens request parameter.",
		histogram: func(m *EngineMetrics) *Histogram { return m.maxTokens }},
	{name: "vllm:time_to_first_token_seconds", help: "Histogram of time to first token in seconds.",
		histogram: func(m *EngineMetrics) *Histogram { return m.ttft }},
	{name: "vllm:time_per_output_token_seconds", until: Version{12, 0}, help: "Histogram of time per output token in seconds.",
		histogram: func(m *EngineMetrics) *Histogram { return m.interToken }},
	{name: "vllm:inter_token_latency_seconds", since: Version{10, 2}, help: "Histogram of inter-token latency in seconds.",
		histogram: func(m *EngineMetrics) *Histogram { return m.interToken }},
	{name: "vllm:request_time_per_output_token_seconds", since: Version{11, 0}, help: "Histogram of time_per_output_token_seconds per request.",
		histogram: func(m *EngineMetrics) *Histogram { return m.timePerOutput }},
	{name: "vllm:e2e_request_latency_seconds", help: "Histogram of e2e request latency in seconds.",
		histogram: func(m *EngineMetrics) *Histogram { return m.e2e }},
	{name: "vllm:request_queue_time_seconds", help: "Histogram of time spent in WAITING phase for request.",
		histogram: func(m *EngineMetrics) *Histogram { return m.queue }},
	{name: "vllm:request_inference_time_seconds", help: "Histogram of time spent in RUNNING phase for request.",
		histogram: func(m *EngineMetrics) *Histogram { return m.inference }},
	{name: "vllm:request_prefill_time_seconds", help: "Histogram of time spent in PREFILL phase for request.",
		histogram: func(m *EngineMetrics) *Histogram { return m.prefill }},
	{name: "vllm:request_decode_time_seconds", help: "Histogram of time spent in DECODE phase for request.",
		histogram: func(m *EngineMetrics) *Histogram { return m.decode }},
	{name: "vllm:request_num_preemptions", since: Version{28, 0}, help: "Histogram of the number of times a request was preempted.",
		histogram: func(m *EngineMetrics) *Histogram { return m.preempted }},
	{name: "vllm:request_prefill_kv_computed_tokens", since: Version{13, 0},
		help:      "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
		histogram: func(m *EngineMetrics) *Histogram { return m.kvComputed }},
	{name: "vllm:spec_decode_num_drafts_total", only: speculative, help: "Number of spec decoding drafts.",
		counter: func(m *EngineMetrics) float64 { return m.drafts }},
	{name: "vllm:spec_decode_num_draft_tokens_total", only: speculative, help: "Number of draft tokens.",
		counter: func(m *EngineMetrics) float64 { return m.draftTokens }},
	{name: "vllm:spec_decode_num_accepted_tokens_total", only: speculative, help: "Number of accepted tokens.",
		counter: func(m *EngineMetrics) float64 { return m.acceptedTokens }},
	{name: "vllm:spec_decode_num_accepted_tokens_per_pos_total", only: speculative, kind: "counter",
		help: "Accepted tokens per draft position.",
		children: func(m *EngineMetrics) []child {
			var all []child
			for i := range m.acceptedPerPos {
				all = append(all, child{
					label: Label{"position", strconv.Itoa(i)},
					read:  func() float64 { return m.acceptedPerPos[i] },
				})
			}
			return all
		}},
}

// reasonSince is when the later finish reasons appeared.
var reasonSince = map[engine.FinishReason]Version{
	engine.Error:      {13, 0},
	engine.Repetition: {17, 0},
}

func zero() float64                    { return 0 }
func one() float64                     { return 1 }
func never(*EngineMetrics) float64     { return 0 }
func speculative(c engine.Config) bool { return c.SpeculativeTokens > 0 }
func (f engineFamily) in(v Version) bool {
	return v.since(f.since.Minor, f.since.Patch) &&
		(f.until == Version{} || !v.since(f.until.Minor, f.until.Patch))
}

// addEngines adds all families of all engines of one server.
func (e *Exposition) addEngines(v Version, model string, config engine.Config, created float64, engines []*EngineMetrics) {
	for _, f := range engineFamilies {
		if !f.in(v) || f.only != nil && !f.only(config) {
			continue
		}
		for i, m := range engines {
			labels := engineLabels(model, i)
			if f.perServer {
				if i > 0 {
					continue
				}
				labels = labels[1:]
			}
			switch {
			case f.gauge != nil:
				e.gauge(f.name, f.help, labels, func() float64 { return f.gauge(m) })
			case f.counter != nil:
				e.counter(f.name, f.help, labels, created, func() float64 { return f.counter(m) })
			case f.histogram != nil:
				e.histogram(f.name, f.help, labels, created, f.histogram(m))
			case f.children != nil:
				for _, c := range f.children(m) {
					if !v.since(c.since.Minor, c.since.Patch) {
						continue
					}
					e.child(f, append(slices.Clone(labels), c.label), created, c.read)
				}
			}
		}
	}
}

func (e *Exposition) child(f engineFamily, labels []Label, created float64, read func() float64) {
	if f.kind == "gauge" {
		e.gauge(f.name, f.help, labels, read)
		return
	}
	e.counter(f.name, f.help, labels, created, read)
}
