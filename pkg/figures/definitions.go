package figures

import (
	"github.com/llmserving/grafana-vllm-datasource/pkg/catalogue"
	"github.com/llmserving/grafana-vllm-datasource/pkg/vllm"
)

// figure is one key figure of the catalogue.
type figure struct {
	Name string // stable: saved in dashboards
	Unit Unit
	Help string
	// needs are the queries whose answers of takes. Figures of a histogram name that instead, and columns.go reads it as
	// the form of the answer wants it.
	needs   []need
	of      func(group) []float64
	latency string // canonical histogram of a figure with quantiles
	meanOf  string // canonical histogram of a mean
	guarded bool   // a mean to be taken from the buckets, which tell when it cannot be trusted
}

// Key is the figure's name.
func (f figure) Key() string { return f.Name }

// quantiles reports whether the figure has one value per quantile.
func (f figure) quantiles() bool { return f.latency != "" }

// The queries that figures share.
var (
	finished     = need{kind: rate, metric: vllm.RequestSuccess, split: vllm.LabelFinishedReason}
	rejected     = need{kind: rate, metric: vllm.AdmissionRejections}
	answered     = need{kind: web, metric: vllm.HTTPRequests, split: vllm.LabelStatus}
	running      = need{kind: gauge, metric: vllm.NumRequestsRunning, agg: "sum", over: "avg_over_time"}
	waiting      = need{kind: gauge, metric: vllm.NumRequestsWaiting, agg: "sum", over: "avg_over_time"}
	waitingBy    = need{kind: gauge, metric: vllm.NumRequestsWaitingByReason, agg: "sum", over: "avg_over_time", split: vllm.LabelReason}
	kvMax        = need{kind: gauge, metric: vllm.KVCacheUsage, agg: "max", over: "max_over_time"}
	kvMean       = need{kind: gauge, metric: vllm.KVCacheUsage, agg: "avg", over: "avg_over_time"}
	preemptions  = need{kind: rate, metric: vllm.NumPreemptions}
	cacheQueries = need{kind: rate, metric: vllm.PrefixCacheQueries}
	cacheHits    = need{kind: rate, metric: vllm.PrefixCacheHits}
	promptTokens = need{kind: rate, metric: vllm.PromptTokens}
	outputTokens = need{kind: rate, metric: vllm.GenerationTokens}
	drafts       = need{kind: rate, metric: vllm.SpecDecodeDrafts}
	draftTokens  = need{kind: rate, metric: vllm.SpecDecodeDraftTokens}
	accepted     = need{kind: rate, metric: vllm.SpecDecodeAcceptedTokens}
	gpuBusy      = need{kind: gpu, metric: vllm.GPUUtilization, agg: "avg"}
	gpuMemory    = need{kind: gpu, metric: vllm.GPUMemoryUsed, agg: "sum"}
	gpuPower     = need{kind: gpu, metric: vllm.GPUPower, agg: "sum"}
	gpus         = need{kind: devices, metric: vllm.GPUMemoryUsed}
	known        = need{kind: seen, metric: vllm.NumRequestsRunning}
)

// allFigures are the catalogue, in the order of a table's columns.
var allFigures = catalogue.Of[string, figure]{
	{
		Name: "request_rate", Unit: RequestsPerSecond, needs: []need{finished},
		Help: "finished sequences, by any reason; a client's disconnect is not counted by vLLM",
		of:   func(g group) []float64 { return g.total(finished) },
	},
	{
		Name: "error_rate", Unit: RequestsPerSecond, needs: []need{finished},
		Help: "sequences that the engine finished with an error; not known before vLLM 0.13, which does not count them",
		of:   func(g group) []float64 { return g.errors() },
	},
	{
		Name: "error_ratio", Unit: Ratio, needs: []need{finished},
		Help: "error_rate / request_rate; not known without traffic",
		of:   func(g group) []float64 { return ratio(g.errors(), g.total(finished)) },
	},
	{
		Name: "rejection_rate", Unit: RequestsPerSecond, needs: []need{rejected},
		Help: "requests refused because the queue is full (vLLM 0.32 and newer)",
		of:   func(g group) []float64 { return g.get(rejected, "") },
	},
	{
		Name: "rejection_ratio", Unit: Ratio, needs: []need{rejected, finished},
		Help: "rejected / (rejected + finished); not known without traffic",
		of: func(g group) []float64 {
			return ratio(g.get(rejected, ""), Sum(g.get(rejected, ""), g.total(finished)))
		},
	},
	webRate("http_4xx_rate", "4xx", "answers that refuse the request: validation, unknown model, no access"),
	webRatio("http_4xx_ratio", "4xx"),
	webRate("http_5xx_rate", "5xx", "answers that fail; a stream that fails after its headers counts as 2xx"),
	webRatio("http_5xx_ratio", "5xx"),

	latency("ttft", vllm.TTFT, "time to first token"),
	mean("ttft_mean", vllm.TTFT, Seconds, "mean time to first token"),
	latency("tpot", vllm.TPOT, "time per output token after the first, per request (vLLM 0.11 and newer)"),
	mean("tpot_mean", vllm.TPOT, Seconds, "mean of the requests' time per output token"),
	latency("itl", vllm.ITL, "inter-token latency: one value per engine step"),
	mean("itl_mean", vllm.ITL, Seconds, "mean inter-token latency"),
	latency("e2e", vllm.E2E, "end-to-end latency: arrival to last token; buckets begin at 0.3 s"),
	mean("e2e_mean", vllm.E2E, Seconds, "mean end-to-end latency"),
	latency("queue", vllm.Queue, "time in the queue; buckets begin at 0.3 s"),
	mean("queue_mean", vllm.Queue, Seconds, "mean time in the queue"),
	latency("prefill", vllm.Prefill, "scheduled to first token; buckets begin at 0.3 s"),
	guardedMean("prefill_mean", vllm.Prefill, "mean prefill time; not known when an aborted request put the host's uptime (if hours) into it"),
	latency("decode", vllm.Decode, "first to last token; buckets begin at 0.3 s"),
	mean("decode_mean", vllm.Decode, Seconds, "mean decode time"),

	{
		Name: "running", Unit: Requests, needs: []need{running, known},
		Help: "requests in the batches of all engines, on average over the range",
		of:   func(g group) []float64 { return g.average(running, "") },
	},
	{
		Name: "waiting", Unit: Requests, needs: []need{waiting, known},
		Help: "requests waiting before all engines, on average over the range",
		of:   func(g group) []float64 { return g.average(waiting, "") },
	},
	{
		Name: "waiting_capacity", Unit: Requests, needs: []need{waitingBy, known},
		Help: "of those, waiting for room in the batch or the KV cache (vLLM 0.20 and newer)",
		of:   func(g group) []float64 { return g.average(waitingBy, "capacity") },
	},
	{
		Name: "waiting_deferred", Unit: Requests, needs: []need{waitingBy, known},
		Help: "of those, waiting for a LoRA slot, remote KV or a grammar (vLLM 0.20 and newer)",
		of:   func(g group) []float64 { return g.average(waitingBy, "deferred") },
	},
	{
		Name: "kv_cache_usage_max", Unit: Ratio, needs: []need{kvMax},
		Help: "highest KV-cache usage of any engine",
		of:   func(g group) []float64 { return g.get(kvMax, "") },
	},
	{
		Name: "kv_cache_usage_mean", Unit: Ratio, needs: []need{kvMean},
		Help: "KV-cache usage, mean over engines and time",
		of:   func(g group) []float64 { return g.get(kvMean, "") },
	},
	{
		Name: "preemption_rate", Unit: EventsPerSecond, needs: []need{preemptions},
		Help: "preemptions; one request can be preempted several times",
		of:   func(g group) []float64 { return g.get(preemptions, "") },
	},
	{
		Name: "prefix_cache_hit_ratio", Unit: Ratio, needs: []need{cacheHits, cacheQueries},
		Help: "prompt tokens found in the local prefix cache / looked up",
		of:   func(g group) []float64 { return ratio(g.get(cacheHits, ""), g.get(cacheQueries, "")) },
	},
	{
		Name: "prompt_token_rate", Unit: TokensPerSecond, needs: []need{promptTokens},
		Help: "prompt tokens of finished prefills, cached ones included",
		of:   func(g group) []float64 { return g.get(promptTokens, "") },
	},
	{
		Name: "generation_token_rate", Unit: TokensPerSecond, needs: []need{outputTokens},
		Help: "sampled tokens",
		of:   func(g group) []float64 { return g.get(outputTokens, "") },
	},
	mean("prompt_tokens_mean", vllm.RequestPromptTokens, Tokens, "mean prompt length of finished requests"),
	mean("generation_tokens_mean", vllm.RequestGenerationTokens, Tokens, "mean output length of finished requests"),
	finishReason("finished_stop", "stop", "ended by a stop condition"),
	finishReason("finished_length", "length", "cut by max_tokens or the model's length"),
	finishReason("finished_abort", "abort", "aborted by the engine itself (pause, sleep, shutdown)"),
	finishReason("finished_repetition", "repetition", "ended by repetition detection (vLLM 0.17 and newer)"),
	{
		Name: "spec_decode_acceptance_ratio", Unit: Ratio, needs: []need{accepted, draftTokens},
		Help: "accepted / drafted tokens; only with speculative decoding",
		of:   func(g group) []float64 { return ratio(g.get(accepted, ""), g.get(draftTokens, "")) },
	},
	{
		Name: "spec_decode_acceptance_length", Unit: Tokens, needs: []need{accepted, drafts},
		Help: "mean tokens per draft, the bonus token included; only with speculative decoding",
		of:   func(g group) []float64 { return plusOne(ratio(g.get(accepted, ""), g.get(drafts, ""))) },
	},
	{
		Name: "gpu_utilization", Unit: Ratio, needs: []need{gpuBusy},
		Help: "mean over the GPUs whose pod, or whose host, serves this model alone; near 1 for any busy decode",
		of:   func(g group) []float64 { return g.get(gpuBusy, "") },
	},
	{
		Name: "gpu_memory_used", Unit: Bytes, needs: []need{gpuMemory, known},
		Help: "sum over those GPUs, on average over the range; vLLM takes it at start, so it says nothing about load",
		of:   func(g group) []float64 { return g.average(gpuMemory, "") },
	},
	{
		Name: "gpu_power", Unit: Watts, needs: []need{gpuPower, known},
		Help: "sum over those GPUs, on average over the range",
		of:   func(g group) []float64 { return g.average(gpuPower, "") },
	},
	{
		Name: "energy_per_generated_token", Unit: Joules, needs: []need{gpuPower, outputTokens},
		Help: "energy of those GPUs / generated tokens, which bear all of it; not known without traffic",
		of:   func(g group) []float64 { return ratio(g.get(gpuPower, ""), g.get(outputTokens, "")) },
	},
	{
		Name: "gpus", Unit: GPUs, needs: []need{gpus, known},
		Help: "number of those GPUs, on average over the range; one that served for a part of it counts for that part",
		of:   func(g group) []float64 { return g.average(gpus, "") },
	},
	cost("cost_per_hour", "gpus × the data source's price of a GPU hour",
		[]need{gpus, known}, func(g group) []float64 { return g.costPerHour() }),
	cost("cost_per_million_tokens", "cost of those GPUs / tokens, in millions: prompt (cached ones included) and generated; not known without traffic",
		[]need{gpus, promptTokens, outputTokens},
		func(g group) []float64 {
			return g.costPerMillion(both(g.get(promptTokens, ""), g.get(outputTokens, "")))
		}),
	cost("cost_per_million_generated_tokens", "cost of those GPUs / generated tokens, in millions: they bear the whole cost; not known without traffic",
		[]need{gpus, outputTokens},
		func(g group) []float64 { return g.costPerMillion(g.get(outputTokens, "")) }),
}

func cost(name, help string, needs []need, of func(group) []float64) figure {
	return figure{Name: name, Unit: Money, Help: help, needs: needs, of: of}
}

func latency(name, histogram, help string) figure {
	return figure{Name: name, Unit: Seconds, Help: help, latency: histogram}
}

func mean(name, histogram string, unit Unit, help string) figure {
	return figure{Name: name, Unit: unit, Help: help, meanOf: histogram}
}

func guardedMean(name, histogram, help string) figure {
	return figure{Name: name, Unit: Seconds, Help: help, meanOf: histogram, guarded: true}
}

func finishReason(name, reason, help string) figure {
	return figure{
		Name: name, Unit: RequestsPerSecond, Help: help, needs: []need{finished},
		of: func(g group) []float64 { return g.get(finished, reason) },
	}
}

func webRate(name, status, help string) figure {
	return figure{
		Name: name, Unit: RequestsPerSecond, Help: "POST /v1/…: " + help, needs: []need{answered},
		of: func(g group) []float64 { return g.orZero(answered, status) },
	}
}

func webRatio(name, status string) figure {
	return figure{
		Name: name, Unit: Ratio, Help: "POST /v1/…: " + status + " / all answers; not known without traffic",
		needs: []need{answered},
		of:    func(g group) []float64 { return ratio(g.orZero(answered, status), g.total(answered)) },
	}
}

// Names lists the figures, in the order of a table's columns.
func Names() []string { return allFigures.Keys() }
